"""Headers of safetensors files that lie about where tensors are."""

import struct

import pytest

from gptengine.tensorfile import TensorFile


def test_tensors_that_overlap_are_refused(tmp_path):
    """Empty ones may lie anywhere."""

    def write(**begins):
        entry = '"%s": {"dtype": "F32", "shape": [%d], "data_offsets": [%d, %d]}'
        entries = [entry % (name, n, at, at + 4 * n) for name, (at, n) in begins.items()]
        header = f"{{{', '.join(entries)}}}".encode()
        (tmp_path / "x").write_bytes(struct.pack("<Q", len(header)) + header + bytes(16))
        return TensorFile(tmp_path / "x")

    assert write(b=(8, 2), a=(0, 2), c=(8, 0), d=(4, 0)).names() == ["b", "a", "c", "d"]
    for begins in (
        dict(b=(4, 2), a=(0, 2)),
        dict(b=(4, 1), c=(8, 1), a=(0, 4)),
        dict(a=(0, 1), b=(0, 1)),
    ):
        with pytest.raises(ValueError, match=r"x: tensor '.' begins at byte \d .* before the end"):
            write(**begins)
