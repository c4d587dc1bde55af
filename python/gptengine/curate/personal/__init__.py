"""Personal data is masked by constants: e-mail, phone, IBAN, card, IP, tax and insurance numbers.

What can prove itself does so by its checksum; what cannot, such as a phone number, needs a sign of
what it is: a prefix, or a word before it. Names need a recogniser: `Personal` takes one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from ..document import Change, Document
from .addresses import find_addresses
from .numbers import Span, find_numbers
from .places import find_places

MASKS = {  # of kinds that overlap the first stays
    "user_url": "<USER_URL>",
    "email": "<EMAIL>",
    "iban": "<IBAN>",
    "card": "<CARD>",
    "social_security_de": "<SOCIAL_SECURITY_DE>",
    "tax_id": "<TAX_ID>",
    "ssn": "<SSN>",
    "ip": "<IP>",
    "phone": "<PHONE>",
}
NAME_MASK = "<NAME>"
RANK = {kind: rank for rank, kind in enumerate(MASKS)}
Names = Callable[[str], Iterable[tuple[int, int]]]


@dataclass(frozen=True)
class Personal:
    """Masks personal data of some kinds, and what `names` finds.

    names: from a text to spans (start, end) of characters, such as those of a name recogniser; it
    gets the text after the other masks. For runs in several processes it has to be picklable.
    """

    kinds: tuple[str, ...] = tuple(MASKS)
    names: Names | None = None
    name: str = "pii"

    def __post_init__(self):
        for kind in self.kinds:
            if kind not in MASKS:
                raise ValueError(f"personal data: no kind {kind!r}: there are {', '.join(MASKS)}")

    def change(self, document: Document) -> Change:
        text, counts = mask(document.text, self.kinds)
        if self.names is not None:
            text, counts["name"] = _mask_names(text, self.names(text))
        return Change(text, {f"{self.name}.{kind}": n for kind, n in counts.items() if n})


def mask(text: str, kinds: Iterable[str] = tuple(MASKS)) -> tuple[str, Counter]:
    """A text with its personal data masked, and how many of each kind there were."""
    data = text.encode("utf-8", "surrogatepass")
    spans = find_spans(data, kinds)
    if not spans:
        return text, Counter()
    parts, end = [], 0
    for span in spans:
        parts += data[end : span.start], MASKS[span.kind].encode()
        end = span.end
    parts.append(data[end:])
    masked = b"".join(parts).decode("utf-8", "surrogatepass")
    return masked, Counter(span.kind for span in spans)


def find_spans(data: bytes, kinds: Iterable[str] = tuple(MASKS)) -> list[Span]:
    """Where personal data stands in UTF-8, from the left, without overlaps."""
    kinds = set(kinds)
    places = find_places(data)
    found = [*find_addresses(data, places), *find_numbers(data, places)]
    found = [span for span in found if span.kind in kinds]
    found.sort(key=lambda span: (span.start, RANK[span.kind], -span.end))
    spans: list[Span] = []
    for span in found:
        if not spans or span.start >= spans[-1].end:
            spans.append(span)
        elif RANK[span.kind] < RANK[spans[-1].kind]:
            spans[-1] = span
    return spans


def _mask_names(text: str, spans: Iterable[tuple[int, int]]) -> tuple[str, int]:
    parts, end, count = [], 0, 0
    for start, stop in sorted(spans):
        if not 0 <= start < stop <= len(text):
            raise ValueError(f"names: span {start} to {stop} of a text of {len(text)} characters")
        if start >= end:
            parts += text[end:start], NAME_MASK
            count += 1
        end = max(end, stop)
    return "".join([*parts, text[end:]]), count
