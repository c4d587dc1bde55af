"""GGUF metadata: written, read back, and lengths that lie."""

import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gptengine.gguf import metadata as gguf

METADATA = {
    "general.architecture": "gpt2",
    "a.bool": True,
    "a.number": 7,
    "a.negative": -7,
    "a.big": 1 << 40,
    "a.bigger": -(1 << 40),
    "a.float": 0.5,
    "a.double": np.float64(0.1),
    "a.byte": np.uint8(255),
    "a.list": ["", "é", "x" * 300],
    "a.nothing": [],
    "a.array": np.array([1, -2, 3], np.int32),
    "a.floats": np.array([0.5, -1], np.float32),
}


def raw(*entries, keys=None, version=3):
    """A file of entries (key, code of the type, bytes)."""
    out = struct.pack("<4sIQQ", b"GGUF", version, 0, len(entries) if keys is None else keys)
    for key, code, value in entries:
        out += struct.pack("<Q", len(key)) + key + struct.pack("<I", code) + value
    return out


def test_what_is_written_is_read(tmp_path):
    gguf.write_metadata(tmp_path / "a.gguf", METADATA)
    read = gguf.read_metadata(tmp_path / "a.gguf")
    assert read.keys() == METADATA.keys()
    for key, value in METADATA.items():
        np.testing.assert_array_equal(read[key], value)
        assert isinstance(value, np.generic) or type(read[key]) is type(value)
    assert read["a.array"].dtype == np.int32


def test_arrays_in_arrays(tmp_path):
    inner = struct.pack("<IQ3B", 7, 3, 0, 1, 2)
    outer = struct.pack("<IQ", 9, 2) + inner + struct.pack("<IQ2H", 2, 2, 5, 6)
    (tmp_path / "a.gguf").write_bytes(raw((b"k", 9, outer), version=2))
    first, second = gguf.read_metadata(tmp_path / "a.gguf")["k"]
    assert first == [False, True, True] and second.tolist() == [5, 6]


HUGE = 1 << 31
DEEP = b"".join(struct.pack("<IQ", 9, 1) for _ in range(100))


@pytest.mark.parametrize(
    "content, says",
    [
        (b"", "not a GGUF file"),
        (b"GGU", "not a GGUF file"),
        (b"GGUF", "the header needs 4 bytes, but the file has 0 more"),
        (raw(version=1), "version 1 is none of"),
        (raw(keys=3), "key 0 needs 8 bytes"),
        (raw(keys=1 << 63), "keys are more than"),
        (raw((b"k", 8, struct.pack("<Q", HUGE))), "'k' needs 2147483648 bytes, but the file has 0"),
        (raw((b"k", 8, struct.pack("<Q", (1 << 64) - 1))), "'k' needs 18446744073709551615 bytes"),
        (raw((b"k", 9, struct.pack("<IQ", 8, HUGE))), "'k' needs 17179869184 bytes"),
        (raw((b"k", 9, struct.pack("<IQ", 0, HUGE))), "'k' needs 2147483648 bytes"),
        (raw((b"k", 9, struct.pack("<IQ", 12, 1 << 62))), "'k' needs"),
        (raw((b"k", 9, struct.pack("<IQQ", 8, 1, 5) + b"ab")), "item 0 of 'k' is longer than"),
        (raw((b"k", 9, DEEP)), "more than 4 arrays in each other"),
        (raw((b"k", 13, b"")), "'k' has the unknown type 13"),
        (raw((b"k", 8, struct.pack("<Q", 1) + b"\xff")), "'k' is not UTF-8"),
        (raw((b"k", 9, struct.pack("<IQQ", 8, 1, 1) + b"\xff")), "an item of 'k' is not UTF-8"),
        (raw((b"\xff", 0, b"\1")), "key 0 is not UTF-8"),
        (raw((b"k" * 70000, 0, b"\1")), "key 0 has a name of 70000 bytes"),
        (raw((b"k", 0, b"\1"), (b"k", 0, b"\1")), "'k' stands there twice"),
    ],
)
def test_a_broken_file_is_refused(tmp_path, content, says):
    (tmp_path / "a.gguf").write_bytes(content)
    with pytest.raises(ValueError, match=rf"a\.gguf: .*{says}"):
        gguf.read_metadata(tmp_path / "a.gguf")


@given(st.data())
def test_bytes_that_change(tmp_path_factory, data):
    file = tmp_path_factory.getbasetemp() / "changed.gguf"
    gguf.write_metadata(file, METADATA)
    content = bytearray(file.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(content) - 1))
        content[place] = data.draw(st.sampled_from([0, 1, 8, 9, 127, 255]))
    del content[data.draw(st.integers(0, 2 * len(content))) :]
    file.write_bytes(content)
    try:
        gguf.read_metadata(file)
    except ValueError as error:
        assert str(file) in str(error)


@pytest.mark.parametrize("value", [None, b"x", [1], {}, 1 << 64, 1e300, np.array(["x"]), 1j])
def test_what_has_no_type_is_refused(tmp_path, value):
    with pytest.raises(ValueError, match="gguf: key: "):
        gguf.write_metadata(tmp_path / "a.gguf", {"key": value})
