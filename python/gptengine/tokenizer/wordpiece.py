"""WordPiece, the tokenizer of BERT: words, and the longest known parts of each from the left.

tok = WordPiece.load("model")  # vocab.txt, or a tokenizer.json of the type WordPiece
ids = tok.encode("Hello, world", template=True)  # [CLS] hello , world [SEP]
"""

import pathlib
import re
import warnings

import numpy as np

from gptengine.tokenizer import hugging_face, stages
from gptengine.tokenizer.arguments import several
from gptengine.tokenizer.bert_text import BertText
from gptengine.tokenizer.vocabulary import check_ids, in_order

VOCAB_FILE = "vocab.txt"
SPECIAL_TOKENS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
PREFIX = "##"  # of a token that goes on with a word
LONGEST_WORD = 100  # characters
MOST_LONGEST_WORD = 1000  # that a file may say: a word takes up to the cube of it
MOST_CACHED = 1 << 16  # words
# What tokens lose of the space before them when they are decoded.
CLOSE = (" .", " ?", " !", " ,", " n't", " 'm", " 's", " 've", " 're")


class WordPiece:
    """A vocabulary of whole words and parts of words.

    vocab_size      number of tokens
    special_tokens  dict from name to id: control tokens, which text gives only on request
    """

    def __init__(
        self,
        tokens,
        *,
        special_tokens=None,
        text=None,
        unknown="[UNK]",
        longest_word=LONGEST_WORD,
        template=None,
        cleanup=True,
    ):
        """tokens by id; special_tokens and template default to BERT's.

        template is the ids before and after a text: ([CLS], [SEP]).
        """
        ids = {token: i for i, token in enumerate(tokens)}
        if len(ids) < len(tokens):
            i, token = next((i, t) for i, t in enumerate(tokens) if ids[t] != i)
            raise ValueError(f"the tokens {i} and {ids[token]} are both {token!r:.80}")
        if "" in ids:
            raise ValueError(f"the token {ids['']} is empty")
        if not isinstance(unknown, str) or unknown not in ids:
            raise ValueError(f"there is no token {unknown!r:.80} for unknown words")
        if special_tokens is None:
            special_tokens = {name: ids[name] for name in SPECIAL_TOKENS if name in ids}
        if template is None:
            template = [[ids[name]] if name in ids else [] for name in ("[CLS]", "[SEP]")]
        self.special_tokens, self.unk_id = dict(special_tokens), ids[unknown]
        self.template = tuple([*side] for side in template)
        self._tokens, self._ids, self._text = list(tokens), ids, text or BertText()
        self._longest_word, self._cleanup, self._cache = longest_word, cleanup, {}
        # Of the tokens that begin a word and that go on with it, the longest first.
        self._lengths = {
            prefix: sorted({len(t) - len(prefix) for t in ids if t.startswith(prefix)} - {0})[::-1]
            for prefix in ("", PREFIX)
        }
        names = sorted(self.special_tokens, key=len, reverse=True)  # the longest that fits
        self._specials = re.compile("|".join(map(re.escape, names))) if names else None

    @classmethod
    def load(cls, path):
        """Reads a folder, a vocab.txt, or a tokenizer.json of the type WordPiece."""
        path = pathlib.Path(path)
        file = path
        if path.is_dir():
            file = path / hugging_face.TOKENIZER_FILE
            file = file if file.is_file() else path / VOCAB_FILE
        if not file.is_file():
            raise ValueError(f"{file}: no such file: WordPiece is a folder with it, or the file")
        config = hugging_face.read_config(file.parent / hugging_face.CONFIG_FILE)
        try:
            if file.suffix == ".json":
                return cls(**_from_json(hugging_face.decode(file)))
            return cls(_lines(file), text=_text_of_config(config))
        except ValueError as error:
            raise ValueError(f"{file}: {error}") from None

    def save(self, path):
        """Writes a folder of tokenizer.json and tokenizer_config.json, as transformers reads it."""
        path = pathlib.Path(path)
        path.mkdir(parents=True, exist_ok=True)
        hugging_face.atomic_write(
            path / hugging_face.TOKENIZER_FILE, hugging_face.encode(self._to_json())
        )
        names = [name for name in SPECIAL_TOKENS if name in self.special_tokens]
        keys = {f"{name[1:-1].lower()}_token": name for name in names}
        config = {"tokenizer_class": "PreTrainedTokenizerFast", **keys}
        hugging_face.atomic_write(path / hugging_face.CONFIG_FILE, hugging_face.encode(config))

    def encode(self, text, *, specials="refuse", template=False):
        """The ids of a str, uint32; with template those of [CLS] and [SEP] around them.

        specials says what the name of a special token in the text means: "refuse" raises
        ValueError with its place, "text" takes it as text, "allow" makes it the control token.
        """
        ids = self._encode(text, specials)
        before, after = self.template if template else ([], [])
        return np.array([*before, *ids, *after], np.uint32)

    def encode_batch(self, texts, *, specials="refuse", template=False):
        """The ids of all texts in one uint32 array, and int64 offsets (len(texts) + 1)."""
        before, after = self.template if template else ([], [])
        ids, offsets = [], [0]
        for text in several("texts", texts):
            ids += [*before, *self._encode(text, specials), *after]
            offsets.append(len(ids))
        return np.array(ids, np.uint32), np.array(offsets, np.int64)

    def count(self, text, *, specials="refuse"):
        """The number of tokens of a text, without those around it."""
        return len(self._encode(text, specials))

    def decode(self, ids, *, skip_special_tokens=False):
        """The text of some ids: words with spaces between them, as far as they are known."""
        hidden = set(self.special_tokens.values()) if skip_special_tokens else ()
        pieces, ids = [], np.asarray(ids)
        if ids.ndim != 1:
            raise ValueError(f"decode: ids must be a list of integers, not of shape {ids.shape}")
        for place, i in enumerate(ids.tolist()):
            if type(i) is not int or not 0 <= i < self.vocab_size:
                raise KeyError(
                    f"token id {i} at {place} is not in the vocabulary of {self.vocab_size}"
                )
            if i in hidden:
                continue
            token = self._tokens[i]
            if pieces:
                token = token.removeprefix(PREFIX) if token.startswith(PREFIX) else " " + token
            if self._cleanup:
                for close in CLOSE:
                    token = token.replace(close, close[1:])
            pieces.append(token)
        return "".join(pieces)

    @property
    def vocab_size(self):
        return len(self._tokens)

    def token(self, i):
        """The token of an id."""
        return self._tokens[i]

    def __len__(self):
        return self.vocab_size

    def __repr__(self):
        return f"WordPiece(vocab_size={self.vocab_size}, special_tokens={self.special_tokens})"

    def _to_json(self):
        flags = dict.fromkeys(("single_word", "lstrip", "rstrip", "normalized"), False)
        sides = [[self._tokens[i] for i in side] for side in self.template]
        around = [[{"SpecialToken": {"id": name, "type_id": 0}} for name in side] for side in sides]
        single = [*around[0], {"Sequence": {"id": "A", "type_id": 0}}, *around[1]]
        second = {"Sequence": {"id": "B", "type_id": 1}}
        closing = [{"SpecialToken": {"id": name, "type_id": 1}} for name in sides[1]]
        known = sorted({name for side in sides for name in side})
        return {
            "version": "1.0",
            "truncation": None,
            "padding": None,
            "added_tokens": [
                {"id": i, "content": name, **flags, "special": True}
                for name, i in sorted(self.special_tokens.items(), key=lambda item: item[1])
            ],
            "normalizer": {
                "type": "BertNormalizer",
                "clean_text": self._text.clean_text,
                "handle_chinese_chars": self._text.chinese_chars,
                "strip_accents": self._text.strip_accents,
                "lowercase": self._text.lowercase,
            },
            "pre_tokenizer": {"type": "BertPreTokenizer"},
            "post_processor": {
                "type": "TemplateProcessing",
                "single": single,
                "pair": [*single, second, *closing],
                "special_tokens": {
                    name: {"id": name, "ids": [self._ids[name]], "tokens": [name]} for name in known
                },
            },
            "decoder": {"type": "WordPiece", "prefix": PREFIX, "cleanup": self._cleanup},
            "model": {
                "type": "WordPiece",
                "unk_token": self._tokens[self.unk_id],
                "continuing_subword_prefix": PREFIX,
                "max_input_chars_per_word": self._longest_word,
                "vocab": {token: i for i, token in enumerate(self._tokens)},
            },
        }

    def _encode(self, text, specials):
        if not isinstance(text, str):
            raise ValueError(f"encode: a text must be str, not {type(text).__name__}")
        if specials not in ("refuse", "text", "allow"):
            raise ValueError(f"specials={specials!r:.80} must be refuse, text or allow")
        ids, start = [], 0
        if specials != "text" and self._specials:
            for match in self._specials.finditer(text):
                if specials == "refuse":
                    raise ValueError(
                        f"encode: the special token {match[0]} stands at character "
                        f'{match.start()}; specials="text" takes it as text, "allow" as a '
                        "control token"
                    )
                ids += self._encode_text(text[start : match.start()])
                ids.append(self.special_tokens[match[0]])
                start = match.end()
        return ids + self._encode_text(text[start:])

    def _encode_text(self, text):
        ids, cache = [], self._cache
        for word in self._text.words(text):
            known = cache.get(word)
            if known is None:
                known = self._parts(word)
                if len(word) <= self._longest_word:
                    if len(cache) >= MOST_CACHED:
                        cache = self._cache = {}
                    cache[word] = known
            ids += known
        return ids

    def _parts(self, word):
        """The longest tokens from the left; the unknown token where some part is none."""
        if len(word) > self._longest_word:
            return [self.unk_id]
        parts, start = [], 0
        while start < len(word):
            prefix = PREFIX if start else ""
            left = len(word) - start
            for length in self._lengths[prefix]:
                if length > left:
                    continue
                i = self._ids.get(prefix + word[start : start + length])
                if i is not None:
                    break
            else:
                return [self.unk_id]
            parts.append(i)
            start += length
        return parts


def _lines(file):
    if file.stat().st_size > hugging_face.MOST_BYTES:
        raise ValueError(f"the file has more than {hugging_face.MOST_BYTES} bytes")
    lines = file.read_bytes().decode("utf-8").split("\n")
    while lines and not lines[-1]:
        del lines[-1]
    return [line.rstrip() for line in lines]


def _text_of_config(config):
    """BertText as tokenizer_config.json wants it."""
    lowercase, chinese = (
        config.get(key, True) for key in ("do_lower_case", "tokenize_chinese_chars")
    )
    return BertText(
        lowercase=bool(lowercase),
        chinese_chars=bool(chinese),
        strip_accents=config.get("strip_accents"),
    )


def _from_json(data):
    """What WordPiece() takes, of the contents of a tokenizer.json."""
    model = data.get("model") if isinstance(data, dict) else None
    if not isinstance(model, dict) or model.get("type") != "WordPiece":
        kind = model.get("type") if isinstance(model, dict) else None
        raise ValueError(f"the model type is {kind!r:.80}, not 'WordPiece'")
    normalizer, cut, decoder = (data.get(k) for k in ("normalizer", "pre_tokenizer", "decoder"))
    for name, stage, kind in (
        ("normalizer", normalizer, "BertNormalizer"),
        ("pre_tokenizer", cut, "BertPreTokenizer"),
        ("decoder", decoder, "WordPiece"),
    ):
        if not isinstance(stage, dict) or stage.get("type") != kind:
            raise ValueError(f"{name} {stage!r:.200}: only {kind} is supported")
    for name, prefix in (
        ("model.continuing_subword_prefix", model.get("continuing_subword_prefix", PREFIX)),
        ("decoder.prefix", decoder.get("prefix", PREFIX)),
    ):
        if prefix != PREFIX:
            raise ValueError(f"{name} is {prefix!r:.80}, not {PREFIX!r}")
    longest = model.get("max_input_chars_per_word", LONGEST_WORD)
    if type(longest) is not int or not 0 < longest <= MOST_LONGEST_WORD:
        raise ValueError(
            f"model.max_input_chars_per_word is {longest!r:.40}, not 1 to {MOST_LONGEST_WORD}"
        )
    vocab = model.get("vocab")
    if not isinstance(vocab, dict):
        raise ValueError("the model has no vocab")
    specials, _ = hugging_face.special_tokens(data.get("added_tokens") or [])
    tokens = in_order(vocab, specials)
    check_ids(vocab, specials)
    if None in tokens:
        raise ValueError(f"no token has the id {tokens.index(None)}, but there are higher ids")
    for stage in ("truncation", "padding"):
        if data.get(stage):
            warnings.warn(f"WordPiece: {stage} {data[stage]!r:.80} is not done here", stacklevel=4)
    return dict(
        tokens=tokens,
        special_tokens=specials,
        text=_text(normalizer),
        unknown=model.get("unk_token", "[UNK]"),
        longest_word=longest,
        template=_template(data, {name: i for i, name in enumerate(tokens)}),
        cleanup=bool(decoder.get("cleanup", True)),
    )


def _text(normalizer):
    keys = dict(
        clean_text="clean_text",
        handle_chinese_chars="chinese_chars",
        strip_accents="strip_accents",
        lowercase="lowercase",
    )
    options = {ours: normalizer.get(key) for key, ours in keys.items()}
    for key, value in options.items():
        if not isinstance(value, bool) and (value is not None or key != "strip_accents"):
            raise ValueError(f"normalizer.{key} is {value!r:.80}, not true or false")
    return BertText(**options)


def _template(data, ids):
    stage = data.get("post_processor")
    if isinstance(stage, dict) and stage.get("type") == "BertProcessing":
        sides = []
        for key in ("cls", "sep"):
            pair = stage.get(key)
            if not isinstance(pair, list) or len(pair) != 2 or type(pair[0]) is not str:
                raise ValueError(f"post_processor.{key} is {pair!r:.80}, not a name and an id")
            if type(pair[1]) is not int or ids.get(pair[0]) != pair[1]:
                raise ValueError(f"post_processor.{key} {pair!r:.80} is not in the vocab")
            sides.append([pair[1]])
        return sides
    return stages.around(stages.template_of(data, ids))
