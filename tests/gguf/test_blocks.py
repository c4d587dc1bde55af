"""Block formats: bit for bit what a loop over their numbers gives, in both directions."""

import numpy as np
import pytest

from gptengine.gguf import blocks
from gptengine.gguf.blocks import FORMATS
from gptengine.tensorfile import to_bfloat16
from reference import ggml


def decoded(form, raw):
    out = np.empty(len(raw) * form.size, np.float32)
    blocks.decode(form, raw.reshape(-1), out)
    return out


@pytest.mark.parametrize("name", ggml.DECODE)
def test_blocks_are_decoded(name, rng):
    raw = ggml.random_blocks(FORMATS[name], 20, rng)
    want = np.concatenate([ggml.DECODE[name](block.tobytes()) for block in raw])
    np.testing.assert_array_equal(decoded(FORMATS[name], raw), want)


@pytest.mark.parametrize("name", ["F32", "F16", "BF16"])
def test_plain_numbers_are_decoded(name, rng):
    x = rng.normal(size=100).astype(np.float32)
    stored = {"F32": x, "F16": x.astype(np.float16), "BF16": to_bfloat16(x)}[name]
    got = decoded(FORMATS[name], stored.view(np.uint8).reshape(100, -1))
    wide = (stored.astype(np.uint32) << 16).view(np.float32) if name == "BF16" else stored
    np.testing.assert_array_equal(got, wide.astype(np.float32))


def test_more_than_a_chunk_is_decoded(rng, monkeypatch):
    raw = ggml.random_blocks(FORMATS["Q4_K"], 7, rng)
    whole = decoded(FORMATS["Q4_K"], raw)
    monkeypatch.setattr(blocks, "CHUNK", 512)
    np.testing.assert_array_equal(decoded(FORMATS["Q4_K"], raw), whole)


def hard_numbers(rng):
    """Rows of 32 with halves between two codes, zeros, the largest twice, and tiny ones."""
    x = rng.normal(size=(60, 32)).astype(np.float32)
    x[0], x[1], x[2] = 0, -0.0, 1e-30
    x[3] = np.arange(32) + 0.5
    x[3, 0] = 127  # so the scale of Q8_0 is 1, and its halves are exact
    x[4] = -x[3]
    x[5] = np.arange(32) - 16.5
    x[6, 7], x[6, 3] = 100, -100  # the first of the largest says the sign
    x[7] = np.linspace(-8, 7.5, 32)
    x[8] *= 1e-6
    x[9] *= 1e5
    return x


@pytest.mark.parametrize("name", ggml.ENCODE)
def test_blocks_are_encoded(name, rng):
    x = hard_numbers(rng)
    want = b"".join(ggml.ENCODE[name](row) for row in x)
    assert blocks.encode(FORMATS[name], x).tobytes() == want


@pytest.mark.parametrize("name, most", [("Q8_0", 0.5 / 127), ("Q4_0", 1 / 8)])
def test_what_is_encoded_is_close(name, most, rng):
    """Within half a step, or at the end that has no code for it within a whole one."""
    x = rng.normal(size=(100, 32)).astype(np.float32)
    got = decoded(FORMATS[name], blocks.encode(FORMATS[name], x)).reshape(x.shape)
    largest = np.abs(x).max(axis=1, keepdims=True)
    rounded = 2**-11  # the scale, to a float16
    assert (np.abs(got - x) / largest).max() < most + rounded
    assert got[np.abs(x) == largest] == pytest.approx(x[np.abs(x) == largest], rel=1e-3)


def test_plain_numbers_are_encoded(rng):
    x = rng.normal(size=(3, 5)).astype(np.float32)
    assert blocks.encode(FORMATS["F32"], x).tobytes() == x.tobytes()
    assert blocks.encode(FORMATS["BF16"], x).tobytes() == to_bfloat16(x).tobytes()


@pytest.mark.parametrize("name, largest", [("Q8_0", 127 * 65600), ("Q4_0", 8 * 65600)])
def test_what_has_no_scale_is_refused(name, largest):
    with pytest.raises(ValueError, match="needs the scale 65600, more than the 65504"):
        blocks.encode(FORMATS[name], np.full(32, largest, np.float32))


def test_formats_have_codes_of_their_own():
    assert not blocks.BY_CODE.keys() & blocks.UNREAD.keys()
    assert len(blocks.BY_CODE) == len(FORMATS)
