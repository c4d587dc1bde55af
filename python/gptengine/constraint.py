"""Constraints on what a model may write: JSON that follows a schema, or a regular expression.

    json = JsonSchema({"type": "object", "properties": {"age": {"type": "integer"}}}).compile(tok)
    model.generate(prompts, constraint=json)

A constraint is compiled for a tokenizer, once, and each sequence has a matcher of its own: before
a token is drawn it tells which may come, as one bit a token. Special tokens never come inside, and
the end-of-text token comes when the text is complete. Compiling is llguidance's, of
`pip install 'gptengine[grammar]'`.
"""

from __future__ import annotations

import dataclasses
import functools
import json
from collections.abc import Mapping

import numpy as np

from gptengine.files import parse_object


@dataclasses.dataclass(frozen=True)
class JsonSchema:
    """JSON that a schema validates.

    schema: a mapping, or its text; kept as text. A keyword that cannot be kept to is refused.
    whitespace: a regular expression of what may stand between the tokens of JSON. Without bounds a
    model may write spaces for ever; "" is the most compact, and r"[ \\n\\t\\r]*" is all of JSON.
    """

    schema: str | Mapping
    whitespace: str = " ?"

    def __post_init__(self):
        schema = self.schema
        if isinstance(schema, str):
            schema = parse_object(schema, "constraint: the JSON Schema")
        if not isinstance(schema, Mapping):
            raise ValueError(f"constraint: a JSON Schema is an object, not {schema!r:.80}")
        object.__setattr__(self, "schema", json.dumps(schema))  # as text it can be hashed

    def compile(self, tokenizer) -> Grammar:
        """The constraint for the ids of a tokenizer; remembered."""
        return _compiled(self, tokenizer)

    def _grammar(self, matcher) -> str:
        space = {"whitespace_pattern": self.whitespace}
        if not self.whitespace:
            space = {"whitespace_flexible": False}
        return matcher.grammar_from_json_schema(self.schema, overrides=space)

    def __str__(self) -> str:
        return f"JsonSchema({self.schema:.60})"


@dataclasses.dataclass(frozen=True)
class Regex:
    """Text that a regular expression matches from beginning to end.

    The syntax is that of Rust's regex, which is Python's without look-around and back-references.
    """

    pattern: str

    def __post_init__(self):
        if not isinstance(self.pattern, str):
            raise ValueError(f"constraint: pattern {self.pattern!r} must be a str")

    def compile(self, tokenizer) -> Grammar:
        """The constraint for the ids of a tokenizer; remembered."""
        return _compiled(self, tokenizer)

    def _grammar(self, matcher) -> str:
        return matcher.grammar_from_regex(self.pattern)

    def __str__(self) -> str:
        return f"Regex({self.pattern!r:.60})"


class Grammar:
    """A constraint compiled for a tokenizer; `matcher()` starts a sequence.

    eos_id: the token that ends a text. vocab_size: how many ids the masks tell about.
    """

    def __init__(self, constraint: JsonSchema | Regex, tokenizer):
        engine = _llguidance()
        self.constraint, self.eos_id = constraint, tokenizer.eos_id
        self.vocab_size = tokenizer.vocab_size
        try:
            grammar = constraint._grammar(engine.LLMatcher)
        except ValueError as error:  # nested too deeply for its reader
            raise ValueError(f"constraint: {constraint} cannot be compiled: {error}") from None
        failed, messages = engine.LLMatcher.validate_grammar_with_warnings(grammar)
        if failed or messages:  # a warning names what it would not keep to
            reason = " ".join(" ".join(messages).split())
            raise ValueError(f"constraint: {constraint} cannot be compiled: {reason}")
        self._start = engine.LLMatcher(_tokens(tokenizer), grammar, log_level=0)
        _check(self._start, self)

    def matcher(self) -> Matcher:
        return Matcher(self, self._start.deep_copy())

    def __str__(self) -> str:
        return str(self.constraint)


class Matcher:
    """Where one sequence stands in its constraint."""

    def __init__(self, grammar: Grammar, state):
        self._grammar, self._state = grammar, state
        self.vocab_size = grammar.vocab_size

    def mask(self) -> np.ndarray:
        """(ceil(V / 32),) int32: bit v % 32 of word v / 32 tells whether token v may come next."""
        words = np.frombuffer(self._state.compute_bitmask(), np.int32)
        _check(self._state, self._grammar)
        return words[: (self.vocab_size + 31) // 32]  # one more comes where 32 divides V

    def advance(self, token: int) -> None:
        """Go on by a token; ValueError if it may not come here."""
        if not self._state.consume_token(token):
            _check(self._state, self._grammar)

    @property
    def is_done(self) -> bool:
        """Whether the text is complete and nothing can follow but the end-of-text token."""
        return self._state.is_stopped()

    @property
    def is_accepting(self) -> bool:
        """Whether the text may end here."""
        return self._state.is_accepting()

    def copy(self) -> Matcher:
        """One that goes on by itself from here, as a sequence that forks needs."""
        return Matcher(self._grammar, self._state.deep_copy())

    def __str__(self) -> str:
        return str(self._grammar)


@functools.lru_cache(maxsize=64)
def _compiled(constraint, tokenizer):
    return Grammar(constraint, tokenizer)


@functools.lru_cache(maxsize=8)
def _tokens(tokenizer):
    """The vocabulary as llguidance knows it: the bytes of each token, and which are special."""
    if tokenizer.eos_id is None:
        raise ValueError("constraint: the tokenizer has no end-of-text token, so no text could end")
    return _llguidance().LLTokenizer(
        _Vocabulary(tokenizer), n_vocab=tokenizer.vocab_size, eos_token=tokenizer.eos_id
    )


class _Vocabulary:
    """What llguidance asks a tokenizer."""

    is_tokenizer_wrapper = True
    bos_token_id = None

    def __init__(self, tokenizer):
        self.tokens = [tokenizer.token_bytes(i) for i in range(tokenizer.vocab_size)]
        self.special_token_ids = list(tokenizer.special_tokens.values())
        self.eos_token_id = tokenizer.eos_id
        self._tokenizer = tokenizer

    def __call__(self, text):
        return self._tokenizer.encode(text, specials="text").tolist()


def _check(state, grammar):
    if state.is_error():
        reason = state.get_error().split("<state>")[0]
        raise ValueError(f"constraint: {grammar}: {' '.join(reason.split())}")


def _llguidance():
    try:
        import llguidance
    except ImportError as error:
        raise ValueError(
            f"constraint: grammars need llguidance: pip install 'gptengine[grammar]' ({error})"
        ) from None
    return llguidance
