"""Finds phone numbers, cards, IBANs, IPv4 addresses, tax and insurance numbers in UTF-8.

The engine finds where digits stand close together, so that a text of few digits costs one look at
its bytes. Each group is then read from the left; every attempt is bounded, so all of it is linear.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from .checksums import (
    IBAN_LENGTH,
    is_card,
    is_iban,
    is_insurance_number,
    is_ssn,
    is_tax_id,
)
from .places import Places


class Span(NamedTuple):
    """Where something personal stands, in bytes."""

    start: int
    end: int
    kind: str


PHONE_DIGITS = (6, 15)  # ITU-T E.164 allows 15
CONTEXT = 26  # bytes before a number that are looked at: about 20 characters

WORD = re.compile(rb"[0-9A-Za-z\x80-\xff]")
DIGITS = re.compile(rb"[0-9]+")
IBAN = re.compile(rb"[A-Za-z]{2}[0-9]{2}(?:[ -]?[A-Za-z0-9]){11,28}")
CARD = re.compile(
    rb"(?:[0-9]{13,19}"
    rb"|[0-9]{4}([ -])[0-9]{4}\1[0-9]{4}\1[0-9]{4}(?:\1[0-9]{3})?"
    rb"|[0-9]{4}([ -])[0-9]{6}\2[0-9]{4,5})(?![0-9])"
)
INSURANCE = re.compile(rb"[0-9]{2} ?[0-9]{6} ?[A-Za-z] ?[0-9]{2} ?[0-9](?![0-9A-Za-z])")
TAX_ID = re.compile(rb"(?:[0-9]{11}|[0-9]{2} [0-9]{3} [0-9]{3} [0-9]{3})(?![0-9])")
SSN = re.compile(rb"([0-9]{3})(?:([ -]?)([0-9]{2})\2)([0-9]{4})(?![0-9]|-[0-9])")
SSN_WORDS = re.compile(rb"(?i)\bssn\b|social\s+security|\bss\s?#")
IPV4 = re.compile(rb"[0-9]{1,3}(?:\.[0-9]{1,3}){3}(?![0-9]|\.[0-9]|/[0-9]{3})")
IP_WORDS = re.compile(rb"(?i)\bip\b|\bip[v-]|\bhost|server|gateway|\bdns\b|\bping\b")
SECTION_WORDS = re.compile(  # and what stands between such a word and the number
    rb"(?i)(?:\xc2\xa7|\b(?:n[ro]|abs(?:atz)?|kap(?:itel)?|ziff(?:er)?|version|v|art(?:ikel)?|anl(?:age)?"
    rb"|abschn(?:itt)?|nummer|punkt|release|fig(?:ure)?|abb(?:ildung)?|tab(?:elle|le)?|chap(?:ter)?"
    rb"|sec(?:tion)?|teil|part)s?)[.:]?\s{0,2}$"
)
PHONE_WORDS = re.compile(
    rb"(?i)(?<![a-z\x80-\xff])(?:(?:mobil|auto)?tele(?:f|ph)[a-z]*|tel|fon|phone|(?:tele)?fax"
    rb"|mobile?(?:nummer|funk|phone)?|handy(?:nummer)?|cell(?:phone)?|call|(?:an)?ruf(?:en|nummer)?"
    rb"|whatsapp|hotline|durchwahl|dial|sms|kontakt|contact|(?:my|your|meine|ihre) num[a-z]*)"
    rb"(?![a-z\x80-\xff])"
    rb"|(?<![a-z0-9])[tmf] ?[:.] ?\(?$|\xe2\x98[\x8e\x8f]|\xf0\x9f\x93[\x9e\xb1]"
)
NORTH_AMERICAN = re.compile(rb"[2-9][0-9]{2}\)?[ .-]{1,2}[2-9][0-9]{2}[.-][0-9]{4}(?![0-9-])")
GERMAN = re.compile(
    rb"(?<=\()0[1-9][0-9]{1,4}\)[ /-]{0,2}[1-9](?:[ -]?[0-9]){4,10}|0[1-9][0-9]{1,3}/[1-9][0-9]{4}"
)
SUM = re.compile(rb"[0-9] ?\+\(?$")
DATE = re.compile(rb"[0-3]?[0-9]\. ?[01]?[0-9]\. ?(?:[0-9]{4}|[0-9]{2})(?![0-9])")
NO_PHONE = re.compile(  # spans of years and hours, numbers in groups of thousands, ISO dates
    rb"(?:1[5-9]|20)[0-9]{2}[-/](?:1[5-9]|20)?[0-9]{2}(?![0-9])"
    rb"|[0-2]?[0-9]\.[0-5][0-9] {0,2}(?:-|\xe2\x80\x93) {0,2}[0-2]?[0-9]\.[0-5][0-9](?![0-9])"
    rb"|[1-9][0-9]{0,2}(?:\.[0-9]{3})+(?![0-9])"
    rb"|(?:1[5-9]|20)[0-9]{2}-[01][0-9]-[0-3][0-9](?![0-9])"
)
COUNTRIES = frozenset(  # calling codes of one to three digits
    "1 7 20 27 30 31 32 33 34 36 39 40 41 43 44 45 46 47 48 49 51 52 53 54 55 56 57 58 60 61 62 63 "
    "64 65 66 81 82 84 86 90 91 92 93 94 95 98 212 213 216 218 220 221 233 234 254 255 256 260 263 "
    "350 351 352 353 354 355 356 357 358 359 370 371 372 373 374 375 376 377 378 380 381 382 383 "
    "385 386 387 389 420 421 423 852 853 855 880 886 961 962 963 964 965 966 971 972 973 974 994 "
    "995 996 998".split()
)


def find_numbers(data: bytes, places: Places) -> Iterator[Span]:
    """All numbers that are somebody's, from the left but IBANs first; spans may overlap."""
    yield from _ibans(data, places)
    done, last_phone = 0, -CONTEXT
    for start, end in zip(places.groups[::2], places.groups[1::2], strict=True):
        digits = DIGITS.search(data, max(start, done), end)
        while digits:
            done = digits.end()
            run = done - digits.start()
            if span := _number_at(data, digits.start(), run, end, last_phone):
                yield span
                done = span.end  # may be beyond the group: insurance numbers hold a letter
                last_phone = done if span.kind == "phone" else last_phone
            digits = DIGITS.search(data, done, end)


def _number_at(data: bytes, at: int, run: int, end: int, last_phone: int) -> Span | None:
    """The number that begins with the `run` digits at `at`, if there is one."""
    before = data[max(0, at - CONTEXT) : at]
    if before[-1:].isalnum():
        return None  # within a name or a code
    for pattern, is_one, kind in BY_DIGITS.get(run, ()):
        if (match := pattern.match(data, at)) and is_one(match, before):
            return Span(at, match.end(), kind)
    return _phone(data, at, end, before, at - last_phone <= CONTEXT)


def _compact(match: re.Match) -> str:
    return re.sub(rb"[ -]", b"", match[0]).decode()


def _is_ssn(match: re.Match, before: bytes) -> bool:
    if not is_ssn((match[1] + match[3] + match[4]).decode()) or before.endswith(b"-"):
        return False
    return match[2] == b"-" or SSN_WORDS.search(before) is not None


def _is_ip(match: re.Match, before: bytes) -> bool:
    """Four numbers below 256, and no section: 1.2.3.4 of a law is none, whatever it looks like."""
    written = match[0].split(b".")
    parts = [int(part) for part in written]
    if any(len(part) > 1 and part.startswith(b"0") for part in written):
        return False
    if max(parts) > 255 or before.endswith(b".") or SECTION_WORDS.search(before):
        return False
    return max(parts) >= 32 or IP_WORDS.search(before) is not None


PROVED = (  # in the order of trying: the digits in a row that one begins with, and what it is
    (
        {2, 8},
        INSURANCE,
        lambda match, _: is_insurance_number(_compact(match)),
        "social_security_de",
    ),
    ({4, *range(13, 20)}, CARD, lambda match, _: is_card(_compact(match)), "card"),
    ({2, 11}, TAX_ID, lambda match, _: is_tax_id(_compact(match)), "tax_id"),
    ({3, 9}, SSN, _is_ssn, "ssn"),
    ({1, 2, 3}, IPV4, _is_ip, "ip"),
)
BY_DIGITS = {n: [rest for runs, *rest in PROVED if n in runs] for n in range(1, 20)}


def _phone(data: bytes, at: int, end: int, before: bytes, after_phone: bool) -> Span | None:
    plus = before.endswith((b"+", b"+(")) and (after_phone or not SUM.search(before))
    digits = DIGITS.match(data, at)[0]
    alone = not before.rstrip(b" .-/\xc2\xa0")[-1:].isdigit()
    if plus or (alone and digits.startswith(b"00")):
        stop, count = _extent(data, at, end)
        code = re.sub(rb"[^0-9]", b"", data[at : at + 8]) if plus else digits[2:]
        known = any(code[:n].decode() in COUNTRIES for n in (1, 2, 3))
        if known and count >= 8:
            return Span(at - (len(before) - len(before.rstrip(b"+("))), stop, "phone")
    if before.endswith((b"-", b"/", b",", b".", b"\xc2\xa7 ")):
        return None
    if DATE.match(data, at) or NO_PHONE.match(data, at):
        return None
    start = at - before.endswith(b"(")
    if match := NORTH_AMERICAN.match(data, at) or GERMAN.match(data, at):
        stop, _ = _extent(data, at, end)
        return Span(start, max(stop, match.end()), "phone")
    if after_phone or PHONE_WORDS.search(data, max(0, at - CONTEXT), at):
        stop, count = _extent(data, at, end)
        if count >= PHONE_DIGITS[0]:
            return Span(start, stop, "phone")
    return None


def _extent(data: bytes, at: int, end: int) -> tuple[int, int]:
    """Where a phone number that begins at `at` ends, and how many digits it has by then."""
    stop, count = at, 0
    for match in DIGITS.finditer(data, at, end):
        between = data[stop : match.start()]
        if count and (b"  " in between or DATE.match(data, match.start())):
            break
        if count + len(match[0]) > PHONE_DIGITS[1]:
            break
        stop, count = match.end(), count + len(match[0])
    return stop, count


def _ibans(data: bytes, places: Places) -> Iterator[Span]:
    """Two letters, two digits, and as many of both as the country asks for."""
    for at in places.ibans:
        length = IBAN_LENGTH.get(data[at : at + 2].decode().upper())
        if length and (match := IBAN.match(data, at)):
            end, number = at, ""
            while len(number) < length and end < match.end():
                number += chr(data[end]) * (data[end] not in b" -")
                end += 1
            ends_there = not WORD.match(data, end)
            if len(number) == length and ends_there and is_iban(number):
                yield Span(at, end, "iban")
