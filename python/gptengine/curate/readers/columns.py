"""Which field of a JSON line or a table's row is the text, the address, the licence."""

from __future__ import annotations

import math

from gptengine.data.encoding import well_formed

from ..document import Loss, Record
from .options import ReadOptions

TEXT = ("text", "content", "raw_content", "body")
HTML = ("html", "raw_html")
ID = ("id", "_id", "doc_id", "docid", "document_id", "uuid", "warc_record_id")
URL = ("url", "uri", "source_url", "warc-target-uri", "warc_target_uri")
LICENCE = ("license", "licence", "license_url", "licence_url")
NESTED = ("metadata", "meta")  # datatrove and Dolma put the rest there
DEEPEST = 20  # levels of lists and objects that a record's other fields may have


def record_of(values: dict, where: str, options: ReadOptions) -> Record | Loss:
    """The record that a row says, or why it says none; other fields become `meta`."""
    text, html = (options.field,) if options.field else TEXT, HTML
    if options.html_field:
        html, text = (options.html_field,), text if options.field else ()
    found = next((name for name in (*text, *html) if isinstance(values.get(name), str)), None)
    if found is None:
        wanted = " or ".join((*text, *html))
        return Loss("reader.no_text", where, f"no string in {wanted}; fields: {_names(values)}")
    if not values[found].strip():
        return Loss("reader.empty", where, f"{found} is empty")
    rest = {}
    for name, value in values.items():
        if value is None:  # a table has every column in every row
            continue
        if name in NESTED and isinstance(value, dict):
            rest = {**value, **rest}
        elif name != found:
            rest[name] = value
    try:
        rest = _plain(rest, 0)
    except ValueError as error:
        return Loss("reader.bad_fields", where, str(error))
    url, licence = _take(rest, URL), _take(rest, LICENCE)
    own_id = _take(rest, ID) or url
    kind = "html" if found in html else "text"
    return Record(well_formed(values[found]), kind, where, own_id, url, licence, rest)


def _take(fields: dict, names) -> str:
    """Removes the first of the names (capitals aside) that holds text or a number, and gives it."""
    for wanted in names:
        for name, value in fields.items():
            if name.lower() == wanted and isinstance(value, (str, int)) and value not in ("", True):
                del fields[name]
                return str(value)
    return ""


def _plain(value, depth: int):
    """The value as JSON can hold it and UTF-8 can write it."""
    if depth > DEEPEST:
        raise ValueError(f"fields nested more than {DEEPEST} deep")
    if isinstance(value, str):
        return well_formed(value)
    if isinstance(value, dict):
        return {well_formed(str(k)): _plain(v, depth + 1) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(v, depth + 1) for v in value]
    if value is None or isinstance(value, (bool, int)):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, bytes):
        return value.hex()
    return well_formed(str(value))  # dates, decimals


def _names(values: dict) -> str:
    names = ", ".join(map(str, values))
    return well_formed(names if len(names) <= 200 else names[:200] + " ...")
