"""Philox 4x32-10 against the known answers of its authors' library, Random123."""

import numpy as np
import pytest

from gptengine import _core

KNOWN = [  # key, counter, output: 32-bit words, least significant first
    ([0] * 2, [0] * 4, [0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8]),
    ([2**32 - 1] * 2, [2**32 - 1] * 4, [0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD]),
    (
        [0xA4093822, 0x299F31D0],
        [0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344],
        [0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1],
    ),
]


def joined(low, high):
    return low | high << 32


@pytest.mark.parametrize("key, counter, output", KNOWN)
def test_known_answers(key, counter, output):
    """The key is the seed, the counter's low half the index and its high half the stream."""
    index, stream = joined(*counter[:2]), joined(*counter[2:])
    assert _core.philox(joined(*key), stream, index) == tuple(output)


def test_draws_of_neighbours_are_unlike():
    draws = [
        _core.philox(seed, stream, i) for seed in (0, 1) for stream in (0, 1) for i in range(500)
    ]
    words = np.array(draws, np.uint32)
    assert len(np.unique(words)) > 0.999 * words.size
    bits = (words[..., None] >> np.arange(32, dtype=np.uint32)) & 1
    assert abs(bits.mean(axis=(0, 1)) - 0.5).max() < 0.03  # 8,000 words: 5 standard deviations


def test_negative_numbers_are_refused():
    with pytest.raises(TypeError):
        _core.philox(-1, 0, 0)
