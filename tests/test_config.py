"""Config: known sizes, derived fields, and messages that name the field and both values."""

import dataclasses
import math

import pytest

from gptengine.config import Config
from gptengine.options import REQUIRED, option, parse

SMALL = dict(vocab_size=10, context_length=8, layers=2, heads=4, model_dim=16)


@pytest.mark.parametrize(
    "size, count",
    [("124M", 124439808), ("350M", 354823168), ("774M", 774030080), ("1558M", 1557611200)],
)
def test_gpt2_sizes(size, count):
    assert Config.gpt2(size).num_parameters == count


def test_llama_3_8b_size():
    c = Config.llama(128256, 8192, 32, 32, 4096, kv_heads=8, hidden_dim=14336)
    assert c.num_parameters == 8030261248


def test_defaults_are_derived():
    c = Config(**SMALL)
    assert (c.kv_heads, c.head_dim, c.hidden_dim, c.qkv_bias) == (4, 4, 64, True)
    assert Config(**SMALL, bias=False).qkv_bias is False


def test_matrices_come_first():
    shapes = list(Config(**SMALL, head="value", tied=False).parameter_shapes().values())
    dims = [len(shape) for shape in shapes]
    assert dims == sorted(dims, reverse=True)


def test_swiglu_doubles_the_first_matrix():
    shapes = Config.llama(10, 8, 1, 1, 6, hidden_dim=5).parameter_shapes()
    assert shapes["h.0.mlp.fc.weight"] == (10, 6) and shapes["h.0.mlp.proj.weight"] == (6, 5)
    assert "wpe" not in shapes and "norm.bias" not in shapes and "lm_head.weight" in shapes


def test_dictionary_and_back():
    c = Config.qwen3(100, 32, 2, 4, 32, kv_heads=2)
    assert Config.from_dict(c.to_dict()) == c


@pytest.mark.parametrize(
    "change, match",
    [
        (dict(model_dim=18), "model_dim 18 .* heads 4"),
        (dict(kv_heads=3), "heads 4 .* kv_heads 3"),
        (dict(layers=0), "layers .* not 0"),
        (dict(layers=2.0), "layers .* not 2.0"),
        (dict(norm="batch"), "norm 'batch' is none of layer, rms"),
        (dict(head_dim=257), "head_dim 257 must be at most 256"),
        (dict(position="rope", head_dim=3), "head_dim 3 must be even"),
        (dict(norm_eps=math.nan), "norm_eps nan"),
        (dict(bias=1), "bias must be True or False, not 1"),
        (dict(token_types=-1), "token_types -1 must be from 0"),
        (dict(windows=(1, 2, 3, 4, 5, 6, 7)), "7 windows must be as many as layers"),
        (dict(windows=3), "windows must be several numbers, not 3"),
        (dict(windows=(-1, 0)), r"windows\[0\] -1 must be from 0"),
        (dict(windows=(1, 2), window=3), "window 3 must be 0 beside windows"),
        (dict(windows=(1, 2), causal=False), r"window \(1, 2\) needs causal True"),
        (
            dict(position="rope", rope_scaling="longrope"),
            "0 rope_divisors must be half of head_dim",
        ),
        (dict(rope_divisors=(1.0,)), "rope_divisors .* is not read by rope_scaling 'none'"),
        (dict(rope_attention=2.0), "rope_attention 2.0 is not read by rope_scaling 'none'"),
        (dict(window=1.5), "window must be a whole number, not 1.5"),
        (dict(rope_scaling="linear"), "'linear' needs position 'rope', not 'learned'"),
        (dict(rope_scaling="ntk"), "'ntk' is none of none, linear, llama3, yarn"),
        (dict(rope_factor=2.0), "rope_factor 2.0 is not read by rope_scaling 'none'"),
        (dict(position="rope", rope_scaling="llama3"), "needs rope_context, which is 0"),
        (
            dict(position="rope", rope_scaling="yarn", rope_context=8, rope_low=4.0),
            "rope_low 4.0 must be below rope_high 4.0",
        ),
    ],
)
def test_nonsense_is_named(change, match):
    with pytest.raises(ValueError, match=match):
        Config(**{**SMALL, **change})


def test_unknown_size_and_field():
    with pytest.raises(ValueError, match="'125M' is none of 124M"):
        Config.gpt2("125M")
    with pytest.raises(ValueError, match="unknown field 'depth'"):
        Config.from_dict({**SMALL, "depth": 3})
    with pytest.raises(ValueError, match="'heads' is missing"):
        Config.from_dict({k: v for k, v in SMALL.items() if k != "heads"})


@dataclasses.dataclass(frozen=True)
class Inner:
    """Inner settings."""

    steps: int = option(5, "how many")


@dataclasses.dataclass(frozen=True)
class Outer:
    """Outer settings."""

    data: tuple[str, ...] = option(REQUIRED, "files", positional=True)
    warm: bool = option(True, "warm up")
    inner: Inner = Inner(steps=6)


def test_options_are_a_command_line(capsys):
    assert parse(Outer, ["a"]) == Outer(data=("a",))
    got = parse(Outer, ["a", "b", "--steps", "7", "--no-warm"])
    assert got == Outer(data=("a", "b"), warm=False, inner=Inner(steps=7))
    with pytest.raises(SystemExit) as stop:
        parse(Outer, ["--stepz", "7"])
    assert stop.value.code == 2 and "--stepz" in capsys.readouterr().err
    with pytest.raises(SystemExit) as stop:
        parse(Outer, ["--help"], prog="x", examples="  x a --steps 3")
    out = capsys.readouterr().out
    assert stop.value.code == 0 and "how many" in out and "x a --steps 3" in out
