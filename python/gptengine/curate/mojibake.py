"""UTF-8 that was read as Windows-1252 or Latin-1, once or several times, undone: "fÃ¼r", "â€œ".

Decided span by span. A span is undone where its characters spell UTF-8 in a way that no language
writes: "Ã¼" is none, but "ß“" ends many a German quotation and "é…»" a French one, and they stay.
"""

from __future__ import annotations

import re

# What a byte from 80 to 9f was read as; Windows-1252 has five holes, Latin-1 has controls there.
HIGH = {byte: bytes([byte]).decode("cp1252", "ignore") or chr(byte) for byte in range(0x80, 0xA0)}
BYTES = {ord(character): byte for byte, character in HIGH.items()}
HIGH_TAIL = "".join(HIGH.values()) + "\x80-\x9f"
TAIL = f"[{HIGH_TAIL}\xa0-\xbf]"  # what the second byte of a character was read as, or a later one
LETTER = r"(?=[^\W\d_])"

PAIR = f"[\xc2-\xdf]{TAIL}"
SPAN = re.compile(
    "|".join(
        (
            f"\xf0\u0178{TAIL}{{2}}|\xf0\x9f{TAIL}{{2}}",  # emoji
            f"(?:[\xe0-\xef]{TAIL}{{2}}){{2,}}",  # Chinese, Japanese
            f"\xe2{TAIL}{{2}}",  # quotation marks, dashes, the euro, arrows
            "\xef\xbb\xbf|\xef\xbf\xbd",  # the byte order mark, the replacement character
            f"{PAIR}(?:{PAIR})+",  # Cyrillic, Greek, and most of what was misread twice
            f"\xc3(?![\u2018\u2019\u201c\u201d\u2013\u2014\u2026\xab\xbb]){TAIL}",  # à to ÿ
            f"\xc3[\u2018\u2019\u201c\u201d\u2013\u2014\u2026\xab\xbb]{LETTER}",  # Ö, Ô and others
            "\xc2[\x80-\x9f\xa0-\xbf]",  # « » ° § and the space that does not break
            "[\xc4\xc5][\x80-\x9f\u0192\u02c6\u0160\u0152\u017d\u02dc\u0161\u0153\u017e\u0178"
            "\u201a\u2020\u2021\xa1-\xa6\xa8\xaa\xac\xae-\xb1\xb3-\xb6\xb8\xba\xbc-\xbf]",  # ł š ż
            f"[\xc4\xc5][\u2122\u203a\u2039\u201e\u2026\u2022\u2030]{LETTER}",  # ę ś ń ą
            f"\xc5\u201c{LETTER}|(?<=\xe2\u20ac){PAIR}",  # œ; half of a “ that was misread twice
        )
    )
)
START = re.compile(f"[\xc2-\xf0]{TAIL}")  # what every span begins with, found faster


def undo(text: str) -> tuple[str, int]:
    """The text with such spans as what they spell, however often misread; how many there were."""
    spans, found = 0, 1
    while found:
        text, found = _undo_once(text)
        spans += found
    return text, spans


def _undo_once(text: str) -> tuple[str, int]:
    parts, end, undone = [], 0, 0
    start = START.search(text)
    while start:
        place = start.start() + 1
        if (span := SPAN.match(text, start.start())) and (meant := _spelled(span[0])):
            parts += [text[end : span.start()], meant]
            place = end = span.end()
            undone += 1
        start = START.search(text, place)
    return "".join([*parts, text[end:]]) if undone else text, undone


def _spelled(span: str) -> str:
    """What the bytes that the characters were read from spell, "" if they are not UTF-8."""
    try:
        return bytes(BYTES.get(ord(c), ord(c) & 0xFF) for c in span).decode()
    except UnicodeDecodeError:
        return ""
