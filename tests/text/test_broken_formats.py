"""Broken and hostile files of tokenizers: a ValueError that names the file, or a tokenizer."""

import base64
import json
import warnings

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gptengine.gguf import metadata as gguf
from gptengine.tokenizer import Tokenizer, formats
from text import pieces
from text.test_format_files import SPECIALS, tekken_file
from text.vocabularies import EOT, USER, of_words, tokenizer

SMALL = dict(split="gpt2", special_tokens=SPECIALS)
KNOWN = {"a.tiktoken": SMALL, "vocab.json": SMALL, "merges.txt": SMALL}
FILES = ["tokenizer.json", "words.json", "a.tiktoken", "a.gguf", "tekken.json", "codes.txt"]
FILES += ["v/vocab.json", "v/merges.txt", "v/tokenizer_config.json"]
FILES += ["pieces.json", "pieces.gguf", "pieces.model"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """One good file of each format."""
    path = tmp_path_factory.mktemp("good")
    tok = tokenizer()
    for name in ("tokenizer.json", "a.tiktoken", "a.gguf"):
        tok.save(path / name)
    (path / "v").mkdir()
    tok.save(path / "v/vocab.json")
    formats.write(path / "words.json", of_words(), {}, EOT)
    (path / "tekken.json").write_text(json.dumps(tekken_file()))
    pieces.tokenizer("first").save(path / "pieces.json")
    pieces.tokenizer().save(path / "pieces.gguf")
    (path / "pieces.model").write_bytes(pieces.protobuf(pieces.vocabulary()))
    (path / "codes.txt").write_text("#version: 0.2\nl o\nlo w</w>\ne r</w>\n")
    return path


def read(file):
    """As Tokenizer.load does; words are only read."""
    options = KNOWN.get(file.name, {})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        file = file.parent if file.name == "tokenizer_config.json" else file
        vocabulary, _ = formats.read(formats.located(file), **options)
        return vocabulary if vocabulary.split == "words" else Tokenizer.load(file, **options)


@pytest.mark.parametrize("name", FILES)
def test_bytes_that_change(folder, name):
    file = folder / name
    good = file.read_bytes()
    read(file)
    byte = st.sampled_from([0, 9, 10, 32, 34, 44, 45, 48, 57, 58, 91, 93, 123, 125, 128, 255])
    change = st.tuples(st.floats(0, 1, exclude_max=True), byte)

    @settings(max_examples=4 * settings().max_examples)
    @given(st.lists(change, max_size=3), st.floats(0, 2), st.floats(0, 1, exclude_max=True))
    @example([], 0.0, 0.0)
    @example([], 0.5, 0.0)
    def broken(changes, end, again):
        content = bytearray(good)
        for where, value in changes:
            content[int(where * len(content))] = value
        del content[int(end * len(content)) :]
        if end > 1.5 and content:  # a part stands there twice
            start = int(again * len(content))
            content[start:start] = content[start : start + 40]
        file.write_bytes(content)
        try:
            read(file)
        except ValueError as error:
            assert str(file.parent) in str(error)

    try:
        broken()
    finally:
        file.write_bytes(good)


@pytest.mark.parametrize("name", ["tokenizer.json", "v/vocab.json"])
@pytest.mark.parametrize(
    "content",
    [
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b'{"model": {"vocab": {"a": ' + b"9" * 5000 + b"}}}",
        b'{"model": {"vocab": {"a": 1e999}}}',
        b'{"\\ud800": 0}',
        b'{"model": NaN}',
    ],
    ids=["deep-list", "deep-object", "long-number", "infinite", "surrogate", "nan"],
)
def test_hostile_json(tmp_path, name, content):
    file = tmp_path / name
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(content)
    with pytest.raises(ValueError, match=file.name):
        Tokenizer.load(file)


@pytest.mark.parametrize("key", ["eos_token", "bos_token"])
@pytest.mark.parametrize("value", [5, [EOT], {"content": [EOT]}, {"a": 1, "content": {}}])
def test_an_end_of_text_that_is_no_name(folder, tmp_path, key, value):
    (tmp_path / "tokenizer.json").write_bytes((folder / "tokenizer.json").read_bytes())
    (tmp_path / "tokenizer_config.json").write_text(json.dumps({key: value}))
    with pytest.raises(ValueError, match=rf"tokenizer\.json: {key} is .*, not a name"):
        Tokenizer.load(tmp_path)


def test_ids_that_are_huge(folder, tmp_path):
    data = json.loads((folder / "tokenizer.json").read_text())
    for bad in (1 << 31, 1 << 64, 10**300):
        data["model"]["vocab"]["new"] = bad
        (tmp_path / "tokenizer.json").write_text(json.dumps(data))
        with pytest.raises(ValueError, match="no token has the id 500, but there are higher ids"):
            Tokenizer.load(tmp_path)


def test_special_tokens_that_overlap(folder, tmp_path):
    data = json.loads((folder / "tokenizer.json").read_text())
    flags = {k: v for k, v in data["added_tokens"][0].items() if k not in ("id", "content")}
    names = ["<|", "<|a", "<|a|>", "<|a|>b"]
    data["added_tokens"] += [{"id": 500 + i, "content": n, **flags} for i, n in enumerate(names)]
    (tmp_path / "tokenizer.json").write_text(json.dumps(data))
    tok = Tokenizer.load(tmp_path)
    assert tok.encode("<|a|>b<|a|><|a<|", specials="allow").tolist() == [503, 502, 501, 500]


@pytest.mark.parametrize(
    "line, says",
    [
        (b"AA== 500", r"line 499: the tokens 0 and 500 are both b'\\x00'"),
        (b"QQ 500", "line 499: b'QQ' is not base64"),
        (b"Q!Q= 500", "line 499: b'Q!Q=' is not base64"),
        (b" 500", "line 499: the token 500 is empty"),
        (b"QUFBQQ==", "line 499 is b'QUFBQQ==', not base64"),
        (b"QUFBQQ== -5", "line 499 is b'QUFBQQ== -5', not base64"),
        (b"QUFBQQ== 5", "both have the id 5"),
        (b"QUFBQQ== 9999999999", "no token has the id 500"),
        (b"QUFBQQ== " + b"9" * 5000, "line 499 is"),
    ],
)
def test_a_broken_tiktoken_file(folder, tmp_path, line, says):
    file = tmp_path / "a.tiktoken"
    file.write_bytes((folder / "a.tiktoken").read_bytes() + line + b"\n")
    with pytest.raises(ValueError, match=rf"a\.tiktoken: .*{says}"):
        Tokenizer.load(file, **SMALL)


@pytest.mark.parametrize(
    "key, value, says",
    [
        ("model", "t5", "model is 't5', neither 'gpt2' nor 'llama'"),
        ("pre", "bloom", "pre is 'bloom', none of"),
        ("tokens", [], "no token|token_type has 500"),
        ("tokens", "x", "tokens is not a list of strings"),
        ("token_type", [], "token_type has 0 entries"),
        ("merges", ["a"], r"merge 0 is '\w+', not a pair"),
        ("merges", ["a b c"], "merge 0"),
        ("merges", ["z z"], "merge 0 .* names 'zz'"),
        ("eos_token_id", 500, "eos_token_id is 500, but there are 500"),
        ("eos_token_id", -1, "eos_token_id is -1"),
        ("add_bos_token", True, "add_bos_token is true, but None is not special"),
    ],
)
def test_a_broken_gguf_tokenizer(folder, tmp_path, key, value, says):
    keys = gguf.read_metadata(folder / "a.gguf") | {f"tokenizer.ggml.{key}": value}
    gguf.write_metadata(tmp_path / "a.gguf", keys)
    with pytest.raises(ValueError, match=rf"a\.gguf: .*({says})"):
        Tokenizer.load(tmp_path)


@pytest.mark.parametrize(
    "text, says",
    [
        ("", "the file is empty"),
        ("#version: 0.1\na b\n", "the first line is '#version: 0.1'"),
        ("#version: 0.2\na b c\n", "line 2 is 'a b c', not two tokens"),
        ("#version: 0.2\nab c\n", "line 2: 'ab' is made by no line before"),
        ("#version: 0.2\na</w> c\n", "line 2: 'a</w>' ends a word"),
        ("#version: 0.2\n\na b\n", "line 2 is empty"),
        ("#version: 0.2\nabc d\na bc\nb c\n", "line 2: 'abc' is made by no line before"),
    ],
)
def test_broken_codes(tmp_path, text, says):
    (tmp_path / "codes.txt").write_text(text)
    with pytest.raises(ValueError, match=rf"codes\.txt: .*{says}"):
        formats.read(tmp_path / "codes.txt")


@pytest.mark.parametrize(
    "change, says",
    [
        ({"pattern": r"\w+|\W+"}, r"the split pattern '.*w\+.*' is none of"),
        ({"pattern": None}, "config.pattern is None"),
        ({"default_vocab_size": 10**12}, "default_vocab_size is 1000000000000, not"),
        ({"default_vocab_size": 2000}, "default_vocab_size is 2000, but there are 20"),
        ({"default_num_special_tokens": 10**9}, "default_num_special_tokens is 1000000000"),
        ({"default_num_special_tokens": 2}, r"special_tokens\[2\] has the rank 2"),
    ],
)
def test_a_broken_tekken_file(tmp_path, change, says):
    data = tekken_file()
    data["config"] |= change
    (tmp_path / "tekken.json").write_text(json.dumps(data))
    with pytest.raises(ValueError, match=rf"tekken\.json: .*{says}"):
        Tokenizer.load(tmp_path)


def test_a_broken_vocab_of_tekken(tmp_path):
    data = tekken_file()
    for bad in ("QQ", base64.b64encode(b"A").decode(), 5, ""):
        data["vocab"][3]["token_bytes"] = bad
        (tmp_path / "tekken.json").write_text(json.dumps(data))
        with pytest.raises(ValueError, match=r"tekken\.json: vocab\[\d+\]"):
            Tokenizer.load(tmp_path)
    data["vocab"] = {USER: 5}
    (tmp_path / "tekken.json").write_text(json.dumps(data))
    with pytest.raises(ValueError, match=r"tekken\.json: vocab must be a list"):
        Tokenizer.load(tmp_path)
