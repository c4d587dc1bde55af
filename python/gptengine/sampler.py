"""Sampler: how the next token is drawn."""

from __future__ import annotations

import dataclasses
import numbers


@dataclasses.dataclass(frozen=True)
class Sampler:
    """How the next token is drawn. temperature 0 takes the most likely one."""

    temperature: float = 1.0
    top_k: int = 0
    top_p: float = 1.0
    min_p: float = 0.0

    def __post_init__(self):
        if not (self.temperature == 0 or 1e-6 <= self.temperature < float("inf")):
            raise ValueError(f"temperature {self.temperature} must be 0, or 1e-6 or more")
        if not isinstance(self.top_k, numbers.Integral) or isinstance(self.top_k, bool):
            raise ValueError(f"top_k {self.top_k!r} must be a whole number")
        if self.top_k < 0:
            raise ValueError(f"top_k {self.top_k} must be 0 (off) or more")
        if not 0 < self.top_p <= 1:
            raise ValueError(f"top_p {self.top_p} must be above 0 and at most 1")
        if not 0 <= self.min_p <= 1:
            raise ValueError(f"min_p {self.min_p} must be from 0 to 1")
