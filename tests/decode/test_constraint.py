"""What a constrained model writes validates, whatever it would rather write."""

import json
import re
import sys

import jsonschema
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gptengine import Model, Tokenizer
from gptengine.constraint import JsonSchema, Regex
from gptengine.draw import Row, draw
from gptengine.generate import stream
from gptengine.sampler import Sampler
from model.cases import small

WORDS = 'true false null {"a":1,"b":["x","y"]} -12.5 [1, 2, 3] yes no 2024-01-31 München '
TOK = Tokenizer.train(
    [WORDS * 3], vocab_size=300, special_tokens=("<|endoftext|>", "<|user|>"), min_frequency=1
)
END, USER = TOK.special_tokens["<|endoftext|>"], TOK.special_tokens["<|user|>"]


def written(constraint, seed, most=4000):
    """What a model of random logits writes: text, and whether it came to an end."""
    row = Row(Sampler(), [], seed=seed, constraint=constraint.compile(TOK))
    rng, ids = np.random.default_rng(seed), []
    while len(ids) < most and not row.is_done:
        z = rng.normal(size=(1, TOK.vocab_size)).astype(np.float32) * 2
        z[0, USER] = 20  # what it would like best
        ids.append(int(draw(z, [row]).ids[0]))
        if ids[-1] == END:
            ids.pop()
            break
    assert USER not in ids and END not in ids
    return TOK.decode(ids, errors="strict"), len(ids) < most


leaves = st.one_of(
    st.just({"type": "boolean"}),
    st.just({"type": "null"}),
    st.builds(
        lambda low, more: {"type": "integer", "minimum": low, "maximum": low + more},
        st.integers(-1000, 1000),
        st.integers(0, 5000),
    ),
    st.builds(
        lambda low, more: {"type": "string", "minLength": low, "maxLength": low + more},
        st.integers(0, 4),
        st.integers(0, 9),
    ),
    st.just({"type": "string", "pattern": "^[a-f]{2,5}$"}),
    st.lists(
        st.sampled_from(["red", "grün", 3, None, True, 'a"b']), min_size=1, unique_by=repr
    ).map(lambda values: {"enum": values}),
    st.sampled_from([{"const": {"k": [1, "x"]}}, {"type": "string", "format": "date"}]),
)


def objects(children):
    names = st.dictionaries(st.sampled_from(["a", "b", "née", 'q"', "z z"]), children, max_size=3)
    return st.builds(
        lambda properties, required: {
            "type": "object",
            "properties": properties,
            "required": [name for name in properties if name in required],
            "additionalProperties": False,
        },
        names,
        st.sets(st.sampled_from(["a", "née", 'q"'])),
    )


schemas = st.recursive(
    leaves,
    lambda children: st.one_of(
        objects(children),
        st.builds(
            lambda items, n, more: {
                "type": "array",
                "items": items,
                "minItems": n,
                "maxItems": n + more,
            },
            children,
            st.integers(0, 2),
            st.integers(0, 3),
        ),
        st.lists(children, min_size=1, max_size=3).map(lambda any_of: {"anyOf": any_of}),
    ),
    max_leaves=6,
)


@settings(max_examples=60)
@given(schema=schemas, whitespace=st.sampled_from(["", " ?"]), seed=st.integers(0, 99))
def test_what_a_schema_constrains_validates(schema, whitespace, seed):
    text, ended = written(JsonSchema(schema, whitespace), seed)
    assert ended
    jsonschema.validate(json.loads(text), schema)


@settings(max_examples=60)
@given(
    pattern=st.sampled_from(
        [r"yes|no", r"[0-9]{4}-[0-9]{2}-[0-9]{2}", r"(ab?c){1,5}", r"M.nchen\n?", r"", r"[é-ü]{3}"]
    ),
    seed=st.integers(0, 99),
)
def test_what_a_pattern_constrains_matches(pattern, seed):
    text, ended = written(Regex(pattern), seed)
    assert ended and re.fullmatch(pattern, text)


def test_each_sequence_has_a_matcher_of_its_own(rng):
    model = Model(small(vocab_size=TOK.vocab_size + 77), seed=1)  # padded beyond the tokenizer
    grammar = Regex(r"(yes|no)( yes| no){0,3}\.").compile(TOK)
    prompts = [TOK.encode("a"), TOK.encode("true false")]
    options = dict(max_new_tokens=30, seed=3, constraint=grammar, top_logprobs=2)
    outs = model.generate(prompts, n=3, **options)
    texts = [TOK.decode(out.tokens) for out in outs]
    assert len(set(texts)) > 1
    for out, text in zip(outs, texts, strict=True):
        assert re.fullmatch(r"(yes|no)( yes| no){0,3}\.", text) and out.finish == "stop"
        assert out.top_ids.shape == out.top_logprobs.shape == (len(out.tokens), 2)
        assert (out.top_logprobs[:, 0] >= out.logprobs).all()
    [alone] = model.generate(prompts[:1], **options)
    assert TOK.decode(alone.tokens) == texts[0]


@pytest.mark.parametrize("vocab_size", [287, 288, 289, 320])
@pytest.mark.parametrize("padded", [0, 1, 32, 40])
def test_masks_fit_vocabularies_of_whole_words(vocab_size, padded):
    specials = ("<|endoftext|>", *map("<{}>".format, range(vocab_size - 257)))
    tok = Tokenizer.bytes(special_tokens=specials)
    constraint = Regex("[ab]").compile(tok)
    assert len(constraint.matcher().mask()) == -(-vocab_size // 32)
    row = Row(Sampler(temperature=0), [], constraint=constraint)
    z = np.zeros((1, vocab_size + padded), np.float32)
    z[0, [tok.token_id("b"), vocab_size - 1]] = 5, 9
    z[0, vocab_size:] = 9
    assert draw(z, [row]).ids.tolist() == [tok.token_id("b")]


def test_streams_end_with_their_constraint():
    model = Model(small(vocab_size=TOK.vocab_size), seed=1)
    pieces = stream(model, TOK, "a", constraint=Regex("yes(no)?"), seed=2)
    text = ""
    while True:
        try:
            text += next(pieces)
        except StopIteration as end:
            assert text in ("yes", "yesno") and end.value == "stop"
            break


def test_what_pydantic_writes_is_understood():
    point = {"properties": {"x": {"title": "X", "type": "integer", "maximum": 9, "minimum": 0}}}
    point |= {"required": ["x"], "title": "Point", "type": "object", "additionalProperties": False}
    schema = {
        "$defs": {"Point": point},
        "title": "Line",
        "description": "Some points.",
        "type": "object",
        "properties": {
            "points": {"type": "array", "items": {"$ref": "#/$defs/Point"}, "maxItems": 4},
            "name": {"anyOf": [{"type": "string", "maxLength": 5}, {"type": "null"}]},
            "kind": {"default": "open", "enum": ["open", "closed"]},
        },
        "required": ["points", "name"],
        "additionalProperties": False,
    }
    for seed in range(10):
        text, ended = written(JsonSchema(schema), seed)
        assert ended
        jsonschema.validate(json.loads(text), schema)


def test_compiled_once_and_copied():
    schema = {"type": "integer", "minimum": 0, "maximum": 9}
    grammar = JsonSchema(schema).compile(TOK)
    assert JsonSchema(json.dumps(schema)).compile(TOK) is grammar
    one = Regex("ab|ac").compile(TOK).matcher()
    one.advance(TOK.encode("a")[0])
    other = one.copy()
    one.advance(TOK.encode("b")[0])
    assert one.is_done and one.is_accepting and not other.is_done and not other.is_accepting
    with pytest.raises(ValueError, match=r"Regex\('ab\|ac'\): .*doesn't satisfy"):
        other.advance(TOK.encode("x")[0])


def nested(levels):
    schema = {"type": "null"}
    for _ in range(levels):
        schema = {"type": "array", "items": schema}
    return schema


@pytest.mark.parametrize(
    "make, says",
    [
        (lambda: JsonSchema("{"), "the JSON Schema: not JSON"),
        (lambda: JsonSchema([1]), r"a JSON Schema is an object, not \[1\]"),
        (lambda: JsonSchema(nested(400)).compile(TOK), "cannot be compiled: recursion limit"),
        (lambda: Regex(3), "pattern 3 must be a str"),
        (lambda: Regex("a(b").compile(TOK), r"Regex\('a\(b'\) cannot be compiled: .*unclosed"),
        (lambda: JsonSchema({"type": "strin"}).compile(TOK), "cannot be compiled: .*strin"),
        (
            lambda: JsonSchema({"type": "string", "not": {"const": "a"}}).compile(TOK),
            r'cannot be compiled: .*"not"',
        ),
        (
            lambda: Regex("a").compile(Tokenizer.bytes(special_tokens=())),
            "the tokenizer has no end-of-text token",
        ),
    ],
)
def test_what_cannot_be_compiled_is_named(make, says):
    with pytest.raises(ValueError, match=says):
        make()


def test_the_extra_is_named_when_it_is_absent(monkeypatch):
    monkeypatch.setitem(sys.modules, "llguidance", None)
    with pytest.raises(ValueError, match=r"pip install 'gptengine\[grammar\]'"):
        Regex("not compiled before").compile(TOK)


def test_what_generate_cannot_use_is_named():
    model, prompt = Model(small(vocab_size=TOK.vocab_size)), [1]
    with pytest.raises(ValueError, match=r"Regex\('a'\) is not compiled: .compile\(tokenizer\)"):
        model.generate(prompt, constraint=Regex("a"))
    with pytest.raises(ValueError, match="tokenizer of 300 tokens, the logits are of 67"):
        Model(small()).generate(prompt, constraint=Regex("a").compile(TOK))
    with pytest.raises(ValueError, match="top_k 3 beside a sampler"):
        model.generate(prompt, sampler=Sampler(), top_k=3)
    with pytest.raises(ValueError, match="top_logprobs 301 must be from 0 to .* 300"):
        model.generate(prompt, top_logprobs=TOK.vocab_size + 1)
