"""Pages left out by their address: lists of hosts and folders, and paths that hold no prose.

All of it is set lookups on the parts of an address; nothing is asked of the network.
"""

from __future__ import annotations

import functools
import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from .document import Check, Document
from .word_lists import read_list

MOST_LABELS = 127  # that a host name can have
SCHEME = re.compile(r"^[a-z][a-z0-9+.-]*://", re.IGNORECASE)
PORT = re.compile(r":[0-9]*$")
NO_PROSE = frozenset(  # segments of a path: what is there is a form, a basket or a list
    "login signin sign-in signup sign-up register registrieren anmelden anmeldung logout cart "
    "basket checkout warenkorb kasse wishlist merkzettel merkliste search suche tag tags "
    "sitemap cgi-bin wp-login.php impressum agb datenschutz".split()
)


def host_of(url: str) -> str:
    """The host of an address as it stands in lists: lower case, IDN as xn--, without port.

    >>> host_of("https://user@Bücher.Example.:8080/a?b")
    'xn--bcher-kva.example'
    """
    return _split(url)[0]


def path_of(url: str) -> list[str]:
    """The segments of an address's path, lower case, without what follows "?" and "#"."""
    return _split(url)[1]


@functools.lru_cache(maxsize=4)  # several lists are asked about the same address
def _split(url: str) -> tuple[str, list[str]]:
    url = SCHEME.sub("", url.strip(), 1)
    url = url.removeprefix("//").split("#", 1)[0].split("?", 1)[0].replace("\\", "/")
    place, _, path = url.partition("/")
    host = place.rpartition("@")[2]
    if host.startswith("["):
        return host[1:].partition("]")[0].lower(), _segments(path)
    return _ascii(PORT.sub("", host).strip(".").lower()), _segments(path)


def _segments(path: str) -> list[str]:
    return [segment.lower() for segment in path.split("/") if segment]


def _ascii(host: str) -> str:
    if host.isascii():
        return host
    labels = re.split("[.\u3002\uff0e\uff61]", host)
    try:
        return ".".join(label.encode("idna").decode() for label in labels)
    except UnicodeError:  # no host has such a name; in a list it can only equal itself
        return host


class Addresses:
    """A set of hosts with all below them ("example.com") and of folders ("example.com/shop")."""

    def __init__(self, entries: Iterable[str] = ()):
        self.hosts: set[str] = set()
        self.folders: set[tuple[str, ...]] = set()
        self.deepest = 0  # segments of the deepest folder
        for entry in entries:
            host, path = _split(entry.removeprefix("*."))
            if not host:
                raise ValueError(f"{entry!r}: no host in this entry of a list")
            if path:
                self.folders.add((host, *path))
                self.deepest = max(self.deepest, len(path))
            else:
                self.hosts.add(host)

    def __len__(self) -> int:
        return len(self.hosts) + len(self.folders)

    def find(self, url: str) -> str:
        """The entry that an address falls under, "" if none does."""
        host, path = _split(url)
        labels = host.split(".")[-MOST_LABELS:]
        for start in range(len(labels)):
            above = ".".join(labels[start:])
            if above in self.hosts:
                return above
            for depth in range(1, min(len(path), self.deepest) + 1):
                if (above, *path[:depth]) in self.folders:
                    return "/".join((above, *path[:depth]))
        return ""


def read_addresses(*paths: str | os.PathLike) -> Addresses:
    """The hosts and folders of some lists; ValueError names the file and the entry."""
    entries = []
    for path in paths:
        for entry in read_list(path):
            if not host_of(entry.removeprefix("*.")):
                raise ValueError(f"{path}: {entry!r} names no host")
            entries.append(entry)
    return Addresses(entries)


@dataclass(frozen=True)
class Urls:
    """Holds a document's address against lists; a document without one passes."""

    blocked: Addresses = field(default_factory=Addresses)
    allowed: Addresses = field(default_factory=Addresses)  # if any: only these pass
    no_prose: frozenset[str] = NO_PROSE
    name: str = "url"

    def checks(self, document: Document) -> Iterator[Check]:
        url = document.url
        entry = self.blocked.find(url) if url else ""
        yield Check(f"{self.name}.blocked", int(bool(entry)), most=0, note=entry)
        if len(self.allowed):
            outside = bool(url) and not self.allowed.find(url)
            yield Check(f"{self.name}.not_allowed", int(outside), most=0, note=host_of(url))
        segment = next((s for s in path_of(url) if s in self.no_prose), "") if url else ""
        yield Check(f"{self.name}.path", int(bool(segment)), most=0, note=segment)
