"""Two reports of curations side by side, as lines of text: what is kept, and every reason."""

from __future__ import annotations


def differences(old: dict, new: dict) -> list[tuple[str, int, int]]:
    """(what, before, after) of the counts that differ, documents each."""
    before, after = _counts(old), _counts(new)
    names = [*before, *(name for name in after if name not in before)]
    return [
        (name, before.get(name, 0), after.get(name, 0))
        for name in names
        if before.get(name, 0) != after.get(name, 0)
    ]


def _counts(report: dict) -> dict[str, int]:
    counts = {}
    for name, source in report["sources"].items():
        for what in ("records", "kept"):
            counts[f"{name}: {what}"] = source["account"][what]
    for reason, (documents, _) in report["reasons"].items():
        counts[reason] = documents
    return counts
