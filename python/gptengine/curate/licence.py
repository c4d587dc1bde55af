"""What may be used: licences by a common name, lists of those who opted out, and what pages say.

A page's wish not to be used for training stands in `Document.meta`: "robots" has what X-Robots-Tag
and <meta name="robots"> say, "tdm-reservation" the header of the TDM Reservation
Protocol; a <meta> of that name is among the robots as "tdm-reservation:1".
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from .document import Check, Document
from .urls import Addresses

UNKNOWN = "unknown"
PROPRIETARY = "proprietary"
PUBLIC_DOMAIN = "public-domain"
NO_TRAINING = frozenset({"noai", "noml", "notrain"})  # directives for robots

CC_URL = re.compile(r"creativecommons\.org/(licenses|publicdomain)/([a-z-]+)(?:/([0-9.]+))?")
CC_NAME = re.compile(r"\b(?:cc|creative commons)\b[\s:_-]*(.*)")
VERSION = re.compile(r"\b([1-4]\.[0-9])\b")
CC_PARTS = {  # in the order in which a name has them
    "by": r"\bby\b|attribution|namensnennung",
    "nc": r"\bnc\b|non-?\s?commercial|nicht[\s-]?kommerziell|keine kommerzielle",
    "sa": r"\bsa\b|share-?\s?alike|weitergabe unter gleichen",
    "nd": r"\bnd\b|no-?\s?deriv|keine bearbeitung",
}
OTHERS = (  # the first that is found names the licence
    (PUBLIC_DOMAIN, r"public[\s-]?domain|gemeinfrei|\bpdm\b|amtliches werk"),
    ("agpl", r"\bagpl|affero"),
    ("lgpl", r"\blgpl|lesser general public"),
    ("gpl", r"\bgpl|gnu general public"),
    ("gfdl", r"\bgfdl|gnu free documentation"),
    ("apache-2.0", r"\bapache\b"),
    ("mpl-2.0", r"\bmpl\b|mozilla public"),
    ("bsd", r"\bbsd\b"),
    ("mit", r"\bmit\b(?!\s+\w+\s+rechte)(?:\W*$|[\s-]licen|[\s-]lizenz)|^mit\b"),
    ("odbl", r"\bodbl\b|open database licen"),
    ("dl-de-by-2.0", r"dl-de[/-]by|datenlizenz deutschland.*namensnennung"),
    ("dl-de-zero-2.0", r"dl-de[/-]zero|datenlizenz deutschland.*zero"),
    ("unlicense", r"\bunlicense\b"),
    (PROPRIETARY, r"all rights reserved|alle rechte vorbehalten|proprietary|\(c\)|©|copyright"),
)
GNU = {"agpl", "lgpl", "gpl", "gfdl"}
GNU_VERSION = re.compile(r"[\sv-]([1-3](?:\.[0-9])?)\b")
BSD = re.compile(r"\b([234])[\s-]clause|\bbsd[\s-]([234])\b")

TDM = re.compile(r"\btdm-reservation\s*[:=]\s*1\b")


def normalise(licence: str) -> str:
    """The name of a licence that a field says, in the manner of SPDX, lower case.

    >>> normalise("https://creativecommons.org/licenses/by-sa/3.0/de/")
    'cc-by-sa-3.0'

    What is not known is "unknown"; where rights are reserved, "proprietary".
    """
    text = " ".join(licence.lower().split())[:1000]
    if url := CC_URL.search(text):
        kind, name, version = url.groups()
        if kind == "publicdomain":
            return "cc0-1.0" if name == "zero" else PUBLIC_DOMAIN
        return "-".join(filter(None, ("cc", name.strip("-"), version)))
    if re.search(r"\bcc[\s-]?0\b|\bcc[\s-]?zero\b|creative commons zero", text):
        return "cc0-1.0"
    if name := CC_NAME.search(text.replace("_", "-")):
        parts = [part for part, words in CC_PARTS.items() if re.search(words, name[1])]
        if parts:
            version = VERSION.search(name[1])
            return "-".join(["cc", *parts, *([version[1]] if version else [])])
    found = next((name for name, words in OTHERS if re.search(words, text)), UNKNOWN)
    if found in GNU and (version := GNU_VERSION.search(text)):
        number = version[1] if "." in version[1] else f"{version[1]}.0"
        if found == "gfdl":
            return f"{found}-{version[1]}"
        later = re.search(r"later|newer|später|\+", text)
        only = re.search(r"\bonly\b", text)
        return f"{found}-{number}" + ("-or-later" if later else "-only" if only else "")
    if found == "bsd" and (clauses := BSD.search(text)):
        return f"bsd-{clauses[1] or clauses[2]}-clause"
    return found


def reserved(meta: dict) -> str:
    """What a page says against being trained on, "" if nothing: "noai", "tdm-reservation"."""
    robots = meta.get("robots") or ""
    directives = robots if isinstance(robots, str) else ",".join(map(str, robots))
    for directive in re.split(r"[,;\s:]+", directives.lower()):
        if directive in NO_TRAINING:
            return directive
    tdm = TDM.search(directives.lower()) or str(meta.get("tdm-reservation", "")).strip() == "1"
    return "tdm-reservation" if tdm else ""


@dataclass(frozen=True)
class Licences:
    """Drops what may not be used.

    allowed: patterns for the licences of each source, as in {"web": ("cc-*", "unknown")}; a source
    that is not named takes any. opted_out: hosts and folders whose owners do not want it.
    """

    allowed: dict[str, tuple[str, ...]] = field(default_factory=dict)
    opted_out: Addresses = field(default_factory=Addresses)
    heed_robots: bool = True
    name: str = "licence"

    def checks(self, document: Document) -> Iterator[Check]:
        if (patterns := self.allowed.get(document.source)) is not None:
            licence = normalise(document.licence)
            outside = not any(fnmatch.fnmatchcase(licence, p.lower()) for p in patterns)
            yield Check(f"{self.name}.not_allowed", int(outside), most=0, note=licence)
        entry = self.opted_out.find(document.url) if document.url else ""
        yield Check(f"{self.name}.opted_out", int(bool(entry)), most=0, note=entry)
        if self.heed_robots:
            said = reserved(document.meta)
            yield Check(f"{self.name}.reserved", int(bool(said)), most=0, note=said)
