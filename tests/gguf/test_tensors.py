"""Tensors of GGUF files: written, read back, and places and sizes that lie."""

import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gptengine.gguf import blocks, metadata
from gptengine.gguf.blocks import FORMATS
from gptengine.gguf.tensors import Entry, GgufFile, write

HUGE = 1 << 62


def entry(name, array, form="F32"):
    return Entry(name, array.shape, FORMATS[form], lambda begin, end: array[begin:end])


def arrays(rng):
    shapes = {"a": (3, 5), "b": (7,), "c": (2, 3, 64), "d": (4, 32)}
    return {name: rng.normal(size=s).astype(np.float32) for name, s in shapes.items()}


def raw(*infos, data=b"", keys=None, count=None):
    """A file of tensors (name, sizes with that of a row first, code, begin) and their data."""
    out = metadata.header(keys or {}, len(infos) if count is None else count)
    for name, sizes, code, begin in infos:
        out += struct.pack("<Q", len(name)) + name
        out += struct.pack(f"<I{len(sizes)}QIQ", len(sizes), *sizes, code, begin)
    return out + bytes(-len(out) % 32) + data


@pytest.mark.parametrize("chunk", [1, 1 << 18])
def test_what_is_written_is_read(tmp_path, rng, monkeypatch, chunk):
    """Bit for bit as float32, and as what a format makes of it, however it is cut in pieces."""
    monkeypatch.setattr(blocks, "CHUNK", max(chunk, 32))
    written = arrays(rng)
    forms = {"a": "F32", "b": "BF16", "c": "Q4_0", "d": "Q8_0"}
    entries = [entry(name, array, forms[name]) for name, array in written.items()]
    write(tmp_path / "a.gguf", {"key": 7}, entries)
    file = GgufFile(tmp_path / "a.gguf")
    assert file.metadata == {"key": 7} and list(file.tensors) == list(written)
    np.testing.assert_array_equal(file["a"], written["a"])
    for name, array in written.items():
        assert file[name].shape == array.shape
        want = blocks.encode(FORMATS[forms[name]], array).tobytes()
        assert file.raw(name).tobytes() == want and not file.raw(name).flags.writeable
        assert file.tensors[name].begin % 32 == 0


def test_another_alignment_is_obeyed(tmp_path):
    keys = {"general.alignment": 64}
    content = raw((b"a", [1], 0, 0), (b"b", [1], 0, 64), keys=keys)
    content += bytes(-len(content) % 64) + struct.pack("<f60xf", 1, 2)
    (tmp_path / "a.gguf").write_bytes(content)
    file = GgufFile(tmp_path / "a.gguf")
    assert (file["a"].item(), file["b"].item()) == (1, 2)


def test_what_does_not_fit_its_format_names_the_tensor(tmp_path):
    large = np.full((2, 32), 1e30, np.float32)
    with pytest.raises(ValueError, match="gguf: large as Q4_0: a block needs the scale 1.25e"):
        write(tmp_path / "a.gguf", {}, [entry("large", large, "Q4_0")])
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "content, says",
    [
        (raw(count=1), "1 tensors need 24 bytes, but the file has"),
        (raw(count=HUGE), f"{HUGE} tensors need"),
        (raw((b"a", [4], 0, 0), count=2, data=bytes(99)), "the tensor '' has 0 axes"),
        (raw((b"a", [4], 0, 0), data=bytes(15)), "'a' ends at byte .* the file has .* truncated"),
        (raw((b"a", [HUGE, HUGE, HUGE, HUGE], 0, 0), data=bytes(99)), "'a' ends at byte"),
        (raw((b"a", [4], 0, HUGE), data=bytes(99)), "'a' ends at byte"),
        (raw((b"a", [4], 0, 4), data=bytes(99)), "'a' begins at 4, not a multiple of 32"),
        (raw((b"a", [9], 0, 0), (b"b", [1], 0, 32), data=bytes(99)), "'b' begins .* 'a'"),
        (raw((b"a", [1], 0, 0), (b"b", [1], 0, 0), data=bytes(99)), "before the end"),
        (raw((b"a", [1], 0, 0), (b"a", [1], 0, 32), data=bytes(99)), "'a' stands there twice"),
        (raw((b"a", [], 0, 0), data=bytes(99)), "'a' has 0 axes, not 1 to 4"),
        (raw((b"a", [1] * 5, 0, 0), data=bytes(99)), "'a' has 5 axes"),
        (raw((b"a", [0], 0, 0), data=bytes(99)), r"'a' has the shape \(0,\)"),
        (raw((b"a", [33], 8, 0), data=bytes(99)), "'a' .* Q8_0 needs rows of a multiple of 32"),
        (raw((b"a", [32], 20, 0), data=bytes(99)), "'a' is in the format IQ4_NL, .* only F32"),
        (raw((b"a", [32], 999, 0), data=bytes(99)), "'a' is in the format 999"),
        (raw((b"\xff", [1], 0, 0), data=bytes(99)), "tensor 0 is not UTF-8"),
        (raw((b"a" * 70000, [1], 0, 0), data=bytes(99)), "tensor 0 has a name of 70000 bytes"),
        (raw(keys={"general.alignment": 48}), "general.alignment is 48, not a power of two"),
        (raw(keys={"general.alignment": 0}), "general.alignment is 0, not"),
        (raw(keys={"general.alignment": "32"}), "general.alignment is '32', not"),
    ],
)  # fmt: skip
def test_a_hostile_file_is_refused(tmp_path, content, says):
    (tmp_path / "a.gguf").write_bytes(content)
    with pytest.raises(ValueError, match=rf"a\.gguf: .*{says}"):
        GgufFile(tmp_path / "a.gguf")


@given(st.data())
def test_bytes_that_change(tmp_path_factory, data):
    file = tmp_path_factory.getbasetemp() / "changed.gguf"
    rng = np.random.default_rng(0)
    write(file, {"key": 7}, [entry(name, array) for name, array in arrays(rng).items()])
    content = bytearray(file.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, 250))
        content[place] = data.draw(st.sampled_from([0, 1, 8, 9, 127, 255]))
    del content[data.draw(st.integers(0, 2 * len(content))) :]
    file.write_bytes(content)
    try:
        opened = GgufFile(file)
        assert all(opened[name].size * 4 <= len(content) * 8 for name in opened.tensors)
    except ValueError as error:
        assert str(file) in str(error)
