"""Finds e-mail addresses, IPv6 addresses and web addresses with a user's name in UTF-8.

Each begins from something rare, such as "@" or "://", where the engine finds it, and looks at most
a fixed number of bytes to its sides: so all of it is linear, and costs nothing in a text without.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator

from .numbers import Span
from .places import Places

LOCAL = re.compile(rb"[\w.+%'\x80-\xff-]{1,64}")  # read backwards from the "@"
DOMAIN = re.compile(
    rb"(?:[a-zA-Z0-9\x80-\xff-]{1,63}\.){1,8}[a-zA-Z\x80-\xff][a-zA-Z0-9\x80-\xff-]{1,62}"
)
SPELLED_AT = re.compile(rb"(?i) {0,2}[(\[{] {0,2}(?:at|\xc3\xa4t) {0,2}[)\]}] {0,2}")
SPELLED_DOMAIN = re.compile(
    rb"(?i)(?:[a-z0-9\x80-\xff-]{1,63}"
    rb"(?:\.| {0,2}[(\[{] {0,2}(?:dot|punkt) {0,2}[)\]}] {0,2})){1,8}"
    rb"[a-z\x80-\xff]{2,24}(?![a-z\x80-\xff])"
)
QUOTES = (
    b"\xe2\x80\x9c",
    b"\xe2\x80\x9d",
    b"\xe2\x80\x9e",
    b"\xe2\x80\x98",
    b"\xe2\x80\x99",
    b"\xc2\xab",
    b"\xc2\xbb",
)
FILES = frozenset(b"png jpg jpeg gif svg webp js css html php pdf".split())  # logo@2x.png
HEX = b"0123456789abcdefABCDEF:"
HEX_RUN = re.compile(rb"[0-9A-Fa-f:]{0,45}")
LEAST_GROUPS = 3  # of an IPv6 address: a::b is C++

LETTERS = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
URL_END = re.compile(rb"[^\s<>\"'\xe2(){}\[\]|\\^`,;]{0,500}")
HOST_BEFORE = re.compile(rb"[a-zA-Z0-9.-]{1,80}")  # read backwards
PROFILE_HOSTS = {  # what stands before the user's name in the path
    b"facebook.com": b"",
    b"instagram.com": b"",
    b"twitter.com": b"",
    b"x.com": b"",
    b"t.me": b"",
    b"threads.net": b"@",
    b"tiktok.com": b"@",
    b"youtube.com": b"@",
    b"medium.com": b"@",
    b"linkedin.com": b"in/",
    b"xing.com": b"profile/",
    b"reddit.com": b"user/",
    b"pinterest.com": b"",
    b"snapchat.com": b"add/",
    b"twitch.tv": b"",
    b"flickr.com": b"people/",
    b"vk.com": b"",
}
PICTURES = b"pic."  # pic.twitter.com
NO_USER = frozenset(  # first segments that are no user's
    b"sharer sharer.php share intent home search explore hashtag groups events pages pg watch "
    b"about help login policies privacy terms legal p reel reels tv i pin directory business "
    b"plugins dialog messages settings".split()
)
USER_PATH = re.compile(
    rb"/(?:~|@)[\w.-]{2,60}|/(?:users?|u|profiles?|profil|people|members?|mitglied(?:er)?|benutzer)"
    rb"/@?[\w.%\x80-\xff-]{2,60}"
)


def find_addresses(data: bytes, places: Places) -> Iterator[Span]:
    """All that are found, kind by kind; spans may overlap."""
    yield from _users(data, places)
    yield from _emails(data, places)
    yield from _ipv6(data, places)


def _emails(data: bytes, places: Places) -> Iterator[Span]:
    for at in places.at_signs:
        domain = DOMAIN.match(data, at + 1)
        if domain and (span := _email(data, at, domain)):
            yield span
    for at in places.spelled:
        before = data[max(0, at - 2) : at]
        start = at - (len(before) - len(before.rstrip(b" ")))
        sign = SPELLED_AT.match(data, start)
        domain = sign and SPELLED_DOMAIN.match(data, sign.end())
        if domain and (span := _email(data, start, domain)):
            yield span


def _email(data: bytes, at: int, domain: re.Match) -> Span | None:
    """The address whose local part ends at `at`."""
    before = data[max(0, at - 64) : at]
    for quote in QUOTES:  # multi-byte quotes look like letters
        before = before.rpartition(quote)[2]
    local = LOCAL.match(before[::-1])
    ending = domain[0].rpartition(b".")[2].lower()
    if not local or ending in FILES:
        return None
    name = local[0][::-1].lstrip(b".'%+-").rstrip(b"'")
    end = domain.end()
    for quote in QUOTES:
        cut = data.find(quote, domain.start(), end)
        end = cut if cut >= 0 else end
    if not name or b"." not in data[domain.start() : end].rstrip(b".") and domain.re is DOMAIN:
        return None
    return Span(at - len(name), end, "email")


def _ipv6(data: bytes, places: Places) -> Iterator[Span]:
    end = 0
    for colon in places.colons:
        if colon < end:
            continue
        before = data[max(0, colon - 45) : colon]
        start = colon - (len(before) - len(before.rstrip(HEX)))
        end = HEX_RUN.match(data, colon).end()
        address = (
            data[start:end].rstrip(b":") if not data[start:end].endswith(b"::") else data[start:end]
        )
        inside = data[start - 1 : start].isalnum() if start else False
        after = data[start + len(address) : start + len(address) + 1]
        groups = [group for group in address.split(b":") if group]
        if inside or after.isalnum() or len(groups) < LEAST_GROUPS:
            continue
        if not any(c in b"0123456789" for c in address):
            continue
        try:
            ipaddress.IPv6Address(address.decode())
        except ipaddress.AddressValueError:
            continue
        yield Span(start, start + len(address), "ip")


def _users(data: bytes, places: Places) -> Iterator[Span]:
    for sign in places.schemes:
        before = data[max(0, sign - 8) : sign]
        scheme = len(before) - len(before.rstrip(LETTERS))
        rest = URL_END.match(data, sign + len(b"://"))[0].rstrip(b".!?:")
        if scheme and _names_user(rest):
            yield Span(sign - scheme, sign + len(b"://") + len(rest), "user_url")
    for dot in places.paths:
        before = data[max(0, dot - 80) : dot]
        host = HOST_BEFORE.match(before[::-1])
        start = dot - (len(host[0]) if host else 0)
        if host and not data[max(0, start - 3) : start].endswith((b"://", b"@")):
            rest = URL_END.match(data, start)[0].rstrip(b".!?:")
            if _is_profile(rest):
                yield Span(start, start + len(rest), "user_url")


def _names_user(rest: bytes) -> bool:
    """Whether an address, without its scheme, has a user in it."""
    place, _, path = rest.partition(b"/")
    if b"@" in place and place.partition(b"@")[0]:
        return True
    return _is_profile(rest) or USER_PATH.match(b"/" + path) is not None


def _is_profile(rest: bytes) -> bool:
    host, _, path = rest.partition(b"/")
    host = b".".join(
        host.lower().rpartition(b":")[0].split(b".")[-2:]
        if b":" in host
        else host.lower().split(b".")[-2:]
    )
    prefix = None if rest.lower().startswith(PICTURES) else PROFILE_HOSTS.get(host)
    if prefix is None or not path.startswith(prefix):
        return False
    user = re.split(rb"[/?#]", path[len(prefix) :], maxsplit=1)[0]
    return len(user) > 1 and user.lower() not in NO_USER
