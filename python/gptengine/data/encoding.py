"""From bytes to text: which encoding a page or a file has, found as browsers find it.

A byte order mark decides, then UTF-8 if the bytes are UTF-8, then what HTTP or the page itself
declares, then UTF-16 without a mark, then UTF-8 with a few broken bytes; Windows-1252 is last.
"""

from __future__ import annotations

import codecs
import re

MARKS = (  # of UTF-32 before UTF-16, whose mark its own begins with
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
# What the web declares and Python spells differently: the wider set that browsers read instead.
WIDER = {
    "ascii": "cp1252",
    "iso8859-1": "cp1252",
    "iso8859-9": "cp1254",
    "iso8859-11": "cp874",
    "tis-620": "cp874",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "shift_jis": "cp932",
    "euc_kr": "cp949",
    "utf-16": "utf-16-le",
}
# Others of Python's codecs are no encodings of the web, and some take quadratic time.
KNOWN = re.compile(
    r"utf-8|utf-16-[lb]e|iso8859-\d+|cp125\d|cp874|cp866|koi8-[ru]|mac-(roman|cyrillic)|gb18030"
    r"|big5|big5hkscs|cp932|cp949|euc_jp"
)
META = re.compile(
    rb"<meta[^>]{0,200}?charset\s*=\s*[\"']?\s*([\w.:-]{1,40})|<\?xml[^>]{0,80}?encoding\s*=\s*"
    rb"[\"']([\w.:-]{1,40})",
    re.I,
)
HEAD = 4096  # bytes in which a page declares its encoding
LOOKED_AT = 1 << 16  # bytes whose zeros tell UTF-16 and binary data
MOST_ZEROS = 0.001  # of a text's bytes; more is binary data
FEW_BROKEN = 10  # characters above ASCII that must be right for each one that is broken


def decode(data: bytes, declared: str = "", html: bool = False) -> tuple[str, str]:
    """The text of `data` without its byte order mark, and the encoding that was used.

    declared: the name that HTTP gave. html: look for <meta charset> too. Bytes that do not fit are
    U+FFFD. Raises ValueError where the bytes are no text.
    """
    for mark, name in MARKS:
        if data.startswith(mark):
            return data[len(mark) :].decode(name, "replace"), name
    if b"\0" in data:
        name = _utf16(data[:LOOKED_AT])
        if name:
            return data.decode(name, "replace"), name
        zeros = data.count(0)
        if zeros > MOST_ZEROS * len(data):
            raise ValueError(f"binary data: {zeros:,} of {len(data):,} bytes are zero")
    try:
        return data.decode("utf-8"), "utf-8"
    except UnicodeDecodeError:
        pass
    for label in (declared, _in_page(data) if html else ""):
        name = encoding_name(label)
        if name and name not in ("utf-8", "cp1252"):  # the one it is not, the other fits anything
            try:
                return data.decode(name), name
            except UnicodeDecodeError:
                continue
    text = data.decode("utf-8", "replace")
    broken = text.count("\ufffd")
    above_ascii = len(text) - len(text.encode("ascii", "ignore"))  # the broken among them
    if above_ascii - broken >= FEW_BROKEN * broken:
        return text, "utf-8"
    return data.decode("cp1252", "windows_1252_rest"), "cp1252"


def encoding_name(label: str) -> str:
    """The codec that a declared charset means, or "" if the web has none of that name."""
    label = label.strip().strip("\"'")
    if not re.fullmatch(r"[\w.:-]{1,40}", label, re.ASCII):
        return ""
    try:
        name = codecs.lookup(label).name
    except LookupError:
        return ""
    name = WIDER.get(name, name)
    return name if KNOWN.fullmatch(name) else ""


def _in_page(data: bytes) -> str:
    found = META.search(data[:HEAD])
    return (found[1] or found[2]).decode("ascii", "replace") if found else ""


def _utf16(start: bytes) -> str:
    """UTF-16 without a mark: nearly every second byte of Western text is then zero."""
    pairs = len(start) // 2
    low, high = start[0::2].count(0), start[1::2].count(0)
    if high > 0.4 * pairs and low < 0.02 * pairs:
        return "utf-16-le"
    if low > 0.4 * pairs and high < 0.02 * pairs:
        return "utf-16-be"
    return ""


def _rest(error):
    """Windows-1252's five bytes without a character are C1 controls, as in browsers."""
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return error.object[error.start : error.end].decode("latin-1"), error.end


codecs.register_error("windows_1252_rest", _rest)


def well_formed(text: str) -> str:
    """The text with surrogate pairs joined and lone ones as U+FFFD, which JSON can hold."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text
