"""Lines on many pages of one host go; the same lines elsewhere, and lines on few pages, stay."""

import random

import numpy as np
import pytest

from gptengine.curate import host_lines
from gptengine.curate.document import Document
from gptengine.curate.host_lines import (
    HostLineOptions,
    HostLines,
    host_of,
    line_hashes,
    page_hashes,
    repeated,
    write_run,
)

OPTIONS = HostLineOptions(most_documents=3)


def page(number, host="a.de", extra=""):
    word = "abcdefghij"[number % 10] * 9
    text = f"Start | Sport | Seite {number}\nDer Satz {word} steht nur hier.\n{extra}"
    return Document(str(number), "web", text, url=f"https://www.{host}/{number}")


def learnt(folder, documents, runs=1):
    hashes = [page_hashes(document, OPTIONS) for document in documents]
    paths = [folder / f"{i}.run" for i in range(runs)]
    for i, path in enumerate(paths):
        write_run(path, hashes[i::runs])
    return repeated(paths, OPTIONS)


def test_repeated_lines_go(tmp_path):
    documents = [page(i) for i in range(5)]
    lines = HostLines(learnt(tmp_path, documents), OPTIONS)
    text, counts = lines.change(documents[2])
    assert text == "Der Satz ccccccccc steht nur hier."
    assert counts == {"host_lines.repeated": 1}
    elsewhere = page(2, host="b.de")
    assert lines.change(elsewhere) == (elsewhere.text, {})


def test_a_line_counts_once_a_page_and_as_often_as_allowed_it_stays(tmp_path):
    documents = [page(i, extra="Ja!\nJa!\nJa!") for i in range(3)]
    assert len(learnt(tmp_path, documents)) == 0


def test_without_an_address_nothing_is_known(tmp_path):
    documents = [Document("0", "s", "Immer gleich")] * 9
    hashes = learnt(tmp_path, documents)
    assert len(hashes) == 0 and HostLines(hashes).change(documents[0]).text == "Immer gleich"


def test_the_result_depends_on_neither_order_nor_runs(tmp_path, monkeypatch):
    monkeypatch.setattr(host_lines, "BLOCK", 3)
    extra = [f"Zeile {'xyzuvw'[i % 6]}\nWort {'klmno'[i % 5]}" for i in range(60)]
    documents = [page(i, f"h{i % 4}.de", extra[i]) for i in range(60)]
    expected = learnt(tmp_path / "one", documents)
    assert len(expected) > 4 and (np.diff(expected.astype(object)) > 0).all()
    for runs in (2, 7, 80):
        random.Random(runs).shuffle(documents)
        np.testing.assert_array_equal(learnt(tmp_path / str(runs), documents, runs), expected)


def test_numbers_case_and_space_are_the_same_line():
    first, second, numbers = line_hashes("a", "Seite 1  von 20\n seite 7 von 3 \n12 | 3", 300)
    assert first == second != 0 and numbers == 0
    assert line_hashes("a", "x", 1) != line_hashes("b", "x", 1) and line_hashes("a", "x", 0) == 0


def test_hosts():
    assert (
        host_of("https://WWW.A.de:80/x") == "a.de" and host_of("http://[bad") == host_of("") == ""
    )


def test_a_run_that_was_cut_is_refused(tmp_path):
    (tmp_path / "a.run").write_bytes(b"x" * 20)
    with pytest.raises(ValueError, match="20 bytes are no whole number"):
        repeated([tmp_path / "a.run"], OPTIONS)
