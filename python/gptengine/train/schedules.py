"""Learning-rate schedules: the share of the peak rate at each step."""

import math


def warmup_cosine(step: int, warmup: int, steps: int, floor: float = 0.1) -> float:
    """Up in a line over `warmup` steps, then down half a cosine to `floor` at the last step."""
    if step < warmup:
        return (step + 1) / warmup
    done = (step - warmup) / max(1, steps - 1 - warmup)
    return floor + (1 - floor) * 0.5 * (1 + math.cos(math.pi * min(1.0, done)))


def warmup_stable_decay(
    step: int, warmup: int, steps: int, decay: int, floor: float = 0.1
) -> float:
    """Up in a line, level, then down over the last `decay` steps to `floor`.

    The way down is 1 - sqrt, which ends lower than a line (Hägele et al. 2024, arXiv:2405.18392).
    """
    if step < warmup:
        return (step + 1) / warmup
    done = (step - (steps - 1 - decay)) / max(1, decay)
    return floor + (1 - floor) * (1 - math.sqrt(min(1.0, max(0.0, done))))
