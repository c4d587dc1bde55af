"""The ids of tiktoken and of tokenizers, all of them, for every split: on real text and on traps.

A vocabulary is trained for each split on all the corpora together, written as tokenizer.json and
as ranks, and read by the peers. What was compared is printed: see it with -rP.

    GPTE_TRAPS=200000 GPTE_CORPORA=code:docs:multilingual:novels.jsonl.gz GPTE_CORPORA_MB=4 \\
        python -m pytest tests/peers/test_ids_peers.py -rP

GPTE_TRAPS is how many random texts, GPTE_CORPORA are names and files as bench/corpora.py knows
them, GPTE_CORPORA_MB how much of each is compared; as much again is only trained on.
"""

import os
import sys
from pathlib import Path

import pytest

from gptengine.tokenizer import Tokenizer, splits
from text.texts import traps
from text.vocabularies import BYTE_LEVEL, EOT

sys.path.append(str(Path(__file__).parents[2]))
from bench import corpora

TRAPS = int(os.environ.get("GPTE_TRAPS", "4200"))
NAMES = os.environ.get("GPTE_CORPORA", "code:docs:multilingual").split(os.pathsep)
MB = float(os.environ.get("GPTE_CORPORA_MB", "0.5"))
VOCAB = 32_768
LENGTHS = (1, 15, 16, 17, 31, 32, 33, 63, 64, 65, 99, 100, 101, 5000)  # of runs of a letter


@pytest.fixture(scope="module")
def divided():
    """By corpus: texts to train on, and others."""
    return {corpora.title(name): corpora.divided(name, MB * 1e6, MB * 1e6) for name in NAMES}


@pytest.fixture(scope="module", params=BYTE_LEVEL)
def tok(request, divided):
    mix = [text for first, _ in divided.values() for text in first]
    mix += traps("training", 2000)
    return Tokenizer.train(mix, vocab_size=VOCAB, split=request.param)


def theirs(peer, tok, folder, monkeypatch):
    """What a peer that has read our files makes of a list of str: (ids of each, ids of each with
    the special tokens), None for what the peer cannot do."""
    module = pytest.importorskip(peer)
    if peer == "tokenizers":  # the names of special tokens are always these to it
        tok.save(folder / "tokenizer.json")
        other = module.Tokenizer.from_file(str(folder / "tokenizer.json"))
        encode = lambda texts: other.encode_batch_fast(texts, add_special_tokens=False)
        return None, lambda texts: [e.ids for e in encode(texts)]
    load = pytest.importorskip("tiktoken.load")
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", "")  # it would read another file of the same name
    tok.save(folder / "ranks.tiktoken")
    other = module.Encoding(
        "peer",
        pat_str=splits.PATTERNS[tok._vocabulary.split],
        mergeable_ranks=load.load_tiktoken_bpe(str(folder / "ranks.tiktoken")),
        special_tokens=tok.special_tokens,
    )
    allowed = lambda texts: other.encode_batch(texts, allowed_special="all")
    return other.encode_ordinary_batch, allowed


def compare(tok, texts, peer, what, tmp_path, monkeypatch):
    plain, allowed = theirs(peer, tok, tmp_path, monkeypatch)
    for specials, encode in ("text", plain), ("allow", allowed):
        if encode is None:
            continue
        ids, ends = tok.encode_batch(texts, specials=specials)
        for text, a, b, other in zip(texts, ends, ends[1:], encode(texts), strict=False):
            if ids[a:b].tolist() != other:
                pytest.fail(first_difference(tok, text, ids[a:b].tolist(), other))
    size = sum(len(text.encode()) for text in texts) / 1e6
    split = tok._vocabulary.split
    print(f"{split}: {len(texts)} texts of {what}, {size:.2f} MB, {len(ids)} ids as {peer}")


def first_difference(tok, text, ours, theirs):
    pairs = zip(ours, theirs, strict=False)
    same = next((i for i, (a, b) in enumerate(pairs) if a != b), min(len(ours), len(theirs)))
    at = len(tok.decode_bytes(ours[:same]))
    around = text.encode()[max(0, at - 40) : at + 40]
    return f"ids {ours[same : same + 9]}, not {theirs[same : same + 9]}, at byte {at}: {around}"


@pytest.mark.parametrize("peer", ["tiktoken", "tokenizers"])
@pytest.mark.parametrize("name", [corpora.title(name) for name in NAMES])
def test_ids_of_real_text(tok, divided, name, peer, tmp_path, monkeypatch):
    texts = [text.decode() for text in divided[name][1]]
    compare(tok, texts, peer, name, tmp_path, monkeypatch)


@pytest.mark.parametrize("peer", ["tiktoken", "tokenizers"])
def test_ids_of_traps(tok, peer, tmp_path, monkeypatch):
    texts = [*traps(tok._vocabulary.split, TRAPS)]
    texts += [letter * n for letter in "a \n" for n in LENGTHS]
    compare(tok, texts, peer, "traps", tmp_path, monkeypatch)
    assert EOT in "".join(texts)
