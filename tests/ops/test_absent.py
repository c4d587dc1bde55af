"""A tensor that is required and absent is named; no kernel sees its null pointer."""

import pytest

from gptengine import _core
from ops.harness import NONE, ints, zeros

GELU = _core.Activation.gelu
LINEAR = {
    "linear_forward": dict(y=(2, 3), pre=None, x=(2, 4), w=(3, 4), b=None, residual=None),
    "linear_backward_input": dict(dx=(2, 4), dy=(2, 3), w=(3, 4), pre=None),
    "linear_backward_weight": dict(dw=(3, 4), db=None, dy=(2, 3), x=(2, 4)),
}
ALL_ABSENT = {
    "add": (2, ()),
    "scale": (1, (2.0,)),
    "cast_forward": (2, ()),
    "square_sum": (1, ()),
    "activation_forward": (2, (GELU,)),
    "activation_backward": (3, (GELU,)),
    "swiglu_forward": (2, ()),
    "swiglu_backward": (3, ()),
    "adamw_step": (5, (1e-3, 0.9, 0.95, 1e-8, 0.1, 1.0, 1)),
    "attention_forward": (5, (2, 1, 1.0, True, 0)),
    "attention_backward": (7, (2, 1, 1.0, True, 0)),
    "embedding_forward": (7, ()),
    "embedding_backward": (7, ()),
    "layer_norm_forward": (6, (1e-5,)),
    "layer_norm_backward": (8, ()),
    "rms_norm_forward": (4, (1e-5,)),
    "rms_norm_backward": (6, ()),
    "qk_norm_forward": (6, (2, 1, 1e-5)),
    "qk_norm_backward": (9, (2, 1)),
    "rope_forward": (4, (2, 1)),
    "rope_table": (2, (1e4, _core.RopeScaling())),
    "sinusoidal_table": (1, ()),
    "segment_positions": (2, ()),
    "pack_weight": (1, ()),
    "linear_logprob_forward": (5, (9,)),
    "linear_logprob_backward": (7, ()),
    "linear_logits": (4, ()),
    "value_head_forward": (4, ()),
    "value_head_backward": (6, ()),
}


@pytest.mark.parametrize("op", ALL_ABSENT)
def test_all_absent(op):
    tensors, rest = ALL_ABSENT[op]
    with pytest.raises(ValueError, match=op):
        getattr(_core, op)(*[NONE] * tensors, *rest)


@pytest.mark.parametrize("op", LINEAR)
def test_linear_names_the_absent_one(op):
    shapes = LINEAR[op]
    activation = {} if op == "linear_backward_weight" else {"activation": GELU}
    for absent, shape in shapes.items():
        if shape is None:
            continue
        t = {name: zeros(*s) if s and name != absent else NONE for name, s in shapes.items()}
        with pytest.raises(ValueError, match=f"{op}: {absent} is required"):
            getattr(_core, op)(**t, **activation)


def test_logprob_names_the_absent_one():
    t = dict(logp=zeros(2), lse=zeros(2), h=zeros(2, 4), w=zeros(3, 4), targets=ints([0, 1]))
    for absent in t:
        with pytest.raises(ValueError, match=f"linear_logprob_forward: {absent} is required"):
            _core.linear_logprob_forward(**{**t, absent: NONE}, V=3)
