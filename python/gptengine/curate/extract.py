"""HTML to text without navigation, advertising, cookie notices and footers.

`trafilatura` is the more exact extractor, `resiliparse` the faster one. What either leaves of share
buttons, notices and footers goes by rules for lines. Work is bounded by a page's size, depth and
numbers of elements and attributes, and never by time, so that the result does not depend on the
machine: what is within all bounds takes seconds at most.
"""

from __future__ import annotations

import functools
import logging
import re
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from gptengine.options import check_sizes, option

from .boilerplate import without_boilerplate
from .document import Loss
from .optional import need
from .page import facts

EXTRACTORS = ("trafilatura", "resiliparse")
DEEPEST = 250  # elements within elements; at 256 libxml2 stops reading without a word
MOST_ELEMENTS = 30_000  # of a page; some of the extractor's steps take the square of siblings
# Parsers compare each attribute of an element with each other one: of the root of these comparisons
MOST_ATTRIBUTES = 30_000
LONG_TAG = 2000  # characters from which on a tag may have many
# A short result is doubted if it is less than this share of what resiliparse finds: then
# trafilatura tries again with all its fallbacks. Some take time in the square of a page's tags.
DOUBTED, SHARE, MOST_TAGS = 2000, 1 / 3, 10_000
XML_DECLARATION = re.compile(r"\s*<\?xml\b[^<>]{0,200}\?>", re.I)
QUOTED = rb"(?:\"[^\"]*\"|'[^']*')"
TAG = re.compile(rb"<[a-zA-Z][^>\"']*(?:" + QUOTED + rb"[^>\"']*)*")
BETWEEN = re.compile(QUOTED + rb"|[/\s]+")  # attributes
LEAST_BYTES = 4  # of an attribute, of many that are all others, with what is before it
WHOLE_PAGE = re.compile(r"<(html|body)\b", re.I)


@dataclass(frozen=True)
class ExtractOptions:
    """How pages become text."""

    extractor: str = option("trafilatura", "trafilatura: more exact; resiliparse: 8 times faster")
    most_characters: int = option(2_000_000, "characters of HTML; a longer page is counted as lost")

    def __post_init__(self):
        if self.extractor not in EXTRACTORS:
            known = ", ".join(EXTRACTORS)
            raise ValueError(f"extract: extractor {self.extractor!r} is none of {known}")
        check_sizes("extract", self, most_characters=1)


class Page(NamedTuple):
    """The text of a page, empty where none was found, and what the page says of itself."""

    text: str
    facts: dict[str, str]  # of `page.facts`: title, robots, licence


def extract(html: str, options: ExtractOptions | None = None, where: str = "") -> Page | Loss:
    """The text of a page, a paragraph a line, or why it is not read.

    html: as text; `encoding.decode` gives it. Raises ValueError where the extractor is missing.
    """
    options = options or ExtractOptions()
    if len(html) > options.most_characters:
        limit = f"{len(html):,} characters, at most {options.most_characters:,}"
        return Loss("extract.too_long", where, limit)
    html = html.replace("\0", "")
    if declared := XML_DECLARATION.match(html):
        html = html[declared.end() :]  # its encoding is no longer true
    data = html.encode("utf-8", "replace")
    if (attributes := most_attributes(data)) > MOST_ATTRIBUTES:
        limit = f"{attributes:,} attributes, at most {MOST_ATTRIBUTES:,}"
        return Loss("extract.too_many", where, limit)
    opens = _opens(data)
    if too_deep(data, opens):
        return Loss("extract.too_deep", where, f"more than {DEEPEST} elements within each other")
    if (elements := int(np.count_nonzero(opens > 0))) > MOST_ELEMENTS:
        limit = f"{elements:,} elements, at most {MOST_ELEMENTS:,}"
        return Loss("extract.too_many", where, limit)
    try:
        text = (_exact if options.extractor == "trafilatura" else _fast)(html)
    except _mistakes() as error:
        return Loss("extract.failed", where, f"{type(error).__name__}: {error}"[:300])
    return Page(without_boilerplate(text).strip(), facts(html))


def too_deep(data: bytes, opens: np.ndarray) -> bool:
    """Whether elements lie deeper in each other than parsers read, or read in linear time.

    opens: of `_opens`. Opening less closing tags are at least the depth; where they are many, the
    parser is asked.
    """
    if _most_open(opens) <= DEEPEST:
        return False
    etree = need("lxml.etree", "extracting pages")
    parser = etree.HTMLParser(encoding="utf-8")
    try:
        etree.fromstring(data, parser)
    except etree.XMLSyntaxError:
        return False  # nothing is in it
    return any("depth" in error.message for error in parser.error_log)


def _opens(html: bytes) -> np.ndarray:
    """1 for each "<" that opens an element, -1 for one that closes one, 0 for others: int8 (N,)."""
    data = np.frombuffer(html + b" ", np.uint8)
    after = data[np.flatnonzero(data[:-1] == ord("<")) + 1]
    opens = ((after | 32) >= ord("a")) & ((after | 32) <= ord("z"))
    return opens.astype(np.int8) - (after == ord("/"))


def _most_open(opens: np.ndarray) -> int:
    depth = np.cumsum(opens, dtype=np.int64)
    least = np.minimum.accumulate(np.minimum(depth, 0))  # closing tags that nothing had opened
    return int((depth - least).max(initial=0))


def most_attributes(data: bytes) -> int:
    """So many in one tag would cost as much to compare as those in all long tags, or fewer.

    Where a page is too short for more, or has no more characters that could stand between
    attributes, nothing is looked at.
    """
    if len(data) <= LEAST_BYTES * MOST_ATTRIBUTES:
        return 0
    if len(data) - len(data.translate(None, b"\"'/ \n\t\r\f")) <= MOST_ATTRIBUTES:
        return 0
    long = (tag for tag in TAG.findall(data) if len(tag) >= LONG_TAG)
    return int(sum(len(BETWEEN.findall(tag)) ** 2 for tag in long) ** 0.5)


def _exact(html: str) -> str:
    if not WHOLE_PAGE.search(html):
        html = f"<html><body>{html}</body></html>"  # a fragment would be refused
    read = functools.partial(_trafilatura().extract, html, include_comments=False)
    text = read(fast=True) or ""
    if len(text) < DOUBTED and html.count("<") <= MOST_TAGS:
        if len(text) < SHARE * len(_fast(html)):
            text = max(text, read() or "", key=len)
    return text


def _fast(html: str) -> str:
    extract_plain_text = need(
        "resiliparse.extract.html2text", "extracting pages"
    ).extract_plain_text
    return extract_plain_text(html, main_content=True, alt_texts=False)


@functools.cache
def _trafilatura():
    module = need("trafilatura", "extracting pages")
    logging.getLogger("trafilatura").setLevel(logging.CRITICAL)  # a page without text is no error
    return module


@functools.cache
def _mistakes() -> tuple[type[BaseException], ...]:
    """What the extractors raise on pages that they did not expect."""
    etree = need("lxml.etree", "extracting pages")
    python = (ValueError, TypeError, AttributeError, LookupError, ArithmeticError, AssertionError)
    return (*python, RecursionError, etree.LxmlError)
