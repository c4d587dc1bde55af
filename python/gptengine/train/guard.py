"""A guard against bad steps: how far loss and gradient norm lie from their recent past."""

from __future__ import annotations

import collections
import math


class ZScore:
    """How many standard deviations a value lies above the mean of the `window` values before it."""

    def __init__(self, window: int):
        self.values: collections.deque[float] = collections.deque(maxlen=window)

    def update(self, value: float) -> float:
        """The z-score of `value`, 0 until the window is full; then `value` joins the window."""
        z = 0.0
        if len(self.values) == self.values.maxlen:
            n = len(self.values)
            mean = math.fsum(self.values) / n
            variance = math.fsum((v - mean) ** 2 for v in self.values) / n
            # a constant past would make every rounding error an outlier
            spread = max(math.sqrt(variance), 1e-6 * abs(mean), 1e-30)
            z = (value - mean) / spread
        self.values.append(value)
        return z


class Guard:
    """Says which steps to skip: those whose loss or gradient norm is an upward outlier.

    Outliers join the window too, so a lasting change of level is accepted after a while.
    """

    def __init__(self, threshold: float, window: int):
        self.threshold = threshold
        self.loss, self.norm = ZScore(window), ZScore(window)

    def update(self, loss: float, norm: float) -> tuple[float, float, bool]:
        """The z-scores of both and whether to skip; a threshold of 0 never skips."""
        z_loss, z_norm = self.loss.update(loss), self.norm.update(norm)
        return z_loss, z_norm, 0 < self.threshold < max(z_loss, z_norm)

    def state(self) -> dict:
        return {"loss": list(self.loss.values), "norm": list(self.norm.values)}

    def load_state(self, state: dict) -> None:
        for name, score in (("loss", self.loss), ("norm", self.norm)):
            score.values.clear()
            score.values.extend(state[name])
