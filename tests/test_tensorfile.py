"""safetensors files: as the format's own package has them, and hostile ones refused by name."""

import json
import struct

import numpy as np
import pytest

from gptengine.tensorfile import TensorFile, from_bfloat16, to_bfloat16, write_tensors


def entry(**change):
    """A header with one tensor of four bytes, but for a change."""
    good = dict(dtype="F32", shape=[1], data_offsets=[0, 4])
    return json.dumps({"a": {**good, **change}})


def test_bfloat16_rounds_to_nearest_even_and_keeps_specials():
    x = np.array([0, -0.0, 1, 1 + 2**-8, 1 + 3 * 2**-8, 3.4e38, np.inf, -np.inf], np.float32)
    want = np.array([0, -0.0, 1, 1, 1 + 2**-6, np.inf, np.inf, -np.inf], np.float32)
    np.testing.assert_array_equal(from_bfloat16(to_bfloat16(x)), want)
    assert np.isnan(from_bfloat16(to_bfloat16(np.array([np.nan], np.float32)))).all()


def test_files_agree_with_the_safetensors_package(tmp_path):
    numpy_io = pytest.importorskip("safetensors.numpy")
    arrays = {"a": np.arange(6, dtype=np.int64).reshape(2, 3), "b": np.ones(3, np.float32).T}
    write_tensors(tmp_path / "ours.safetensors", arrays, {"k": "v"})
    for name, array in numpy_io.load_file(tmp_path / "ours.safetensors").items():
        np.testing.assert_array_equal(array, arrays[name])
    numpy_io.save_file(arrays, tmp_path / "theirs.safetensors", {"k": "v"})
    file = TensorFile(tmp_path / "theirs.safetensors")
    assert file.metadata == {"k": "v"}
    for name in arrays:
        np.testing.assert_array_equal(file[name], arrays[name])


@pytest.mark.parametrize(
    "header, match",
    [
        ('{"a": {"dtype": "F32", "shape": [Infinity], "data_offsets": [0, 4]}}', "malformed"),
        ('{"a": {"dtype": ["F32"], "shape": [1], "data_offsets": [0, 4]}}', "dtype .'F32'."),
        ('{"__metadata__": "x"}', "__metadata__ is not a JSON object"),
        (entry(shape=["1"]), "malformed"),
        (entry(shape=[1.0]), "malformed"),
        (entry(shape=[True]), "malformed"),
        (entry(shape=[1] * 33), "malformed"),
        (entry(shape="1"), "malformed"),
        (entry(data_offsets=[0, 4, 8]), "malformed"),
        (entry(shape=[-1]), r"impossible shape \(-1,\)"),
        (entry(shape=[0, 1 << 70], data_offsets=[0, 0]), "impossible shape"),
        (entry(shape=[0, 1 << 40, 1 << 40], data_offsets=[0, 0]), "needs 0 bytes"),
        (entry(shape=[1 << 62]), "needs 18446744073709551616 bytes, its entry gives 4"),
        (entry(shape=[1 << 40], data_offsets=[0, 1 << 42]), "truncated"),
        (entry(data_offsets=[-4, 0]), "needs 4 bytes"),
        (entry(data_offsets=[4, 0]), "needs 4 bytes, its entry gives -4"),
        (entry(data_offsets=[4, 8]), "truncated"),
        (entry(shape=[], dtype="U8", data_offsets=[1, 2]), "leaves a hole after the header"),
        (entry(shape=[2], dtype="U8", data_offsets=[0, 2]), "end at byte 2 .* the file holds 4"),
        (
            '{"a": {"dtype": "F16", "shape": [2], "data_offsets": [0, 4]}, '
            '"b": {"dtype": "U8", "shape": [2], "data_offsets": [2, 4]}}',
            "'b' begins at byte 2 of the data and overlaps tensor 'a', which ends at 4",
        ),
    ],
)
def test_nonsense_headers_are_refused(tmp_path, header, match):
    path = tmp_path / "x.safetensors"
    path.write_bytes(struct.pack("<Q", len(header)) + header.encode() + bytes(4))
    with pytest.raises(ValueError, match=match):
        TensorFile(path)


@pytest.mark.parametrize("dtype", ["bfloat16", "float32"])
def test_tensors_are_read_into_views(tmp_path, dtype, rng):
    x = rng.normal(size=(3, 5)).astype(np.float32)
    write_tensors(tmp_path / "x.safetensors", {"x": x}, dtype=dtype)
    file, rows = TensorFile(tmp_path / "x.safetensors"), np.zeros((9, 3), np.float32)
    file.read_into("x", rows[2:7].T)
    np.testing.assert_array_equal(rows[2:7].T, file["x"])
    assert not rows[:2].any() and not rows[7:].any()
