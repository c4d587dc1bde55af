"""HTML to text without navigation, advertising, cookie notices and footers.

`trafilatura` is the more exact extractor, `resiliparse` the faster one. What either leaves of share
buttons, notices and footers goes by rules for lines. Work is bounded by a page's size and depth and
never by time, so that the result does not depend on the machine.
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
# A short result is doubted if it is less than this share of what resiliparse finds: then
# trafilatura tries again with all its fallbacks. Some take time in the square of a page's tags.
DOUBTED, SHARE, MOST_TAGS = 2000, 1 / 3, 10_000
XML_DECLARATION = re.compile(r"\s*<\?xml\b[^<>]{0,200}\?>", re.I)
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
    if too_deep(html):
        return Loss("extract.too_deep", where, f"more than {DEEPEST} elements within each other")
    try:
        text = (_exact if options.extractor == "trafilatura" else _fast)(html)
    except _mistakes() as error:
        return Loss("extract.failed", where, f"{type(error).__name__}: {error}"[:300])
    return Page(without_boilerplate(text).strip(), facts(html))


def too_deep(html: str) -> bool:
    """Whether elements lie deeper in each other than parsers read, or read in linear time.

    Opening less closing tags are at least the depth; where they are many, the parser is asked.
    """
    if _most_open(html) <= DEEPEST:
        return False
    etree = need("lxml.etree", "extracting pages")
    parser = etree.HTMLParser(encoding="utf-8")
    try:
        etree.fromstring(html.encode("utf-8", "replace"), parser)
    except etree.XMLSyntaxError:
        return False  # nothing is in it
    return any("depth" in error.message for error in parser.error_log)


def _most_open(html: str) -> int:
    data = np.frombuffer(html.encode("utf-8", "replace") + b" ", np.uint8)
    after = data[np.flatnonzero(data[:-1] == ord("<")) + 1]
    opens = ((after | 32) >= ord("a")) & ((after | 32) <= ord("z"))
    depth = np.cumsum(opens.astype(np.int64) - (after == ord("/")))
    least = np.minimum.accumulate(np.minimum(depth, 0))  # closing tags that nothing had opened
    return int((depth - least).max(initial=0))


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
