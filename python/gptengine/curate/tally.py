"""What a run counts: documents in and out of every step, reasons, values of rules, samples.

Tallies of tasks add up to that of the run in any order: counts are sums, values are counted in
fixed bins, and samples are those with the lowest ids. A tally is plain JSON values.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

SAMPLES = 5  # of a reason
NEAR = 5  # passed documents that were nearest to being dropped
NEAR_SHARE = 0.2  # of the limit: what passed by more is not near
EXCERPT = 300  # characters


@dataclass
class Tally:
    """Counts of one task or of many."""

    sources: dict = field(default_factory=dict)  # source -> what -> number
    reasons: dict = field(default_factory=dict)  # source -> reason -> [documents, bytes]
    changes: dict = field(default_factory=dict)  # source -> "pii.email" -> times
    licences: dict = field(default_factory=dict)  # source -> licence -> [documents, bytes]
    languages: dict = field(default_factory=dict)  # source -> language -> documents
    values: dict = field(default_factory=dict)  # rule key -> bin -> documents
    samples: dict = field(default_factory=dict)  # reason -> the SAMPLES with the lowest keys
    near: dict = field(default_factory=dict)  # rule key -> the NEAR with the least distance
    sizes: dict = field(default_factory=dict)  # "exact" or "near" -> cluster size -> clusters
    seconds: dict = field(default_factory=dict)  # step -> [seconds of a processor, bytes]

    def add(self, source: str, what: str, number: int = 1) -> None:
        counts = self.sources.setdefault(source, {})
        counts[what] = counts.get(what, 0) + number

    def drop(self, source: str, reason: str, size: int = 0) -> None:
        _add_pair(self.reasons.setdefault(source, {}), reason, 1, size)

    def change(self, source: str, counts: dict[str, int]) -> None:
        mine = self.changes.setdefault(source, {})
        for name, times in counts.items():
            mine[name] = mine.get(name, 0) + times

    def keep(self, source: str, licence: str, language: str, size: int) -> None:
        """A document that reaches the output, of `size` bytes of text."""
        self.add(source, "kept")
        self.add(source, "kept_bytes", size)
        _add_pair(self.licences.setdefault(source, {}), licence or "unknown", 1, size)
        counts = self.languages.setdefault(source, {})
        counts[language or "unknown"] = counts.get(language or "unknown", 0) + 1

    def sample(self, reason: str, key: str, sample: dict) -> None:
        """key: a digest; the samples of a reason are those with the lowest."""
        mine = self.samples.setdefault(reason, [])
        mine.append([key, sample])
        if len(mine) > 4 * SAMPLES:
            mine[:] = _lowest(mine, SAMPLES)

    def wants(self, reason: str, key: str) -> bool:
        """Whether a sample of this key would be kept, so that only then its text is masked."""
        mine = self.samples.get(reason, ())
        return len(mine) < SAMPLES or key < sorted(k for k, _ in mine)[SAMPLES - 1]

    def spend(self, step: str, seconds: float, size: int) -> None:
        _add_pair(self.seconds, step, seconds, size)

    def merge(self, other: Tally) -> None:
        for name in ("sources", "reasons", "changes", "licences", "languages", "values", "sizes"):
            _add_all(getattr(self, name), getattr(other, name))
        _add_all(self.seconds, other.seconds)
        for name, most in (("samples", SAMPLES), ("near", NEAR)):
            mine = getattr(self, name)
            for key, found in getattr(other, name).items():
                mine[key] = _lowest(mine.get(key, []) + found, most)

    def to_json(self) -> bytes:
        self.samples = {k: _lowest(v, SAMPLES) for k, v in self.samples.items()}
        return (json.dumps(vars(self), sort_keys=True) + "\n").encode()

    @classmethod
    def from_json(cls, text: str | bytes) -> Tally:
        return cls(**json.loads(text))


def rule_key(reason: str, least: float, most: float) -> str:
    """A rule with its limits: languages have their own. The limits are JSON's null where open."""
    limits = [v if math.isfinite(v) else None for v in (least, most)]
    return json.dumps([reason, *limits])


def histogram(
    values: Sequence[float], least: float = -math.inf, most: float = math.inf
) -> dict[str, int]:
    """Values in bins, by their lower edge: 50 a unit up to 1, beyond that 20 a power of 10.

    A limit divides the bin that it lies in, so that an edge shows on which side the values are.
    """
    values = np.asarray(values, np.float64)
    finite = np.nan_to_num(values, nan=0.0, posinf=1e300, neginf=-1e300)
    large = np.abs(finite) > 1
    edges = np.floor(finite * 50 + 1e-9) / 50
    power = np.floor(np.log10(np.maximum(np.abs(finite), 1)) * 20 + 1e-9) / 20
    edges = np.where(large, np.sign(finite) * 10**power, edges)
    edges = np.where(values >= least, np.maximum(edges, least), edges)
    beyond = most + max(1e-6, 1e-5 * abs(most))  # what six digits tell from the limit
    edges = np.where(values > most, np.maximum(edges, beyond), edges)
    found, counts = np.unique(np.round(edges, 6), return_counts=True)
    return {f"{edge:.6g}": int(n) for edge, n in zip(found, counts, strict=True)}


def nearness(values, least: float, most: float) -> np.ndarray:
    """How near passed values are to a limit, as a share of it; infinity where none is near."""
    values = np.asarray(values, np.float64)
    distance = np.full(values.shape, math.inf)
    for limit in (least, most):
        if math.isfinite(limit) and limit != 0:
            distance = np.minimum(distance, np.abs(values - limit) / abs(limit))
    passed = (values >= least) & (values <= most)
    return np.where(passed & (distance <= NEAR_SHARE), distance, math.inf)


def excerpt(text: str) -> str:
    """The beginning of a text, for a sample."""
    return text if len(text) <= EXCERPT else text[: EXCERPT - 1] + "…"


def _lowest(found: list, most: int) -> list:
    """The pairs with the lowest keys, each once; of equal keys, what stands first as text."""
    texts = {(key, json.dumps(sample, sort_keys=True)): [key, sample] for key, sample in found}
    return [texts[text] for text in sorted(texts)[:most]]


def _add_pair(pairs: dict, key: str, first, second) -> None:
    before = pairs.get(key, (0, 0))
    pairs[key] = [before[0] + first, before[1] + second]


def _add_all(mine: dict, other: dict) -> None:
    """Add numbers, or lists of them, under the same names."""
    for key, value in other.items():
        if isinstance(value, dict):
            _add_all(mine.setdefault(key, {}), value)
        elif isinstance(value, list):
            before = mine.get(key, [0] * len(value))
            mine[key] = [a + b for a, b in zip(before, value, strict=True)]
        else:
            mine[key] = mine.get(key, 0) + value
