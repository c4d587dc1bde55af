"""Bytes become the text that was meant, whoever declared what."""

import pytest

from gptengine.data.encoding import decode, encoding_name, well_formed

TEXT = "Grüße aus Köln, „schön“ – €"


@pytest.mark.parametrize(
    "name, mark",
    [("utf-8", "utf-8-sig"), ("utf-16-le", "utf-16"), ("utf-32-le", "utf-32")],
)
def test_a_byte_order_mark_decides(name, mark):
    assert decode(TEXT.encode(mark), declared="koi8-r") == (TEXT, name)


def test_utf8_is_known_whatever_is_declared():
    assert decode(TEXT.encode(), declared="iso-8859-1") == (TEXT, "utf-8")
    page = b'<meta charset="windows-1251">' + TEXT.encode()
    assert decode(page, html=True)[1] == "utf-8"


@pytest.mark.parametrize("name", ["utf-16-le", "utf-16-be"])
def test_utf16_needs_no_mark(name):
    assert decode(TEXT.encode(name)) == (TEXT, name)


def test_http_stands_before_the_page():
    russian = "привет, мир".encode("koi8-r")
    page = b'<html><meta charset="windows-1251">' + russian
    assert decode(page, declared="KOI8-R", html=True)[0].endswith("привет, мир")
    assert decode(page, html=True)[1] == "cp1251"
    old = b'<meta http-equiv="Content-Type" content="text/html; charset=koi8-r">' + russian
    assert decode(old, html=True)[0].endswith("привет, мир")


def test_latin1_means_windows_1252():
    data = "„schön“ – 5 €".encode("cp1252")
    assert decode(data, declared="iso-8859-1") == ("„schön“ – 5 €", "cp1252")
    assert decode(data) == ("„schön“ – 5 €", "cp1252")
    assert decode(b"a \x81 \x9d \xe4") == ("a \x81 \x9d ä", "cp1252")  # the holes are controls


def test_a_broken_byte_does_not_make_a_page_windows_1252():
    data = ("ü" * 50).encode() + b"\xff" + "ß".encode()
    assert decode(data) == ("ü" * 50 + "\ufffdß", "utf-8")
    cut = ("ü" * 50).encode()[:-1]
    assert decode(cut)[0].startswith("ü" * 49)


def test_binary_data_is_refused():
    with pytest.raises(ValueError, match=r"binary data: \d+ of 600 bytes are zero"):
        decode(b"\x7fELF\0\0\1\0\3\0" * 60)
    assert decode(b"a" * 2000 + b"\0")[0].endswith("a\0")  # one slip is left to the repair


@pytest.mark.parametrize(
    "label", ["punycode", "idna", "utf-7", "rot13", "zlib", "", "\0", "x" * 99]
)
def test_codecs_that_the_web_has_not_are_not_used(label):
    assert encoding_name(label) == ""
    assert decode(b"abc\xe4", declared=label)[0] == "abcä"


def test_lone_surrogates_are_replaced():
    assert well_formed("a\ud83d\ude00b\ud800c") == "a\U0001f600b\ufffdc"
    assert well_formed("ä") == "ä"
