"""The measured peaks: plausible, refused when asked wrongly, and without traces."""

import pytest

from gptengine import _core


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_peak_is_that_of_a_processor(dtype):
    assert 1e8 < _core.peak_flops(dtype, 1, 0.02) < 1e13


def test_bandwidth_is_that_of_a_memory():
    assert 1e8 < _core.memory_bandwidth(1, 0.02) < 1e13


def test_the_number_of_threads_is_restored():
    before = _core.threads()
    _core.peak_flops("float32", before + 1, 0.02)
    _core.memory_bandwidth(before + 1, 0.02)
    assert _core.threads() == before


@pytest.mark.parametrize(
    "dtype, threads, seconds, says",
    [
        ("int8", 1, 0.1, 'dtype "int8" must be float32 or bfloat16'),
        ("float32", 0, 0.1, "threads 0 must be from 1"),
        ("float32", 1, 0.0, r"seconds 0 must be in \(0, 60\]"),
        ("float32", 1, 61.0, "seconds 61 must be"),
    ],
)
def test_wrong_questions(dtype, threads, seconds, says):
    with pytest.raises(ValueError, match=f"peak_flops: {says}"):
        _core.peak_flops(dtype, threads, seconds)
