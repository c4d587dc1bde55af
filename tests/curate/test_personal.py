"""Personal data is masked, what only looks like it stays, and no text takes long."""

import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gptengine.curate.document import Document
from gptengine.curate.personal import MASKS, Personal, find_spans, mask

sys.path.insert(0, str(Path(__file__).parents[2]))
from bench.planted import MAKERS, planted

MASKED = [
    ("Mail an max.müller@firma-köln.de, oder", "Mail an <EMAIL>, oder"),
    ("„info@firma.example“ <a.b+c@x-y.co.uk>", "„<EMAIL>“ <<EMAIL>>"),
    ("max (at) firma.de, john [at] mail [dot] com", "<EMAIL>, <EMAIL>"),
    ("@user@mastodon.example", "@<EMAIL>"),
    ("Tel.: 030/123456 oder 0171 1234567", "Tel.: <PHONE> oder <PHONE>"),
    ("+49 (0)30 123456-12, 0049 30 123456", "<PHONE>, <PHONE>"),
    ("ring (415) 555-2671 or 415-555-2671.", "ring <PHONE> or <PHONE>."),
    ("+49 - (40) - 300 30 - 1141", "<PHONE>"),
    ("(030) 123 456 und 0711/123456", "<PHONE> und <PHONE>"),
    ("Tel. 030 1234567 12.03.2020", "Tel. <PHONE> 12.03.2020"),
    ("IBAN DE89 3704 0044 0532 0130 00.", "IBAN <IBAN>."),
    ("GB29NWBK60161331926819 und de89370400440532013000", "<IBAN> und <IBAN>"),
    ("4111 1111 1111 1111 12/25, 3782-822463-10005", "<CARD> 12/25, <CARD>"),
    ("von 192.168.0.1 und 84.12.3.4: 403", "von <IP> und <IP>: 403"),
    ("ping 1.1.1.1", "ping <IP>"),
    ("2001:db8::8a2e:370:7334, [2a02:8108:1:2:3:4:5:6]", "<IP>, [<IP>]"),
    ("IdNr. 86 095 742 719, 86095742719", "IdNr. <TAX_ID>, <TAX_ID>"),
    ("65 170839 J 003 (65170839J003)", "<SOCIAL_SECURITY_DE> (<SOCIAL_SECURITY_DE>)"),
    ("078-05-1120; SSN 078051120", "<SSN>; SSN <SSN>"),
    ("https://www.facebook.com/max.m?x=1.", "<USER_URL>."),
    ("see twitter.com/jack, http://u:pw@h.example/", "see <USER_URL>, <USER_URL>"),
    ("https://x.example/~bob/ https://a.example/user/eve", "<USER_URL> <USER_URL>"),
]
KEPT = [
    "logo@2x.png, a@b, @jack, x @ y.z und @media screen",
    "§ 1.2.3.44, Nr. 10.20.30.40, Abs. 1.2.3.99, Version 1.2.3.45, 1.255.000.000 DM",
    "am 12.03.2020 um 12:30:45, 1990-1995, 2020-03-12, ISBN 978-3-16-148410-0",
    "Tel. Mo-Fr 9.00-16.00, 9.00 - 13.00 Uhr; 298 +466-469 160-222 145; pic.twitter.com/GpnT4G",
    "17.001 - 18.000 DM, 1 001 112 021, 123.456.789 Einwohner, 12345678 Stück",
    "BGBl. I S. 1234, 2345; 2003 I S. 738) § 850c Abs. 1 Nr. 2, (EU) 2017/2402",
    "telling 123456 people, Beruf 123456, Hotel 123456",
    "4111111111111112, DE88370400440532013000, 12345678901, 000-12-3456, 078051120",
    "std::add, a::b, 00:1A:2B:3C:4D:5E, 1:2:3, ::",
    "https://github.com/a/b https://www.facebook.com/events/1 x.com/home https://a.example/users",
    "€ 100000, 3.1415926535, 1/2 1/3 1/4 1/5 1/6",
]


@pytest.mark.parametrize("text, masked", MASKED)
def test_masked(text, masked):
    assert mask(text)[0] == masked
    assert mask(masked) == (masked, {}), "masks are left alone"


@pytest.mark.parametrize("text", KEPT)
def test_kept(text):
    assert mask(text) == (text, {})


def test_counts_and_kinds():
    document = Document("0", "web", "a@b.de, c@d.de, 84.12.3.4")
    change = Personal().change(document)
    assert change == ("<EMAIL>, <EMAIL>, <IP>", {"pii.email": 2, "pii.ip": 1})
    assert Personal(kinds=("ip",)).change(document).text == "a@b.de, c@d.de, <IP>"
    with pytest.raises(ValueError, match="no kind 'mail': there are user_url, email"):
        Personal(kinds=("mail",))


def test_a_recogniser_of_names_is_asked_last():
    def names(text):
        assert text == "Anna Ümit <EMAIL>"
        return [(5, 9), (0, 4), (1, 3)]

    document = Document("0", "web", "Anna Ümit a@b.de")
    change = Personal(names=names).change(document)
    assert change == ("<NAME> <NAME> <EMAIL>", {"pii.email": 1, "pii.name": 2})
    with pytest.raises(ValueError, match="span 3 to 99 of a text of 17 characters"):
        Personal(names=lambda _: [(3, 99)]).change(document)


@pytest.mark.parametrize("kind", MAKERS)
def test_what_is_planted_is_found(kind):
    items = dict(planted(count=200))[kind]
    missed = [f.format(i) for f, i in items if mask(f.format(i))[0] != f.format(MASKS[kind])]
    assert len(missed) <= 0.02 * len(items), missed[:5]


@given(st.text(alphabet=st.sampled_from("0147 +-./()@:aDEx§ü“\n\ud800"), max_size=60))
def test_any_text_is_masked_once(text):
    masked, counts = mask(text)
    assert sum(counts.values()) >= (masked != text)
    spans = find_spans(text.encode("utf-8", "surrogatepass"))
    assert all(a.end <= b.start for a, b in zip(spans, spans[1:], strict=False))
    assert len(spans) == sum(counts.values()) and set(counts) <= set(MASKS)


HOSTILE = [
    "@", "a@", "a" * 70 + "@", "a.a@", "(at)", "a (at) a.", "1", "1 ", "12 ", "1.", "1.2.3.4.",
    "DE89 ", "DE89", "4111 1111 1111 ", "+49 ", "0049", "(0", ":", "::", "1:", "f:f::", "://",
    "a://a@", "http://", ".com/", "a.com/", "Tel. 1 ", "123-45-", "%", "-", "\xa0", "é@é.", "/~a",
]  # fmt: skip


@pytest.mark.parametrize("piece", HOSTILE)
def test_the_work_grows_with_the_text(piece):
    """Counted in calls, lines and matches of Python, which does not depend on the machine.

    What one of them does is bounded by the repetitions that the expressions allow.
    """
    small, large = (_steps((piece * n)[:n]) for n in (2_000, 8_000))
    assert large <= 5 * small + 500


def _steps(text):
    steps = 0

    def count(*_):
        nonlocal steps
        steps += 1

    sys.setprofile(count)
    try:
        mask(text)
    finally:
        sys.setprofile(None)
    return steps
