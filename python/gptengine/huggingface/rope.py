"""Rotary positions and their scaling in config.json.

transformers 5 has all of it in `rope_parameters`; before, `rope_theta` stood for itself and
`rope_scaling` beside it. Both are read and written.
"""

from __future__ import annotations

import math

from gptengine.config import Config
from gptengine.huggingface.fields import Fields

# their names of a kind's numbers, and of ours; what they take where it is absent
FACTOR = {"factor": ("rope_factor", None)}
CONTEXT = {"original_max_position_embeddings": ("rope_context", None)}
KINDS = {
    "default": {},
    "linear": FACTOR,
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
YARN_ONLY = {"mscale": (None, 0), "mscale_all_dim": (None, 0), "truncate": (None, True)}


def write(c: Config) -> dict:
    """The fields of config.json."""
    kind = "default" if c.rope_scaling == "none" else c.rope_scaling
    scaling = {theirs: getattr(c, ours) for theirs, (ours, _) in KINDS[kind].items()}
    scaling = {"rope_type": kind, **scaling}
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
    if kind == "default":  # what is left of a scaling that was switched off
        own |= {*CONTEXT}
    if foreign := sorted(set(scaling) - own):
        raise ValueError(
            f"{fields.file}: {foreign[0]} {scaling[foreign[0]]!r} is not supported for rope_type "
            f"{kind!r}"
        )
    if kind == "yarn":
        _check_attention_factor(fields.file, scaling.get("attention_factor"), values["rope_factor"])
    return values


def _check_attention_factor(file, given, factor):
    numbers = all(isinstance(x, (int, float)) for x in (given, factor))
    if given is None or (numbers and math.isclose(given, 1 + 0.1 * math.log(max(factor, 1)))):
        return
    raise ValueError(
        f"{file}: attention_factor {given!r} is not supported, only 1 + 0.1 ln(factor)"
    )
