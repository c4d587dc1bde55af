"""The definitions of the ways from a piece to its tokens: slow, short, what the engine must equal.

tokens: the bytes of each id. merges: pairs of ids, by rank.
"""


def by_merges(piece, tokens, merges):
    """The listed merges, by their order, the leftmost of equals first."""
    id_of = {token: i for i, token in enumerate(tokens)}
    rank = {pair: i for i, pair in enumerate(merges)}
    word = [id_of[bytes([b])] for b in piece]
    while joins := [
        (rank[pair], i) for i, pair in enumerate(zip(word, word[1:], strict=False)) if pair in rank
    ]:
        i = min(joins)[1]
        word[i : i + 2] = [id_of[tokens[word[i]] + tokens[word[i + 1]]]]
    return word


def with_dropout(piece, tokens, merges, dropout, draw):
    """By merges, where of the joins k are passed over if a drawn share is below dropout^k.

    draw(step): the share of that step, from 0 to 1. Where all are passed over, it ends.
    """
    id_of = {token: i for i, token in enumerate(tokens)}
    rank = {pair: i for i, pair in enumerate(merges)}
    word, step = [id_of[bytes([b])] for b in piece], 0
    while True:
        pairs = enumerate(zip(word, word[1:], strict=False))
        joins = sorted((rank[pair], i) for i, pair in pairs if pair in rank)
        share, power = draw(step), dropout
        while joins and share < power:
            joins.pop(0)
            power *= dropout
        if not joins:
            return word
        i = joins[0][1]
        word[i : i + 2] = [id_of[tokens[word[i]] + tokens[word[i + 1]]]]
        step += 1


def by_rank(piece, tokens):
    """Any two neighbours that make a token, the smallest first; a token is itself. As tiktoken."""
    id_of = {token: i for i, token in enumerate(tokens)}
    if piece in id_of:
        return [id_of[piece]]
    parts = [bytes([b]) for b in piece]
    while joins := [
        (id_of[a + b], i)
        for i, (a, b) in enumerate(zip(parts, parts[1:], strict=False))
        if a + b in id_of
    ]:
        i = min(joins)[1]
        parts[i : i + 2] = [parts[i] + parts[i + 1]]
    return [id_of[part] for part in parts]


def greedy(piece, tokens):
    """The longest token, then the longest token of what is left."""
    id_of, ids = {token: i for i, token in enumerate(tokens)}, []
    while piece:
        length = max(n for n in range(1, len(piece) + 1) if piece[:n] in id_of)
        ids.append(id_of[piece[:length]])
        piece = piece[length:]
    return ids


def words(text, tokens, merges, unknown):
    """Classic BPE: the characters of each word, of which the last one carries </w>, merged."""
    id_of, ids = {token: i for i, token in enumerate(tokens)}, []
    for word in text.split():
        spelled = [*word[:-1], word[-1] + "</w>"]
        parts = [id_of.get(symbol.encode(), unknown) for symbol in spelled]
        while joins := [
            (merges.index(pair), i)
            for i, pair in enumerate(zip(parts, parts[1:], strict=False))
            if pair in merges
        ]:
            i = min(joins)[1]
            parts[i : i + 2] = [id_of[tokens[parts[i]] + tokens[parts[i + 1]]]]
        ids += parts
    return ids
