"""Addresses are held against lists whatever their port, case, script or user."""

import pytest

from gptengine.curate.document import Document
from gptengine.curate.urls import Addresses, Urls, host_of, path_of, read_addresses
from gptengine.curate.word_lists import read_list


@pytest.mark.parametrize(
    "url, host, path",
    [
        ("https://www.Example.com/A/b?c=/d#e", "www.example.com", ["a", "b"]),
        ("example.com:8080", "example.com", []),
        ("//user:pa@ss@example.com.:1/x", "example.com", ["x"]),
        ("https://Bücher.example/ü", "xn--bcher-kva.example", ["ü"]),
        ("http://例え。テスト/", "xn--r8jz45g.xn--zckzah", []),
        ("http://[2001:DB8::1]:80/a", "2001:db8::1", ["a"]),
        ("http://example.com\\a", "example.com", ["a"]),
        ("http://[broken", "broken", []),
        ("http://" + "ä" * 100 + ".de", "ä" * 100 + ".de", []),
        ("", "", []),
    ],
)
def test_parts(url, host, path):
    assert (host_of(url), path_of(url)) == (host, path)


def test_a_list_holds_what_is_below():
    found = Addresses(["example.com", "*.Bücher.example", "host.example/shop/old"]).find
    assert found("http://a.b.example.com:1/x") == "example.com"
    assert found("example.com") == "example.com"
    assert found("http://notexample.com") == ""
    assert found("http://example.com.evil.example") == ""
    assert found("http://www.xn--bcher-kva.example") == "xn--bcher-kva.example"
    assert found("http://host.example/shop/old/1") == "host.example/shop/old"
    assert found("http://www.host.example/Shop/OLD") == "host.example/shop/old"
    assert found("http://host.example/shop/older") == ""
    assert found("http://host.example/") == ""


def failed(rule, url):
    document = Document("0", "web", "", url=url)
    return [(c.reason, c.note) for c in rule.checks(document) if not c.passed]


def test_rules():
    rule = Urls(blocked=Addresses(["bad.example"]))
    assert failed(rule, "https://www.bad.example/a") == [("url.blocked", "bad.example")]
    assert failed(rule, "https://good.example/Warenkorb/1") == [("url.path", "warenkorb")]
    assert failed(rule, "https://good.example/artikel/login-probleme") == []
    assert failed(rule, "") == []
    only = Urls(allowed=Addresses(["good.example"]))
    assert failed(only, "https://www.good.example/a") == []
    assert failed(only, "https://bad.example/a") == [("url.not_allowed", "bad.example")]


def test_a_host_of_many_labels_is_looked_up_in_linear_time():
    class Counted(set):
        asked = 0

        def __contains__(self, item):
            Counted.asked += 1
            return super().__contains__(item)

    addresses = Addresses(["example.com"])
    addresses.hosts = Counted(addresses.hosts)
    assert addresses.find("http://" + "a." * 100_000 + "example.com") == "example.com"
    assert Counted.asked <= 127


def test_lists_come_from_files(tmp_path):
    path = tmp_path / "hosts.txt"
    path.write_text("\ufeff# those\n\nbad.example  # since May\nshop.example/a\n", "utf-8")
    assert read_list(path) == ["bad.example", "shop.example/a"]
    assert read_addresses(path).find("http://x.bad.example") == "bad.example"
    path.write_text("https:///a\n")
    with pytest.raises(ValueError, match=r"hosts.txt: 'https:///a' names no host"):
        read_addresses(path)
    path.write_bytes(b"ok\n\xff\n")
    with pytest.raises(ValueError, match=r"hosts.txt: not UTF-8 at byte 3"):
        read_list(path)
    with pytest.raises(ValueError, match="none.txt: no such list"):
        read_list(tmp_path / "none.txt")
    (tmp_path / "x.gz").write_bytes(b"no gzip")
    with pytest.raises(ValueError, match="x.gz: broken gzip"):
        read_list(tmp_path / "x.gz")
