"""`gptengine inspect`: what it says, its page, and what it refuses."""

import base64
import dataclasses
import hashlib
import html.parser
import json
import re

import numpy as np
import pytest

from cli.commands import error
from gptengine import Config, Model, Tokenizer
from gptengine.cli.main import main
from gptengine.tokenizer import WordPiece, stages
from model.cases import small

HOSTILE = '</script><script>alert("x")</script><img src=x onerror=alert(1)>&\'\x1b[31m\u202e'


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("model")
    tok = Tokenizer.train(HOSTILE * 9 + " king queen man woman" * 9, vocab_size=330)
    c = Config.llama(tok.vocab_size + 5, 90, 2, 4, 16, kv_heads=2)
    Model(c, seed=3).save(folder, tok)
    return folder


def inspect(folder, *args):
    return main(["inspect", str(folder), *map(str, args)])


class Page(html.parser.HTMLParser):
    """Tags, attributes, and the text of each script."""

    def __init__(self, path):
        super().__init__()
        self.tags, self.attributes, self.scripts = [], [], []
        self.source = path.read_text(encoding="utf-8")
        self.feed(self.source)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.attributes += [(tag, *pair) for pair in attributes]
        if tag == "script":
            self.scripts.append("")

    def handle_endtag(self, tag):
        self.tags.append(f"/{tag}")

    def handle_data(self, data):
        if self.tags and self.tags[-1] == "script":
            self.scripts[-1] += data


def test_a_page_of_hostile_tokens_is_harmless(folder, tmp_path, capsys):
    out, words = tmp_path / "page.html", f"{HOSTILE},<b>,king"
    flags = ["--near", "<script>", "--analogy", "<i> - <b>", "--words", words, "--out", out]
    assert inspect(folder, HOSTILE + "\nking", *flags) == 0
    assert "\x1b" not in capsys.readouterr().out
    page = Page(out)
    assert page.tags.count("script") == 2 and not {"img", "i"} & set(page.tags)
    assert not [a for a in page.attributes if a[1].startswith("on") or a[1] in ("src", "href")]
    record, script = page.scripts
    tokens = json.loads(record)["tokens"]
    tok = Tokenizer.load(folder)
    assert len(tokens) == len(tok.encode(HOSTILE + "\nking", specials="allow"))
    assert "</script>" in "".join(tokens) and "\x1b" not in record
    assert "://" not in page.source and "prefers-color-scheme: dark" in page.source
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'"
    assert ("meta", "content", policy) in page.attributes


def test_bits_are_those_of_the_bytes_of_the_text():
    from gptengine.cli.inspect import score
    from gptengine.look.probabilities import TokenProbabilities

    tok = Tokenizer.train("low lower", vocab_size=60, split="words", min_frequency=1)
    ids = tok.encode("low low low")
    logprob = np.full(2, -8 * np.log(2), np.float32)
    guesses = TokenProbabilities(logprob, np.ones(2), np.ones((2, 0)), np.ones((2, 0)))
    assert "2.00 bits a byte" in score(tok, ids, guesses)  # 16 bits, of " low low"


def test_the_page_has_what_python_computes(folder, tmp_path, capsys):
    from gptengine.look import attention_maps, token_probabilities

    out, text = tmp_path / "page.html", "the king and the queen"
    assert inspect(folder, text, "--layers", "1", "--most", "3", "--out", out) == 0
    said = capsys.readouterr().out
    record = json.loads(Page(out).scripts[0])
    model, tok = Model.load(folder), Tokenizer.load(folder)
    ids = tok.encode(text)
    guesses = token_probabilities(model, ids, 3)
    assert f"{guesses.nats_per_token:.2f} nats a token" in said and "bits a byte" in said
    assert f"page     {out}" in said and f"next     open {out}" in said
    np.testing.assert_allclose(record["guesses"]["logprob"], guesses.logprob, atol=1e-4)
    assert record["guesses"]["rank"] == guesses.rank.tolist()
    assert len(record["guesses"]["top"]) == len(ids) - 1 and len(record["guesses"]["top"][0]) == 3
    assert record["layers"] == [1] and [len(h) for h in record["maps"]] == [4]
    raw = np.frombuffer(base64.b64decode(record["maps"][0][2]), np.uint8)
    want = attention_maps(model, ids)[1, 2][np.tril_indices(len(ids))]
    np.testing.assert_allclose((raw / 255) ** 2, want, atol=0.005)


def test_a_gguf_file_and_the_title(folder, tmp_path, capsys):
    Model.load(folder).save(tmp_path / "its.gguf", Tokenizer.load(folder))
    assert inspect(tmp_path / "its.gguf", "the king", "--out", tmp_path / "x.html") == 0
    page = Page(tmp_path / "x.html")
    assert "<h1>Inside its.gguf</h1>" in page.source and str(tmp_path) not in page.source
    capsys.readouterr()


def test_a_text_begins_as_the_tokenizer_begins_texts(folder, tmp_path, capsys):
    tok = Tokenizer.load(folder)
    template = stages.template("<|endoftext|>", None, tok.special_tokens)
    vocabulary = dataclasses.replace(tok._vocabulary, template=template)
    Model.load(folder).save(tmp_path / "m", Tokenizer(vocabulary))
    assert inspect(tmp_path / "m", "the king", "--out", tmp_path / "x.html") == 0
    tokens = json.loads(Page(tmp_path / "x.html").scripts[0])["tokens"]
    assert tokens[0] == "<|endoftext|>" and len(tokens) == 1 + len(tok.encode("the king"))
    capsys.readouterr()


def test_words_in_the_terminal(folder, capsys):
    assert inspect(folder, "--near", "king,queen", "xyz", "--analogy", "king - man + woman") == 0
    said = capsys.readouterr().out
    headings = re.findall(r"^near     (.*)$", said, re.M)
    assert headings[0] == "·king" and headings[-1] == "·king - ·man + ·woman" and len(headings) == 4
    assert "(mean of 3 tokens)" in headings[2] and "--out page.html" in said
    assert len(said.splitlines()[1].split()) == 20  # ten tokens and their cosines


def test_the_text_can_be_cut(folder, tmp_path, capsys):
    assert inspect(folder, "king " * 200) == 2
    said = error(capsys)
    assert "tokens, the model's context is 90: --cut 90 takes its start" in said
    assert inspect(folder, "king " * 200, "--cut", 20, "--out", tmp_path / "x.html") == 0
    assert "20 tokens" in capsys.readouterr().out


def test_a_page_is_bounded(folder, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("gptengine.cli.inspect.MOST_WEIGHTS", 800)
    assert inspect(folder, "king " * 12, "--out", tmp_path / "x.html") == 2
    said = error(capsys)
    assert "a page holds 800: --cut 10 takes the start" in said and "2 layers of 4 heads" in said
    assert not (tmp_path / "x.html").exists()
    assert inspect(folder, "king " * 12, "--cut", 10, "--out", tmp_path / "x.html") == 0
    assert inspect(folder, "king " * 12) == 0
    capsys.readouterr()


def test_encoders_have_attention_and_words(tmp_path, capsys):
    tok = Tokenizer.bytes()
    Model(small(vocab_size=tok.vocab_size, causal=False), seed=3).save(tmp_path, tok)
    assert inspect(tmp_path, "abc", "--near", "a", "--out", tmp_path / "x.html") == 0
    page = Page(tmp_path / "x.html")
    record = json.loads(page.scripts[0])
    assert record["guesses"] is None and not record["causal"]
    assert len(base64.b64decode(record["maps"][0][0])) == 9
    assert "does not predict next tokens" in page.source and 'id="guesses"' not in page.source
    capsys.readouterr()


def test_errors_take_one_line(folder, tmp_path, capsys):
    for args, says in [
        ([], "give a text, --near, --analogy or --words"),
        (["--words", "a"], "give --out too"),
        (["k"], "the text has 1 token"),
        (["king queen", "--cut", "91"], "--cut 91 must be at most the model's context of 90"),
        (["king queen", "--cut", "1"], "--cut 1 must be 0 or at least 2"),
        (["king queen", "--most", "0"], "most 0 must be at least 1"),
        (["king queen", "--layers", "2", "--out", tmp_path / "x"], "layer 2 must be in [0, 2)"),
        (["--near", "king", "--words", "a", "b", "--out", tmp_path / "x"], "2 words must be from"),
        (["--analogy", "king"], "write it as 'king - man + woman'"),
        (["a<|endoftext|>", "--specials", "refuse"], "endoftext"),
        (["king queen", "--out", tmp_path / "no" / "x.html"], "no such file"),
    ]:
        assert inspect(folder, *args) == 2, args
        captured = capsys.readouterr().err
        assert captured.startswith("gptengine: error: ") and captured.count("\n") == 1
        assert says in captured, (args, captured)
    assert inspect(tmp_path / "none", "a b") == 2
    assert "none" in error(capsys)


def test_an_encoder_of_wordpiece_is_refused_as_that(tmp_path, capsys):
    tok = WordPiece(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a"])
    c = Config(6, 16, 1, 2, 8, causal=False, norm_order="post", embedding_norm=True, token_types=2)
    Model(c).save(tmp_path / "m", tok)
    assert inspect(tmp_path / "m", "a a") == 2
    assert "inspect: of encoders only those of BPE can be opened: " in (said := error(capsys))
    assert "WordPiece" in said
