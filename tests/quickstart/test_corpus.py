"""The library's documentation as documents, and a split that leaks nothing."""

import pytest

from gptengine.quickstart import corpus
from gptengine.quickstart.corpus import Document, gather, split

MODULE = '''"""What the module is for."""
raise SystemExit("a gathered module is never run")


class Heap:
    """A heap.

    Like so:
        >>> indented
    """

    def push(self, item):
        """Put the item in."""

    async def wait(self):
        """Put the item in."""


def helper():
    return 1
'''
TOPICS = "topics = {'while': 'The statement\\n\\n   loop\\n', 'for': 'Another statement'}\n"


@pytest.fixture
def library(tmp_path, monkeypatch):
    monkeypatch.setattr(corpus, "LEAST_BYTES", 1)
    for name, text in {
        "heap.py": MODULE,
        "pydoc_data/topics.py": TOPICS,
        "json/decoder.py": '"""Décode: \\ud800."""\n',
        "json/bare.py": "x = 1\n",
        "test/test_heap.py": '"""Left out."""\n',
        "email/test/data.py": '"""Left out."""\n',
        "site-packages/other.py": '"""Left out."""\n',
        "broken.py": '"""Left out."""\ndef\n',
        "readme.txt": "Left out.",
    }.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    (tmp_path / "latin.py").write_bytes(b'"""Left out: \xe9."""\n')
    return tmp_path


def test_documents_are_docstrings_and_topics_by_id(library):
    texts = {d.id: d.text for d in gather(library)}
    assert list(texts) == ["heap", "json/decoder", "topic:for", "topic:while"]
    assert texts["heap"] == (
        "What the module is for.\n\nA heap.\n\nLike so:\n    >>> indented\n\nPut the item in.\n"
    )
    assert texts["json/decoder"] == "Décode: ?.\n"
    assert texts["topic:while"] == "The statement\n\nloop\n"


def test_a_library_without_sources_is_an_error(library, monkeypatch):
    monkeypatch.setattr(corpus, "LEAST_BYTES", 10_000)
    with pytest.raises(ValueError, match=r"holds \d+ bytes of documentation, need 10000"):
        gather(library)


def many(n, shared=()):
    paragraph = "This paragraph stands in several documents. " * 5
    return [
        Document(f"d{i:03}", f"Text {i}. " * 20 + (f"\n\n{paragraph}" if i in shared else ""))
        for i in range(n)
    ]


def size(documents):
    return sum(len(d.text.encode()) for d in documents)


def test_split_takes_a_tenth_and_loses_nothing():
    documents = many(300)
    train, held = split(documents, seed=0)
    assert sorted(train + held, key=lambda d: d.id) == documents
    assert 0.09 < size(held) / size(documents) <= 0.1
    assert split(documents, seed=0) == (train, held)
    assert split(documents, seed=1) != (train, held)


@pytest.mark.parametrize("seed", range(20))
def test_documents_with_a_common_paragraph_stay_together(seed):
    shared = {3, 50, 170}
    train, _ = split(many(200, shared), seed=seed)
    assert len(shared & {int(d.id[1:]) for d in train}) in (0, 3)


def test_this_python_has_two_megabytes_and_no_leak():
    documents = gather()
    assert len({d.id for d in documents}) == len(documents)
    assert size(documents) > 1_500_000
    train, held = split(documents)
    assert 0.09 < size(held) / size(documents) <= 0.1
    seen, unseen = ({p for d in part for p in d.text.split("\n\n")} for part in (train, held))
    assert max(map(len, seen & unseen)) < 200


def test_curation_drops_copies_and_keeps_the_rest(tmp_path):
    texts = {f"m{i}": " ".join(f"word{i}{k}x" for k in range(30)) for i in range(5)}
    texts["copy"] = texts["m3"]
    documents = [Document(name, text) for name, text in texts.items()]
    documents.append(Document("mail", "Write to someone.else@example.org and to no one else.\n"))
    kept, report = corpus.curated(documents, tmp_path / "text")
    assert report["account"] == {"records": 7, "split": 0, "kept": 6, "dropped": 1}
    assert {d.id for d in kept} >= {"m0", "m1", "m2", "m4", "mail"}
    assert [d.id for d in kept] == sorted(d.id for d in kept)
    assert "<EMAIL>" in next(d.text for d in kept if d.id == "mail")
    assert (tmp_path / "text/report.html").is_file()
