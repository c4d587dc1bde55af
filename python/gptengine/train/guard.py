"""A guard against bad steps: how far loss and gradient norm lie from their recent past."""

from __future__ import annotations

import collections
import math

FEWEST = 32  # values that a z-score needs, fewer only in a smaller window


class ZScore:
    """How many standard deviations a value lies above the mean of the `window` values before it."""

    def __init__(self, window: int):
        self.values: collections.deque[float] = collections.deque(maxlen=window)

    def update(self, value: float, most: float = math.inf) -> float:
        """The z-score of `value`, 0 while there is too little past; then `value` joins the window.

        One of more than `most` joins as if it had that z-score: a spike must not widen the spread
        so far that the next one passes. What is not finite has z-score inf and never joins.
        """
        if not math.isfinite(value):
            return math.inf
        n, z = len(self.values), 0.0
        if n >= min(self.values.maxlen, FEWEST):
            mean = math.fsum(self.values) / n
            variance = math.fsum((v - mean) ** 2 for v in self.values) / n
            # a constant past would make every rounding error an outlier
            spread = max(math.sqrt(variance), 1e-6 * abs(mean), 1e-30)
            z = (value - mean) / spread
            value = min(value, mean + most * spread)
        self.values.append(value)
        return z


class Guard:
    """Says which steps to skip: those whose loss or norm is an upward outlier, or not finite.

    Outliers join the window, clipped at the threshold, and so widen it bit by bit: a lasting change
    of level is accepted after a while. `broken` counts the last steps that were not finite.
    """

    def __init__(self, threshold: float, window: int):
        self.threshold, self.broken = threshold, 0
        self.loss, self.norm = ZScore(window), ZScore(window)

    def update(self, loss: float, norm: float) -> tuple[float, float, bool]:
        """The z-scores of both and whether to skip; threshold 0 skips only what is not finite."""
        finite = math.isfinite(loss) and math.isfinite(norm)
        self.broken = 0 if finite else self.broken + 1
        most = self.threshold or math.inf
        z_loss, z_norm = self.loss.update(loss, most), self.norm.update(norm, most)
        return z_loss, z_norm, not finite or max(z_loss, z_norm) > most

    def state(self) -> dict:
        return {
            "loss": list(self.loss.values),
            "norm": list(self.norm.values),
            "broken": self.broken,
        }

    def load_state(self, state: dict) -> None:
        self.broken = state["broken"]
        for name, score in (("loss", self.loss), ("norm", self.norm)):
            score.values.clear()
            score.values.extend(state[name])
