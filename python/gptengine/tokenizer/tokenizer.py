"""The tokenizer: learns a byte-level BPE vocabulary, encodes text with it, decodes ids.

tok = Tokenizer.train([pathlib.Path("corpus.txt")], vocab_size=8192)
ids = tok.encode("Hello, world")
tok.save("model")  # tokenizer.json and tokenizer_config.json
"""

import hashlib

import numpy as np

from gptengine import _core
from gptengine.tokenizer import formats, ggml_keys, readings, spaces, stages, training
from gptengine.tokenizer.arguments import integer, names, number, several, token_ids, utf8
from gptengine.tokenizer.encode_file import encode_file
from gptengine.tokenizer.encode_segments import encode_segments
from gptengine.tokenizer.stream_decoder import StreamDecoder
from gptengine.tokenizer.vocabulary import END_OF_TEXT, Vocabulary, name_of

ENCODE_ERRORS = ("replace", "strict")
UNITS = ("bytes", "chars")
DECODE_ERRORS = ("replace", "strict", "ignore")


class Tokenizer:
    """A byte-level BPE vocabulary. Immutable, and safe to use from any number of threads.

    vocab_size      number of tokens, special ones included
    special_tokens  dict from name to id: control tokens, which text gives only on request
    eos_token       name of the token that ends a text, or None; eos_id is its id
    bos_id          id of the one that begins a text, where its file names one, or None
    template        ids that others put before and after a text; encode() leaves that to its caller
    """

    def __init__(self, vocabulary, eos_token=END_OF_TEXT, config=None):
        specials = vocabulary.special_tokens
        self._vocabulary = vocabulary
        self._core = _core.Bpe(
            vocabulary.tokens,
            vocabulary.merges,
            list(specials.values()),
            vocabulary.split,
            vocabulary.ignore_merges,
        )
        self.mode = vocabulary.mode
        self.training_report = None
        self.config = dict(config or {})  # of tokenizer_config.json: what belongs to others is kept
        self.eos_token = eos_token if eos_token in specials else None
        self.eos_id = specials.get(eos_token)
        self.bos_id = specials.get(name_of(self.config.get("bos_token")))
        self.template = stages.around(vocabulary.template)

    @classmethod
    def train(
        cls,
        texts_or_paths,
        *,
        vocab_size,
        split="gpt2",
        special_tokens=(END_OF_TEXT,),
        min_frequency=2,
        ties="huggingface",
        max_token_length=None,
        forbidden=(),
        weights=None,
        base=None,
        memory="1GiB",
        progress=None,
    ):
        """Learns a vocabulary: 256 bytes first, then merges, then the special tokens.

        texts_or_paths: texts (str or bytes, or arrays of them), files (pathlib.Path) and uint8
        arrays of one text each: one, or an iterable of them. The same texts give the same
        vocabulary, in whatever order and on however many threads.

        split             by name, or by splits.rules(...), which other programs do not read
        vocab_size        of all tokens; fewer where no pair is left that occurs min_frequency times
        special_tokens    names that are cut out of the texts, and that no token crosses
        max_token_length  in bytes
        forbidden         byte strings (or str) that must not become tokens
        weights           how often each text counts, positive integers
        base              a Tokenizer to continue: its tokens keep their ids, and the new merges
                          and special tokens come after them
        memory            for all that is counted and kept; texts in memory do not count.
                          Where it does not suffice, the rarest pieces of text are left out, which
                          a warning and training_report say; with it in the phase of counting, the
                          result may depend on the order of the texts
        progress          called now and then with (phase, done, total): phase "count" in bytes,
                          total None where it is not known, then phase "merge" in merges

        ties: of equally frequent pairs, that with the smaller left token comes first, and then
        that with the smaller right token. "huggingface" has the bytes in the order of their
        characters in tokenizer.json (33 to 126, 161 to 172, 174 to 255, then the others: so the
        space comes late), and then the merges in their order; so the merges are those of the
        trainer of `tokenizers`, except that of a piece of more than 1024 bytes, here each 1024 are
        learned from for themselves. "bytes" compares ids: bytes by their value, then merges.
        """
        if not isinstance(base, Tokenizer | None):
            raise ValueError(f"tokenizer: base is {base!r:.80} and must be a Tokenizer")
        vocabulary, report = training.train(
            texts_or_paths,
            vocab_size=vocab_size,
            split=split,
            special_tokens=names(special_tokens),
            min_frequency=min_frequency,
            ties=ties,
            max_token_length=max_token_length,
            forbidden=forbidden,
            weights=weights,
            base=None if base is None else base._vocabulary,
            memory=memory,
            progress=progress,
        )
        tok = cls(vocabulary) if base is None else cls(vocabulary, base.eos_token, base.config)
        tok.training_report = report
        return tok

    @classmethod
    def bytes(cls, *, special_tokens=(END_OF_TEXT,)):
        """A vocabulary of the 256 bytes and the special tokens: nothing to learn."""
        merges = np.empty((0, 2), np.uint32)
        return cls(Vocabulary.of_bytes(merges, names(special_tokens)))

    @classmethod
    def load(cls, path, *, split=None, special_tokens=None):
        """Reads a tokenizer from a folder or a file, in whatever format it is.

        tokenizer.json (BPE), vocab.json with merges.txt, .tiktoken, .gguf, tekken.json, a .model of
        SentencePiece (BPE), the codes of subword-nmt. split and special_tokens (ids by name) are
        for those that do not say them: .tiktoken needs both (the split may stand behind its
        name, x.tiktoken:gpt2), vocab.json has GPT-2's split if nothing is said.
        """
        file, split = formats.named(path, split)
        vocabulary, config = formats.read(file, split, special_tokens)
        eos_token, bos_token = config.get("eos_token", END_OF_TEXT), config.get("bos_token")
        eos_token, bos_token = name_of(eos_token), name_of(bos_token)
        try:
            for key, name in ("eos_token", eos_token), ("bos_token", bos_token):
                if not isinstance(name, str | None):
                    raise ValueError(f"{key} is {name!r:.80}, not a name")
            return cls(vocabulary, eos_token, config)
        except ValueError as error:
            raise ValueError(f"{file}: {error}") from None

    def save(self, path):
        """Writes a folder of tokenizer.json and tokenizer_config.json, or a file by its suffix.

        Any .json is a tokenizer.json, which tokenizers, transformers and what builds on them read
        back with the same ids, or refuse where the split is one by rules; vocab.json and merges.txt
        come together; .tiktoken; .gguf. What a format cannot say without changing ids is refused,
        and a suffix of letters that is none of these, unless such a folder is there.
        """
        formats.write(path, self._vocabulary, self.config, self.eos_token)

    def gguf_keys(self, vocab_size):
        """The keys of a GGUF file that say this tokenizer, for a model of so many tokens."""
        return ggml_keys.metadata(self._vocabulary, self.config, self.eos_token, vocab_size)

    def encode(self, text, *, specials="refuse", mode=None, dropout=0.0, seed=0, errors="replace"):
        """The ids of a text (str or bytes), uint32.

        specials says what the name of a special token in the text means: "refuse" raises
        ValueError with its offset, "text" takes it as text like any other, "allow" makes it the
        control token, a set of names does so for these and refuses the others.

        mode: None for the vocabulary's own; "merges" joins in the order of its merges, if it has a
        list of them, "bpe" the two tokens that make the token with the smallest id, "greedy" takes
        the longest token.
        dropout leaves out joins at random by `seed`, for training on varied tokens.

        A str is encoded as UTF-8, a lone surrogate as U+FFFD or with errors="strict" refused;
        bytes may be any.
        """
        return self._core.encode(text, self._how(specials, mode, dropout, seed, errors))

    def encode_batch(
        self,
        texts,
        *,
        specials="refuse",
        mode=None,
        dropout=0.0,
        seed=0,
        errors="replace",
        continued=False,
    ):
        """The ids of all texts in one uint32 array, and int64 offsets (len(texts) + 1).

        As many threads work on it as GPTE_THREADS allows; the ids do not depend on how many.
        continued: the texts go on from others, so that no space is put before them where a
        tokenizer puts one.
        """
        if isinstance(texts, (str, bytes)):
            raise ValueError("encode_batch: texts must be several texts: for one, use encode")
        how = self._how(specials, mode, dropout, seed, errors)
        return self._core.encode_batch([*several("texts", texts)], how, continued)

    def count(self, text, *, specials="refuse", mode=None, errors="replace"):
        """The number of tokens of a text, without making them."""
        return self._core.count(text, self._how(specials, mode, 0.0, 0, errors))

    def encode_with_offsets(
        self, text, *, unit="bytes", specials="refuse", mode=None, errors="replace"
    ):
        """The ids, and the start and end (n, 2) of each in the text, counted by unit.

        unit: "bytes" of its UTF-8, which the tokens tile, or "chars", of which one that is spread
        over several tokens belongs to each of them.
        """
        if unit not in UNITS:
            raise ValueError(f"encode: unit={unit!r} must be one of {UNITS}")
        how = self._how(specials, mode, 0.0, 0, errors)
        ids, spans = self._core.encode_with_spans(text, how, unit == "chars")
        return ids, spans.reshape(-1, 2)

    def encode_segments(self, segments, *, mode=None, errors="replace"):
        """The ids of segments end to end: a str or bytes is plain text, an int is an id.

        For chat templates: markers come from code as ids, and no text can forge one. Where a space
        is put before a text, it is before the first segment and, if before each stretch of text,
        behind control tokens. An empty text is none.
        """
        return encode_segments(self, segments, mode=mode, errors=errors)

    def encode_file(self, source, target, *, specials="refuse", mode=None, progress=None):
        """Writes the ids of a file of text to another as a flat array; see encode_file.py."""
        return encode_file(self, source, target, specials=specials, mode=mode, progress=progress)

    def truncate(self, text, n, *, specials="refuse", mode=None, errors="replace"):
        """The longest prefix, a str or bytes as text is, whose own encoding has at most n ids.

        It ends with a whole character.
        """
        n = integer("n", n, 0)
        prefix = self._core.truncate(text, n, self._how(specials, mode, 0.0, 0, errors))
        return prefix if isinstance(text, bytes) else prefix.decode()

    @property
    def cache_bytes(self):
        """The most memory, in bytes, that each thread's cache of pieces takes; 0 turns it off.

        At most 32 GiB. The one thing that can be set; it changes no ids.
        """
        return self._core.cache_bytes

    @cache_bytes.setter
    def cache_bytes(self, value):
        self._core.cache_bytes = integer("cache_bytes", value, 0)

    def clear_cache(self):
        """Gives the memory of the caches back; the next texts fill them again."""
        self._core.clear_cache()

    def decode(self, ids, *, errors="replace"):
        """The text of some ids.

        errors: for what is not UTF-8, "replace" gives U+FFFD, "ignore" nothing, "strict" raises
        UnicodeDecodeError.
        """
        if errors not in DECODE_ERRORS:
            raise ValueError(f"decode: errors={errors!r} must be one of {DECODE_ERRORS}")
        return self._core.decode(self._checked(ids), errors)

    def decode_bytes(self, ids):
        """The bytes of some ids: exactly what was encoded, if the tokens are made of bytes.

        Where tokens are those of words, one space stands between words and none behind the last.
        Those of SentencePiece make ▁ a space; and where one is put before texts without one, that
        of a text that has one is taken for it.
        """
        return self._core.decode_bytes(self._checked(ids))

    def stream_decoder(self, after=()):
        """A StreamDecoder, which turns ids into text as they come, behind those of `after`."""
        return StreamDecoder(self, after)

    @property
    def vocab_size(self):
        return self._core.vocab_size

    @property
    def special_tokens(self):
        return dict(self._vocabulary.special_tokens)

    @property
    def fingerprint(self):
        """A hash of all that decides about ids, to tell whether two tokenizers agree."""
        digest = hashlib.sha256(self._vocabulary.merges.tobytes())
        for token in self._vocabulary.tokens:
            digest.update(len(token).to_bytes(8, "little") + token)
        digest.update(np.array(sorted(self.special_tokens.values()), np.uint32).tobytes())
        kind = (self._vocabulary.split, self._vocabulary.mode, self._vocabulary.ignore_merges)
        if kind != ("gpt2", "merges", False):  # the usual ones are not said
            digest.update(repr(kind).encode())
        return digest.hexdigest()

    def ambiguous_tokens(self):
        """The ids of tokens that the list of merges makes otherwise than joining by ids does.

        Where there are none, the modes "merges" and "bpe" agree, and so do files of either kind.
        A vocabulary of ranks has none, and no mode "merges".
        """
        return readings.differences(self._vocabulary)

    def token_bytes(self, token):
        """The bytes that one id stands for."""
        return self._core.token(int(self._checked([token])[0]))

    def token_id(self, token):
        """The id of a special token by its name, a str, or of another by its bytes or its text.

        The bytes are those of token_bytes; where two tokens have the same, a letter and the byte
        that stands in for one, it is that of the letter.
        """
        data = utf8(token)
        if isinstance(token, str) and token in self._vocabulary.special_tokens:
            return self._vocabulary.special_tokens[token]
        pieces = spaces.is_split(self._vocabulary.split)
        for spelled in spaces.spellings(data) if pieces else [data]:
            if (found := self._core.id(spelled)) is not None:
                return found
        raise KeyError(f"{token!r:.80} is no token of this vocabulary")

    def __len__(self):
        return self.vocab_size

    def __eq__(self, other):
        """Whether both give the same ids, and call the same tokens special."""
        if not isinstance(other, Tokenizer):
            return NotImplemented
        return self.fingerprint == other.fingerprint and self.eos_token == other.eos_token

    def __hash__(self):
        return hash(self.fingerprint)

    def __reduce__(self):
        """For other processes: the vocabulary and what is set; the engine's part is made again."""
        settings = {"cache_bytes": self.cache_bytes}
        return type(self), (self._vocabulary, self.eos_token, self.config), (None, settings)

    def __repr__(self):
        return f"Tokenizer(vocab_size={self.vocab_size}, special_tokens={self.special_tokens})"

    def _checked(self, ids):
        return token_ids(ids, self.vocab_size)

    def _how(self, specials, mode, dropout, seed, errors):
        """What _core asks to know of encoding."""
        if errors not in ENCODE_ERRORS:
            raise ValueError(f"encode: errors={errors!r} must be one of {ENCODE_ERRORS}")
        if mode is not None and not isinstance(mode, str):
            raise ValueError(f"tokenizer: mode {mode!r:.80} must be merges, bpe or greedy")
        if mode == "merges" and self._vocabulary.mode == "bpe":
            raise ValueError("tokenizer: mode merges: a vocabulary of ranks has no list of merges")
        if dropout != 0:
            dropout = number("dropout", dropout)
        if seed != 0:
            seed = integer("seed", seed, 0, 1 << 64)
        as_text, allowed = self._policy(specials)
        return (
            as_text,
            allowed,
            self.mode if mode is None else mode,
            dropout,
            seed,
            errors == "strict",
        )

    def _policy(self, specials):
        """(whether names are text, ids of the allowed control tokens)"""
        known = self._vocabulary.special_tokens
        if specials == "text":
            return True, []
        if specials == "refuse":
            return False, []
        if specials == "allow":
            return False, list(known.values())
        if isinstance(specials, str):
            raise ValueError(f"specials={specials!r} must be refuse, text, allow or a set of names")
        specials = [*several("specials", specials)]
        for name in specials:
            if not isinstance(name, str) or name not in known:
                raise ValueError(f"specials: {name!r} is not one of {list(known)}")
        return False, [known[name] for name in specials]
