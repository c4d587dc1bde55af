"""Rotary positions and their scaling in config.json.

transformers 5 has all of it in `rope_parameters`; before, `rope_theta` stood for itself and
`rope_scaling` beside it. Both are read and written.
"""

from __future__ import annotations

import math
import warnings

from gptengine.config import Config
from gptengine.huggingface.fields import Fields

# their names of a kind's numbers, and of ours; what they take where it is absent
FACTOR = {"factor": ("rope_factor", None)}
CONTEXT = {"original_max_position_embeddings": ("rope_context", None)}
KINDS = {
    "default": {},
    "linear": FACTOR,
    "dynamic": FACTOR,  # changes texts longer than the context alone, and those are refused
    "longrope": {},
    "llama3": {
        **FACTOR,
        **CONTEXT,
        "low_freq_factor": ("rope_low", None),
        "high_freq_factor": ("rope_high", None),
    },
    "yarn": {
        **FACTOR,
        **CONTEXT,
        "beta_slow": ("rope_low", 1.0),
        "beta_fast": ("rope_high", 32.0),
    },
}
SHORT, LONG = "short_factor", "long_factor"
LONGROPE = {SHORT, LONG, "factor", "attention_factor", *CONTEXT}
YARN_ONLY = {"mscale": (None, 0), "mscale_all_dim": (None, 0), "truncate": (None, True)}


def write(c: Config) -> dict:
    """The fields of config.json."""
    kind = "default" if c.rope_scaling == "none" else c.rope_scaling
    scaling = {theirs: getattr(c, ours) for theirs, (ours, _) in KINDS[kind].items()}
    scaling = {"rope_type": kind, **scaling}
    if kind == "longrope":
        scaling |= {key: [*c.rope_divisors] for key in (SHORT, LONG)}
        scaling["original_max_position_embeddings"] = c.context_length
        scaling["attention_factor"] = c.rope_attention
    old = {} if kind == "default" else {"rope_scaling": scaling}
    parameters = {**scaling, "rope_theta": c.rope_theta}
    return {"rope_theta": c.rope_theta, "rope_parameters": parameters, **old}


def read(fields: Fields) -> dict:
    """The fields of Config."""
    parameters = fields.object("rope_parameters")
    scaling = fields.object("rope_scaling") or parameters
    inner = Fields(scaling, fields.kind, f"{fields.file}: rope scaling")
    theta = scaling.get("rope_theta", parameters.get("rope_theta", fields.get("rope_theta", 1e4)))
    kind = scaling.get("rope_type", scaling.get("type", "default"))
    if fields.kind == "phi3" and kind in ("su", "yarn"):  # its names for it, once
        kind = "longrope"
    if not isinstance(kind, str) or kind not in KINDS:
        raise ValueError(
            f"{fields.file}: rope_type {kind!r} is not supported, only {', '.join(KINDS)}"
        )
    for place in (fields, inner):
        place.only("partial_rotary_factor", None, 1.0, 1)
    names = dict(KINDS[kind])
    if kind == "yarn":
        for name, allowed in YARN_ONLY.items():
            inner.only(name, *allowed)
    if "original_max_position_embeddings" in names:  # as transformers looks for it
        context = fields.get("original_max_position_embeddings")
        context = context or scaling.get("original_max_position_embeddings")
        scaling = {
            **scaling,
            "original_max_position_embeddings": context or fields.need("max_position_embeddings"),
        }
    values = {"rope_theta": theta, "rope_scaling": "none" if kind == "default" else kind}
    for theirs, (ours, default) in names.items():
        value = scaling.get(theirs)
        if value is None and default is None:
            raise ValueError(f"{fields.file}: rope_type {kind!r} needs {theirs}")
        values[ours] = default if value is None else value
    own = {"rope_type", "type", "rope_theta", "partial_rotary_factor", *names}
    own |= {*YARN_ONLY, "attention_factor"} if kind == "yarn" else set()
    own |= LONGROPE if kind == "longrope" else set()
    if kind == "default":  # what is left of a scaling that was switched off
        own |= {*CONTEXT}
    if foreign := sorted(set(scaling) - own):
        raise ValueError(
            f"{fields.file}: {foreign[0]} {scaling[foreign[0]]!r} is not supported for rope_type "
            f"{kind!r}"
        )
    if kind == "longrope":
        values |= _longrope(fields, inner)
    if kind == "yarn":
        _check_attention_factor(fields.file, scaling.get("attention_factor"), values["rope_factor"])
    return values


def _longrope(fields: Fields, scaling: Fields) -> dict:
    """What is read of the two sets of divisors, by the length of a text.

    A text beyond the first context turns all its tokens by the second set, those already read
    among them: no cache of keys can hold that. So the context of a model ends where they differ.
    """
    context = fields.need("max_position_embeddings")
    name = "original_max_position_embeddings"
    first = fields.get(name) or scaling.get(name) or context
    sets = [scaling.need(SHORT), scaling.need(LONG)]
    factor, attention = scaling.get("factor"), scaling.get("attention_factor")
    for where, value in (("max_position_embeddings", context), (name, first), ("factor", factor)):
        number = isinstance(value, (int, float)) and not isinstance(value, bool)
        if not (value is None and where == "factor") and not (number and value > 0):
            raise ValueError(f"{fields.file}: {where} is {value!r:.40}, not a number above 0")
    if attention is None:
        factor = factor or context / first
        attention = 1.0
        if factor > 1 and first > 1:
            attention = math.sqrt(1 + math.log(factor) / math.log(first))
    if context > first and sets[0] != sets[1]:
        warnings.warn(
            f"{fields.file}: read with a context of {first} tokens, not {context}: beyond it, "
            f"{LONG} of longrope would turn the tokens already read by other angles",
            stacklevel=2,
        )
        context = first
    return dict(rope_divisors=sets[0], rope_attention=attention, context_length=context)


def _check_attention_factor(file, given, factor):
    numbers = all(isinstance(x, (int, float)) for x in (given, factor))
    if given is None or (numbers and math.isclose(given, 1 + 0.1 * math.log(max(factor, 1)))):
        return
    raise ValueError(
        f"{file}: attention_factor {given!r} is not supported, only 1 + 0.1 ln(factor)"
    )
