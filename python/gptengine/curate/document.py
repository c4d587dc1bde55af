"""What curation passes on: a document, a loss, a change that is counted, a check that was made.

Every step is a function of one document and its own settings, and says what it did in these terms.
So the report can count every document that came in, and `explain` can show one document's way.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol


@dataclass(frozen=True, slots=True)
class Document:
    """A text, where it comes from and what is known of it."""

    id: str  # 32 hexadecimal digits, of `document_id`
    source: str  # the source's name in the recipe
    text: str
    url: str = ""
    licence: str = ""
    language: str = ""  # ISO 639-1, empty before it is known
    meta: dict = field(default_factory=dict)  # what else the record said; JSON values


class Record(NamedTuple):
    """What a reader found: text, or HTML that is still to be extracted."""

    content: str | bytes  # bytes where the encoding is still to be found out
    kind: str  # "text" or "html"
    where: str  # "crawl-1.warc.gz record 17": for messages, never for identity
    own_id: str = ""  # the id or URL that the record itself gives
    url: str = ""
    licence: str = ""
    meta: dict = {}  # never written to


class Loss(NamedTuple):
    """Something that came in and could not be read; readers never leave it out silently."""

    reason: str  # "reader.bad_json"
    where: str
    detail: str = ""  # what the reader said


class Check(NamedTuple):
    """One rule held against one document: passed if least <= value <= most."""

    reason: str  # "quality.stop_words": why the document is dropped if this is not passed
    value: float
    least: float = float("-inf")
    most: float = float("inf")
    note: str = ""  # what was found, where a number does not say it: the list's entry, the phrase

    @property
    def passed(self) -> bool:
        return self.least <= self.value <= self.most


class Change(NamedTuple):
    """What a transform did: the new text, and how often it did what ("pii.email": 2)."""

    text: str
    counts: dict[str, int]


class Filter(Protocol):
    """Decides whether a document stays: it is dropped by the first check that is not passed.

    All checks are yielded in a fixed order, so that a report can show every value; a cheap check
    comes first, and a caller that needs only the decision stops at the first failure.
    """

    name: str

    def checks(self, document: Document) -> Iterator[Check]: ...


class Transform(Protocol):
    """Changes a document's text. A text that is left empty is dropped as "NAME.empty"."""

    name: str

    def change(self, document: Document) -> Change: ...


def document_id(source: str, own_id: str, content: str | bytes) -> str:
    """The same record of a source has the same id, wherever and in which order it was found."""
    if isinstance(content, str):
        content = content.encode("utf-8", "surrogatepass")
    digest = hashlib.blake2b(digest_size=16)
    for part in (source.encode(), own_id.encode("utf-8", "surrogatepass"), content):
        digest.update(len(part).to_bytes(8, "little"))
        digest.update(part)
    return digest.hexdigest()
