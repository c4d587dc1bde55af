"""`gptengine tokenizer inspect` and `compare`: what they show, on the terminal and as a page."""

import html
import html.parser
import re

from cli.commands import TEXT, error, tokenizer
from gptengine.report import tokens as report
from gptengine.tokenizer import Tokenizer

HOSTILE = '</div><script>alert("x")</script><img src=x onerror=alert(1)>&\'\x1b[31m\u202e'


def test_hausaufgaben(folder, capsys):
    tok = Tokenizer.load(folder / "tok")
    assert tokenizer("inspect", folder / "tok", "Hausaufgaben") == 0
    said = capsys.readouterr().out
    names = [tok.token_bytes(int(i)).decode() for i in tok.encode("Hausaufgaben")]
    assert said.startswith("|".join(names) + "\n") and len(names) > 1
    assert f"{len(names)} tokens, 12 bytes" in said and "── a  id 97" in said
    names = [tok.token_bytes(int(i)).decode() for i in tok.encode(" Hausaufgaben")]
    cut = "|".join(names).replace(" ", "·")
    assert f"\nbehind a space: {cut}, {len(names)} tokens\n" in said
    assert tokenizer("inspect", folder / "tok", "im Haus") == 0
    assert "behind a space" not in capsys.readouterr().out


def test_inspecting_shows_what_cannot_be_seen(folder, capsys):
    args = [folder / "tok", "x \x1b[31m\n<|endoftext|>y", "--ids", "--specials", "allow"]
    assert tokenizer("inspect", *args) == 0
    said = capsys.readouterr().out
    assert "\x1b" not in said and "\\x1b" in said and "·" in said and "⏎" in said
    assert str(Tokenizer.load(folder / "tok").eos_id) in said and "── " not in said
    assert tokenizer("inspect", folder / "tok", "die die", "--tree") == 0
    assert capsys.readouterr().out.count("── ") >= 4


def test_lines_into_a_pipe_end_without_spaces(folder, tmp_path, capsys):
    for args in (["--longest", 3], ["die Aufgaben", "--ids"], ["die", "--tree"]):
        assert tokenizer("inspect", folder / "tok", *args) == 0
    assert tokenizer("compare", folder / "tok", "bytes", TEXT[:64]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines and not [line for line in lines if line.endswith(" ")]


def test_no_token_is_longest_where_none_is_learned(capsys):
    assert tokenizer("inspect", "bytes") == 0
    assert "longest" not in capsys.readouterr().out


def test_an_empty_text_is_a_text(folder, tmp_path, capsys):
    page = tmp_path / "x.html"
    assert tokenizer("inspect", folder / "tok", "", "--tree", "--html", page) == 0
    assert "\n0 tokens, 0 bytes, - bytes a token\n" in capsys.readouterr().out
    assert "0 tokens, 0 bytes" in page.read_text()
    assert tokenizer("compare", folder / "tok", "bytes", "") == 0
    assert "bytes:\n" in capsys.readouterr().out


def test_facts_and_languages(folder, tmp_path, capsys):
    assert tokenizer("inspect", folder / "tok", "--longest", 2) == 0
    said = capsys.readouterr().out
    for part in ("280", "gpt2", "<|endoftext|> 279", "merges by list and by id  agree", "bytes"):
        assert part in said
    (tmp_path / "en.txt").write_text("The homework is in the house.")
    assert tokenizer("inspect", folder / "tok", "--files", folder / "text.txt", tmp_path) == 0
    header, german, english = capsys.readouterr().out.split("\n", 3)[:3]
    assert "tokens/word" in header and german.startswith("text.txt") and "29" in english
    assert tokenizer("inspect", folder / "tok", "--files", tmp_path / "none.txt") == 2
    assert "none.txt: no such file" in error(capsys)
    assert tokenizer("inspect", folder / "tok", "--html", tmp_path / "x.html") == 2
    assert "give a text" in error(capsys)
    (tmp_path / "file").touch()
    assert tokenizer("inspect", folder / "tok", "a", "--html", tmp_path / "file/x.html") == 2
    assert "a file stands where a folder should be" in capsys.readouterr().err
    for args in (["inspect", folder / "tok"], ["compare", folder / "tok", "bytes"]):
        page = tmp_path / args[0] / "new/x.html"
        assert tokenizer(*args, "a", "--html", page) == 0 and page.is_file()


class Page(html.parser.HTMLParser):
    """The tags of a page, its attributes, and the text in its tokens."""

    def __init__(self, path):
        super().__init__()
        self.tags, self.attributes, self.text, self.text_of = set(), [], "", None
        self.feed(path.read_text(encoding="utf-8"))
        self.close()

    def handle_starttag(self, tag, attributes):
        self.tags.add(tag)
        self.attributes += [(tag, *pair) for pair in attributes]
        self.text_of = tag

    def handle_data(self, data):
        if self.text_of == "span":
            self.text += data


def check_page(page):
    allowed = "html head meta title style body h1 h2 p div span table tr th td code"
    assert page.tags <= set(allowed.split())
    assert not [a for a in page.attributes if a[1].startswith("on") or a[1] in ("src", "href")]


def test_a_page_of_hostile_text_is_harmless(folder, tmp_path, capsys):
    """Text, special tokens and names that look like HTML, in text and in attributes."""
    tok = Tokenizer.train(HOSTILE * 9, vocab_size=300, special_tokens=['"><script>', "<b>"])
    tok.save(tmp_path / "tok")
    (tmp_path / "<i>.txt").write_text(HOSTILE)
    out = tmp_path / "page.html"
    text = HOSTILE + '"><script>'
    args = [tmp_path / "tok", text, "--files", tmp_path / "<i>.txt", "--html", out]
    args += ["--specials", "allow"]
    assert tokenizer("inspect", *args) == 0
    page = Page(out)
    check_page(page)
    assert "<script>alert" in page.text.replace("·", " ") and "\x1b" not in page.text
    assert tokenizer("compare", tmp_path / "tok", "bytes", HOSTILE, "--html", out) == 0
    check_page(Page(out))
    assert Page(out).text.count("<script>alert") >= 2  # the text as each cuts it
    source = out.read_text(encoding="utf-8")
    assert "default-src 'none'" in source and "prefers-color-scheme: dark" in source
    assert "<script" not in source and "://" not in source


def test_a_page_of_a_word_has_its_tree(folder, tmp_path, capsys):
    for word in ("Hausaufgaben", "<b>"):
        args = [folder / "tok", word, "--html", tmp_path / "x.html"]
        assert tokenizer("inspect", *args) == 0
        tree = capsys.readouterr().out.split(" tokens\n\n")[1].split("page ")[0]
        check_page(Page(tmp_path / "x.html"))
        page = (tmp_path / "x.html").read_text(encoding="utf-8")
        found = page.split("<h2>Merges</h2>\n")[1].split("</div>")[0]
        lines = [line.rstrip() for line in tree.strip().splitlines()]
        assert html.unescape(found).removeprefix('<div class="tokens">').splitlines() == lines


def test_hover_says_id_bytes_and_rank(folder, tmp_path, capsys):
    assert tokenizer("inspect", folder / "tok", "die", "--html", tmp_path / "x.html") == 0
    titles = [v for _, name, v in Page(tmp_path / "x.html").attributes if name == "title"]
    tok = Tokenizer.load(folder / "tok")
    ids = tok.encode("die").tolist()
    assert [int(re.match(r"id (\d+)\n", t)[1]) for t in titles] == ids
    assert any(re.search(r"bytes: [0-9a-f ]+\nmerge \d+$", t) for t in titles)
    assert report.tokens([report.Shown("<", '"')]) == (
        '<div class="tokens"><span class="t c0" title="&quot;">&lt;</span></div>'
    )


def test_comparing(folder, tmp_path, capsys):
    Tokenizer.train(TEXT, vocab_size=270).save(tmp_path / "small.json")
    args = [folder / "tok", tmp_path / "small.json"]
    assert tokenizer("compare", *args, "--files", folder / "text.txt", "--examples", 2) == 0
    said = capsys.readouterr().out
    for part in ("small.json", "tokens/word", "shared   269 tokens", "with the same id", "cuts "):
        assert part in said
    assert len(said.split("times ")[1].strip().splitlines()) == 3
    assert "% more than" in said
    assert tokenizer("compare", *args, "die Aufgaben") == 0
    assert capsys.readouterr().out.count("Aufgaben") + 1
    assert tokenizer("compare", args[0], args[0], "die") == 0
    said = capsys.readouterr().out
    assert "times" not in said and "b needs as many as a\n" in said
    assert tokenizer("compare", *args) == 2
    assert "give a text" in error(capsys)
    assert tokenizer("compare", *args, "--files", tmp_path / "none.txt") == 2
    assert "none.txt: no such file" in error(capsys)


def test_word_piece_is_refused(folder, tmp_path, capsys):
    (tmp_path / "vocab.txt").write_text("[PAD]\n[UNK]\n[CLS]\n[SEP]\ndie\n")
    (tmp_path / "wp.json").write_text('{"model": {"type": "WordPiece", "vocab": {}}}')
    for name in ("vocab.txt", "wp.json", ""):
        for command in (["inspect"], ["compare", folder / "tok"]):
            assert tokenizer(*command, tmp_path / name, "die") == 2
            assert "a WordPiece vocabulary, as BERT has" in error(capsys)


def test_words_are_compared(folder, tmp_path, capsys):
    Tokenizer.train(TEXT, vocab_size=60, split="words").save(tmp_path / "w")
    assert (
        tokenizer("compare", folder / "tok", tmp_path / "w", "die Aufgaben", "--examples", 1) == 0
    )
    said = capsys.readouterr().out
    assert "</w>" in said and "shared " in said and "cuts " not in said
    assert tokenizer("inspect", tmp_path / "w", "--files", folder / "text.txt") == 0


def test_ranks_need_their_split(folder, tmp_path, capsys):
    path = tmp_path / "ranks.tiktoken"
    Tokenizer.load(folder / "tok").save(path)
    assert tokenizer("compare", folder / "tok", f"{path}:gpt2", TEXT) == 0
    assert "the same tokens for 100.0% of the bytes" in capsys.readouterr().out
    assert tokenizer("inspect", path, "die") == 2
    assert f"does not say its split: give it as {path}:gpt2" in error(capsys)
    assert tokenizer("inspect", f"{path}:foo", "die") == 2
    assert "split 'foo' is not known" in error(capsys)


def test_texts_too_long_to_show_are_refused_at_once(folder, capsys):
    assert tokenizer("inspect", folder / "tok", "die " * 25_001) == 2
    assert "the text has 100,004 bytes, and at most 100,000 are shown" in error(capsys)
    assert tokenizer("inspect", folder / "tok", "a" * 1001) == 2  # before its tokens are shown
    assert "a piece of the text has 1,001 bytes" in error(capsys)
