"""The examples run, at toy size."""

import ast
import json
import re
import runpy
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent / "curate"))
import small_corpora as corpora

EXAMPLES = Path(__file__).parent.parent / "examples"


def test_curated_or_raw(tmp_path, monkeypatch, capsys):
    pytest.importorskip("trafilatura")
    pytest.importorskip("resiliparse")
    prose = [corpora.prose(i, 40) for i in range(90)]
    page = "<html><body><nav>Home</nav><article><p>{}</p></article><footer>©</footer></body></html>"
    pages = [{"html": page.format(text), "url": "https://a.example/"} for text in prose[:20]]
    corpora.write_jsonl(tmp_path / "web.jsonl", pages * 2)
    corpora.write_jsonl(tmp_path / "books.jsonl", [{"text": text} for text in prose[20:]])
    sources = {"web": {"path": "web.jsonl"}, "books": {"path": "books.jsonl", "tier": "curated"}}
    for source in sources.values():
        source["language"] = "en"
    (tmp_path / "recipe.json").write_text(json.dumps({"sources": sources, "languages": False}))
    words = "--held-out books --steps 3 --batch 2 --context 32 --vocab-size 300 --layers 1".split()
    words += ["--model-dim", "16", "--out", str(tmp_path / "out")]
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["curated_or_raw.py", "recipe.json", *words])
    runpy.run_path(str(EXAMPLES / "curated_or_raw.py"), run_name="__main__")
    said = capsys.readouterr().out
    accounts = {kind: ast.literal_eval(a) for kind, a in re.findall(r"^(\w+): ({.*})$", said, re.M)}
    assert 80 < accounts["raw"]["kept"] == accounts["raw"]["records"] < 110, "40 pages, 70 books"
    assert accounts["curated"]["dropped"] == 20, "each page twice"
    assert "bits a byte" in said and "books" in said.splitlines()[-1]
