"""tokenizer.json: written, read back, read by others, and refused where it is broken."""

import copy
import json
from functools import partial

import numpy as np
import pytest
from hypothesis import given

from gptengine.tokenizer import Tokenizer, hugging_face, splits, stages
from gptengine.tokenizer.encode_file import encode_file
from gptengine.tokenizer.vocabulary import spell
from text.texts import BLANKS, WORDS, texts

EOT = "<|endoftext|>"


@pytest.fixture(scope="module")
def tok():
    rng = np.random.default_rng(0)
    corpus = ["".join(rng.choice(WORDS + BLANKS, 400)) for _ in range(8)]
    return Tokenizer.train(corpus, vocab_size=500, special_tokens=[EOT, "<|user|>"])


@pytest.fixture
def file(tok, tmp_path):
    tok.save(tmp_path)
    return tmp_path / "tokenizer.json"


@given(texts())
def test_tokenizers_gives_the_same_ids(tok, text):
    tokenizers = pytest.importorskip("tokenizers")
    theirs = tokenizers.Tokenizer.from_str(json.dumps(hugging_face.to_json(tok._vocabulary)))
    ids = tok.encode(text, specials="allow").tolist()
    assert theirs.encode(text).ids == ids
    assert theirs.decode(ids, skip_special_tokens=False) == text


@given(texts())
def test_tiktoken_gives_the_same_ids(tok, text):
    tiktoken = pytest.importorskip("tiktoken")
    special_tokens = tok.special_tokens
    ranks = {tok.token_bytes(i): i for i in range(tok.vocab_size - len(special_tokens))}
    pattern = splits.PATTERNS["gpt2"]
    theirs = tiktoken.Encoding(
        "ours",
        pat_str=pattern,
        mergeable_ranks=ranks,
        special_tokens=special_tokens,
    )
    assert theirs.encode_ordinary(text) == tok.encode(text, specials="text").tolist()
    assert theirs.encode(text, allowed_special="all") == tok.encode(text, specials="allow").tolist()


def test_tokenizers_learns_the_same_tokens(tok):
    """Its ties go by the order of its alphabet, so only a corpus without ties is compared."""
    tokenizers = pytest.importorskip("tokenizers")
    corpus = "".join(" " + word * (i + 1) for i, word in enumerate("abcdefghij")) * 2
    theirs = tokenizers.Tokenizer(tokenizers.models.BPE())
    theirs.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    alphabet = tokenizers.pre_tokenizers.ByteLevel.alphabet()
    trainer = tokenizers.trainers.BpeTrainer(
        vocab_size=262, initial_alphabet=alphabet, show_progress=False
    )
    theirs.train_from_iterator([corpus], trainer)
    ours = Tokenizer.train(corpus, vocab_size=262, special_tokens=[])
    want = {spell(ours.token_bytes(i)) for i in range(262)}
    assert set(theirs.get_vocab()) == want


def test_transformers_gives_the_same_ids(tok, file):
    transformers = pytest.importorskip("transformers")
    theirs = transformers.AutoTokenizer.from_pretrained(file.parent)
    text = f"the token's 漢字\n\n  {EOT}then <|user|> 1 , n't"
    ids = tok.encode(text, specials="allow").tolist()
    assert theirs(text)["input_ids"] == ids
    assert theirs.decode(ids) == text
    assert theirs.eos_token_id == tok.eos_id


def test_a_saved_tokenizer_is_the_same(tok, file):
    for path in (file, file.parent, str(file.parent)):
        loaded = Tokenizer.load(path)
        assert loaded.fingerprint == tok.fingerprint
        assert loaded.special_tokens == tok.special_tokens
        assert (loaded.eos_token, loaded.eos_id) == (tok.eos_token, tok.eos_id)
    again = file.parent / "again.json"
    Tokenizer.load(file).save(again)
    assert again.read_bytes() == file.read_bytes()
    assert sorted(p.name for p in file.parent.iterdir()) == [
        "again.json",
        "tokenizer.json",
        "tokenizer_config.json",
    ]


def test_a_byte_vocabulary_is_saved(tmp_path):
    tok = Tokenizer.bytes()
    tok.save(tmp_path / "new" / "folder")
    assert Tokenizer.load(tmp_path / "new" / "folder").fingerprint == tok.fingerprint


def test_what_others_wrote_into_the_config_stays(file):
    config = file.with_name("tokenizer_config.json")
    entries = json.loads(config.read_text())
    config.write_text(json.dumps({**entries, "chat_template": "{{ x }}", "eos_token": "<|user|>"}))
    tok = Tokenizer.load(file.parent)
    assert tok.eos_id == tok.special_tokens["<|user|>"]
    tok.save(file.parent / "copy")
    copied = json.loads((file.parent / "copy" / "tokenizer_config.json").read_text())
    assert copied["chat_template"] == "{{ x }}" and copied["eos_token"] == "<|user|>"


def test_older_and_newer_files_are_read(tok, file):
    data = json.loads(file.read_text())
    merges = data["model"]["merges"]
    data["model"]["merges"] = [m.split(" ") if i % 2 else m for i, m in enumerate(merges)]
    assert hugging_face.from_json(data).merges.tolist() == tok._vocabulary.merges.tolist()
    data["model"]["merges"] = [merge.split(" ") for merge in merges]
    file.write_text(json.dumps(data))
    assert Tokenizer.load(file).fingerprint == tok.fingerprint
    del data["model"]["type"]
    data["model"]["continuing_subword_prefix"] = data["model"]["end_of_word_suffix"] = ""
    for name in tok.special_tokens:  # only in added_tokens
        del data["model"]["vocab"][name]
    file.write_text(json.dumps(data))
    assert Tokenizer.load(file).fingerprint == tok.fingerprint


def test_ids_in_any_order_are_read(tok, file):
    """GPT-2's own file orders the bytes by how they are spelled; here the order is reversed."""
    data = json.loads(file.read_text())
    last = tok.vocab_size - 1
    data["model"]["vocab"] = {name: last - i for name, i in data["model"]["vocab"].items()}
    for entry in data["added_tokens"]:
        entry["id"] = last - entry["id"]
    file.write_text(json.dumps(data))
    other = Tokenizer.load(file)
    text = f"the token's 漢字 {EOT}"
    ids = other.encode(text, specials="allow")
    assert (last - ids.astype(int)).tolist() == tok.encode(text, specials="allow").tolist()
    assert other.decode(ids) == text


def test_what_others_do_to_a_text_is_kept_and_said(tok, file):
    data = json.loads(file.read_text())
    byte_level = {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": False}
    template = stages.template(EOT, None, tok.special_tokens)
    data["post_processor"] = {"type": "Sequence", "processors": [byte_level, template]}
    data["normalizer"] = {"type": "Sequence", "normalizers": [{"type": "NFC"}]}
    data["added_tokens"][1]["special"] = False
    file.write_text(json.dumps(data))
    with pytest.warns(UserWarning, match="input must be NFC"):
        other = Tokenizer.load(file)
    text = "the token's e\u0301"
    assert other.encode(text).tolist() == tok.encode(text).tolist()
    assert stages.around(other._vocabulary.template) == ([tok.eos_id], [])
    other.save(file)
    again = json.loads(file.read_text())
    assert again["post_processor"] == template and again["normalizer"] == {"type": "NFC"}
    assert [entry["special"] for entry in again["added_tokens"]] == [True, False]


@pytest.mark.parametrize("behavior, invert", [("Isolated", False), ("Removed", True)])
def test_a_split_by_a_pattern(tok, file, behavior, invert):
    """As in the files of GPT-2's successors; their patterns match all of a text."""
    data = json.loads(file.read_text())
    split = {"type": "Split", "pattern": {"Regex": splits.PATTERNS["qwen2"]}}
    split |= {"behavior": behavior, "invert": invert}
    cut = [split, {**data["pre_tokenizer"], "use_regex": False}]
    data["pre_tokenizer"] = {"type": "Sequence", "pretokenizers": cut}
    file.write_text(json.dumps(data))
    assert Tokenizer.load(file)._vocabulary.split == "qwen2"
    split["pattern"]["Regex"] = r"\w+|\W"
    file.write_text(json.dumps(data))
    with pytest.raises(ValueError, match=r"tokenizer\.json: the split pattern '.*w.*' is none"):
        Tokenizer.load(file)
    split["behavior"] = []
    file.write_text(json.dumps(data))
    with pytest.raises(ValueError, match=r"tokenizer\.json: pre_tokenizer .* only Split, Isolated"):
        Tokenizer.load(file)


def put(data, path, value):
    *keys, last = path.split(".")
    for key in keys:
        data = data[int(key)] if isinstance(data, list) else data[key]
    data[int(last) if isinstance(data, list) else last] = value


@pytest.mark.parametrize(
    "path, value, says",
    [
        ("model.type", "Unigram", "model type is 'Unigram'"),
        ("model", None, "there is no model"),
        ("model.vocab", [], "no vocab"),
        ("model.vocab.a", 7, "both have the id 7"),
        ("model.vocab.a", "x", "id of 'a' is 'x'"),
        ("model.vocab.a", True, "id of 'a' is True"),
        ("model.vocab.new", 10**6, "no token has the id 500"),
        ("model.vocab.日", 500, "'日' in the token '日' stands for no byte"),
        ("model.merges", None, "no merges"),
        ("model.merges.3", "a nowhere", "merge 3 .* names 'nowhere'"),
        ("model.merges.3", "z z", "merge 3 .* names 'zz'"),
        ("model.merges.3", "a b c", "merge 3 is 'a b c'"),
        ("model.merges.3", 5, "merge 3 is 5"),
        ("model.merges.3", EOT + " a", "merge 3"),
        ("model.byte_fallback", True, "byte_fallback"),
        ("model.dropout", 0.1, "dropout"),
        ("model.end_of_word_suffix", "</w>", "end_of_word_suffix is '</w>', not None"),
        ("normalizer", {"type": "NFD"}, "normalizer .*NFD"),
        ("pre_tokenizer", {"type": "Whitespace"}, "pre_tokenizer .*'Whitespace'"),
        ("pre_tokenizer.add_prefix_space", True, "pre_tokenizer"),
        ("decoder", None, "decoder None"),
        ("post_processor", {"type": "TemplateProcessing"}, "post_processor"),
        ("post_processor", {"type": ["ByteLevel"]}, "post_processor .*only ByteLevel"),
        ("post_processor", stages.template("no", None, {"no": None}), "post_processor: the ids of"),
        ("added_tokens.0.id", 3, "both have the id 3"),
        ("added_tokens.0.id", None, "id of '<|endoftext|>' is None"),
        ("added_tokens.0.content", "", "no content"),
        ("added_tokens.1.content", EOT, "stands there twice"),
        ("added_tokens.0.lstrip", True, "lstrip"),
        ("added_tokens.0", 4, "added token 4 is not an object"),
    ],
)
def test_a_broken_file_is_refused_by_name(file, path, value, says):
    data = json.loads(file.read_text())
    put(data, path, value)
    file.write_text(json.dumps(data))
    says = says.replace("|", r"\|")
    with pytest.raises(ValueError, match=rf"(?s)tokenizer\.json: .*{says}"):
        Tokenizer.load(file)


def without_byte_1(file):
    """SmolLM's vocabulary lacks bytes that no text of its training had."""
    data = json.loads(file.read_text())
    vocab = data["model"]["vocab"]
    vocab["aaz"] = vocab.pop("ā")  # how byte 1 is spelled
    file.write_text(json.dumps(data))
    return Tokenizer.load(file)


def test_a_text_with_a_byte_that_has_no_token_is_refused(file, tmp_path):
    tok = without_byte_1(file)
    assert tok.decode(tok.encode("all the rest é")) == "all the rest é"
    by_mode = [partial(tok.encode, mode=mode) for mode in ("merges", "bpe", "greedy")]
    says = r"no token for the byte 1, which stands at character 3 \(byte 4\)"
    for encode in (*by_mode, tok.count, partial(tok.truncate, n=1)):
        with pytest.raises(ValueError, match=f"{says}$"):
            encode("abé\x01d")
    with pytest.raises(ValueError, match=f"{says} of text 2$"):
        tok.encode_batch(["abc", "", "abé\x01d"])
    (tmp_path / "text").write_bytes(b"line\n" * 1000 + b"\x01")
    with pytest.raises(ValueError, match="the byte 1, which stands at byte 5000$"):
        encode_file(tok, tmp_path / "text", tmp_path / "ids", block=1 << 12)


def test_a_letter_or_a_merge_missing_is_refused(file):
    data = json.loads(file.read_text())
    moved = copy.deepcopy(data)
    vocab = moved["model"]["vocab"]
    vocab["aaz"] = vocab.pop("~")
    file.write_text(json.dumps(moved))
    with pytest.raises(ValueError, match="no token for byte 126$"):
        Tokenizer.load(file)
    data["model"]["merges"][5] = data["model"]["merges"][2]
    file.write_text(json.dumps(data))
    with pytest.raises(ValueError, match="merge 5 repeats merge 2"):
        Tokenizer.load(file)


@pytest.mark.parametrize(
    "raw", [b"", b"{", b"[]", b"\xff\xfe", b'{"model": {"a": 1, "a": 2}}', b"null"]
)
def test_what_is_not_such_a_file_is_refused(tmp_path, raw):
    path = tmp_path / "tokenizer.json"
    path.write_bytes(raw)
    with pytest.raises(ValueError, match=r"tokenizer\.json: "):
        Tokenizer.load(tmp_path)


def test_a_truncated_file_is_refused(file):
    raw = file.read_bytes()
    for size in range(0, len(raw), len(raw) // 9):
        file.write_bytes(raw[:size])
        with pytest.raises(ValueError, match=r"tokenizer\.json: "):
            Tokenizer.load(file)


def test_a_broken_config_is_refused(file):
    file.with_name("tokenizer_config.json").write_text("[1]")
    with pytest.raises(ValueError, match=r"tokenizer_config\.json: the file must hold"):
        Tokenizer.load(file)


def test_missing_and_unknown_files(tok, tmp_path):
    with pytest.raises(ValueError, match=r"no tokenizer in this folder: none of tokenizer.json"):
        Tokenizer.load(tmp_path)
    for name in ("vocab.txt", "tokenizer.model", "my.vocab", "a.JSON", "tok.json.gz"):
        with pytest.raises(
            ValueError, match=r"must be a folder, vocab.json.* end in one of .*json"
        ):
            tok.save(tmp_path / name)
