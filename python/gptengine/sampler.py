"""Sampler: how the next token is drawn, as a chain of steps that prints itself.

print(Sampler(temperature=0.8, top_k=40, top_p=0.95))
temperature 0.8 → top_k 40 → top_p 0.95 → draw
"""

from __future__ import annotations

import dataclasses
import math
import numbers
from collections.abc import Callable, Iterable, Mapping

import numpy as np

from gptengine import _core

LARGEST_ID = 2**31 - 1
MOST_LISTED = 8  # ids that a step shows


@dataclasses.dataclass(frozen=True)
class Sampler:
    """How the next token is drawn from its logits z; the steps come in the order of the fields.

    The penalties follow their common definitions. CTRL's repetition penalty (Keskar et al. 2019)
    divides a positive logit and multiplies a negative one, for each id in the prompt or the text
    written so far. OpenAI's presence and frequency penalties are taken off the logits of ids in the
    text written so far, once, and as often as the id is there; the prompt does not count, because
    they ask how much a text repeats itself. penalty_window limits both to the last ids.

    logits           a function of the (V,) float32 row, before anything else; it may change the row
                     or return a new one. It sees a copy: log-probabilities stay the model's own
    logit_bias       what is added to the logit of an id
    forbidden        ids that are never drawn
    allowed          if given, nothing but these ids is drawn
    forced           the id at a place of the written text, counted from 0
    temperature      z is divided by it; 0 takes the most likely token, the first of equal ones
    top_k            only the k most likely tokens; 0: all
    top_p            of these the fewest most likely ones that have this share of the probability
    min_p            of these those that have this share of the likeliest one's probability
    typical          of these the fewest that have this share, first those whose -log p is closest
                     to its mean (Meister et al. 2022); 1: all
    """

    temperature: float = 1.0
    top_k: int = 0
    top_p: float = 1.0
    min_p: float = 0.0
    typical: float = 1.0
    repetition_penalty: float = 1.0
    presence_penalty: float = 0.0
    frequency_penalty: float = 0.0
    penalty_window: int = 0  # the last n ids; 0: all
    logit_bias: Mapping[int, float] = ()  # kept as sorted pairs, so that a Sampler can be hashed
    forbidden: Iterable[int] = ()
    allowed: Iterable[int] | None = None
    forced: Mapping[int, int] = ()
    logits: Callable[[np.ndarray], np.ndarray | None] | None = None

    def __post_init__(self):
        _number(self, "temperature", lambda x: x == 0 or 1e-6 <= x, "0, or 1e-6 or more")
        _whole("top_k", self.top_k, "0 (off) or more")
        _number(self, "top_p", lambda x: 0 < x <= 1, "above 0 and at most 1")
        _number(self, "min_p", lambda x: 0 <= x <= 1, "from 0 to 1")
        _number(self, "typical", lambda x: 0 < x <= 1, "above 0 and at most 1")
        _number(self, "repetition_penalty", lambda x: x > 0, "above 0")
        _number(self, "presence_penalty", lambda x: True, "finite")
        _number(self, "frequency_penalty", lambda x: True, "finite")
        _whole("penalty_window", self.penalty_window, "0 (the whole text) or more")
        put = lambda name, value: object.__setattr__(self, name, value)
        put("logit_bias", tuple(_pairs("logit_bias", self.logit_bias, _bias)))
        put("forbidden", _ids("forbidden", self.forbidden))
        if self.allowed is not None:
            put("allowed", _ids("allowed", self.allowed))
            if not self.allowed:
                raise ValueError("allowed () must have an id at least")
        put("forced", tuple(_pairs("forced", self.forced, _id)))
        if not (self.logits is None or callable(self.logits)):
            raise ValueError(f"logits {self.logits!r} must be a function of a row of logits")

    @property
    def penalizes(self) -> bool:
        """Whether draws depend on the tokens before."""
        return (self.repetition_penalty, self.presence_penalty, self.frequency_penalty) != (1, 0, 0)

    def check_ids(self, vocab_size: int) -> None:
        """ValueError if it names an id that a vocabulary does not have."""
        for name, ids in [
            ("logit_bias", [i for i, _ in self.logit_bias]),
            ("forbidden", self.forbidden),
            ("allowed", self.allowed),
            ("forced", [i for _, i in self.forced]),
        ]:
            if ids and max(ids) >= vocab_size:
                raise ValueError(f"sampler: {name} id {max(ids)} must be below {vocab_size}")

    def settings(self, seed: int) -> _core.Sampling:
        """What the engine has to know of it, for the draws of a seed."""
        return _core.Sampling(
            temperature=self.temperature,
            top_k=min(int(self.top_k), LARGEST_ID),  # any size may be asked for
            top_p=self.top_p,
            min_p=self.min_p,
            typical=self.typical,
            seed=seed,
            repetition_penalty=self.repetition_penalty,
            presence_penalty=self.presence_penalty,
            frequency_penalty=self.frequency_penalty,
            logit_bias=dict(self.logit_bias) | dict.fromkeys(self.forbidden, -math.inf),
        )

    def steps(self) -> list[str]:
        """The steps in their order, those that do nothing left out."""
        steps = []
        if self.logits is not None:
            steps.append(f"logits {getattr(self.logits, '__name__', repr(self.logits))}")
        if self.logit_bias:
            steps.append("logit_bias " + _listed(f"{i}: {b:+g}" for i, b in self.logit_bias))
        if self.forbidden:
            steps.append("forbidden " + _listed(self.forbidden))
        for name in "repetition_penalty", "presence_penalty", "frequency_penalty":
            if (value := getattr(self, name)) != _default(name):
                within = f" over the last {self.penalty_window}" if self.penalty_window else ""
                steps.append(f"{name} {value:g}{within}")
        if self.allowed is not None:
            steps.append("allowed " + _listed(self.allowed))
        if self.forced:
            steps.append("forced " + _listed(f"{at}: {i}" for at, i in self.forced))
        if self.temperature == 0:
            return [*steps, "greedy"]
        for name in "temperature", "top_k", "top_p", "min_p", "typical":
            if (value := getattr(self, name)) != _default(name):
                steps.append(f"{name} {value:g}" if name != "top_k" else f"{name} {value}")
        return [*steps, "draw"]

    def __str__(self) -> str:
        return " → ".join(self.steps())


def sampler_of(sampler: Sampler | None, **given) -> Sampler:
    """The sampler, or one made of the fields given by themselves; not both."""
    if sampler is None:
        return Sampler(**given)
    for name, value in given.items():
        if value != _default(name):
            raise ValueError(f"{name} {value!r} beside a sampler: make it a field of the Sampler")
    return sampler


def _listed(items):
    """The first of the items, and how many there are where they are many."""
    items = list(map(str, items))
    if len(items) > MOST_LISTED:
        items = [*items[:MOST_LISTED], f"… ({len(items)})"]
    return ", ".join(items)


def _default(name):
    return Sampler.__dataclass_fields__[name].default


def _number(sampler, name, good, rule):
    value = getattr(sampler, name)
    if not isinstance(value, numbers.Real) or isinstance(value, bool):
        raise ValueError(f"{name} {value!r} must be a number")
    if not (math.isfinite(value) and good(value)):
        raise ValueError(f"{name} {value} must be {rule}")


def _whole(name, value, rule):
    if not isinstance(value, numbers.Integral) or isinstance(value, bool):
        raise ValueError(f"{name} {value!r} must be a whole number")
    if value < 0:
        raise ValueError(f"{name} {value} must be {rule}")


def _id(name, value):
    _whole(name, value, "an id, 0 or more")
    if value > LARGEST_ID:
        raise ValueError(f"{name} {value} must be an id, at most {LARGEST_ID}")
    return int(value)


def _ids(name, ids):
    return tuple(sorted({_id(name, i) for i in ids}))


def _bias(name, value):
    if not isinstance(value, numbers.Real) or isinstance(value, bool):
        raise ValueError(f"{name} {value!r} must be a number")
    if not (math.isfinite(value) or value == -math.inf):
        raise ValueError(f"{name} {value} must be finite, or -inf to forbid the id")
    return float(value)


def _pairs(name, mapping, checked):
    """Sorted (id or place, checked value) pairs, of a mapping or of pairs."""
    pairs = dict(mapping)
    return sorted((_id(name, key), checked(name, value)) for key, value in pairs.items())
