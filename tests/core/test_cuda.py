"""CUDA where the build and the machine have it; a clear reason where they do not."""

import os
import shutil
import subprocess

import numpy as np
import pytest

from gptengine import _core

REASON = _core.cuda_unavailable()
no_cuda = pytest.mark.skipif(not REASON, reason="this machine has a CUDA device")
cuda = pytest.mark.skipif(bool(REASON), reason=REASON or "-")


@no_cuda
def test_a_missing_device_is_a_value_error_with_the_reason():
    with pytest.raises(ValueError, match="device cuda") as error:
        _core.Tensor([2, 3], device="cuda")
    if "no CUDA" not in REASON:  # the build has it, the machine does not
        assert REASON in str(error.value)
    with pytest.raises(ValueError, match="device cuda"):
        _core.Tensor([2, 3]).to("cuda")


def test_the_reason_says_what_to_do_about_it():
    words = "nvcc", "driver", "no CUDA device", "capability"
    assert not REASON or any(word in REASON for word in words)


@pytest.mark.skipif(not shutil.which("ldd"), reason="no ldd")
def test_the_extension_links_no_cuda_library():
    """It has to load where neither a driver nor a toolkit is installed."""
    libraries = subprocess.run(["ldd", _core.__file__], capture_output=True, text=True).stdout
    assert "libc.so" in libraries and "cuda" not in libraries.replace(
        os.path.dirname(_core.__file__), ""
    )


@cuda
@pytest.mark.parametrize("dtype", ["float32", "int32", "int64", "uint8"])
@pytest.mark.parametrize("shape", [(1,), (0, 3), (3, 5), (700, 1000)])
def test_there_and_back_again(dtype, shape):
    array = np.arange(np.prod(shape)).reshape(shape).astype(dtype)
    there = _core.Tensor.share(array).to("cuda")
    assert there.device == "cuda" and there.shape == shape and there.dtype == dtype
    np.testing.assert_array_equal(there.to("cuda").to("cpu").numpy(), array)
    np.testing.assert_array_equal(there.numpy(), array)
    there.zero()
    assert not there.numpy().any()


@cuda
def test_a_new_tensor_is_zero():
    assert not _core.Tensor([1000, 1000], device="cuda").numpy().any()


@cuda
def test_more_than_the_device_has_names_both():
    with pytest.raises(ValueError, match=r"bytes do not fit on device cuda, where \d+ of \d+"):
        _core.Tensor([1 << 45], device="cuda")


@cuda
def test_devices_do_not_mix():
    x, w = _core.Tensor([2, 3], device="cuda"), _core.Tensor([3])
    with pytest.raises(ValueError, match="must share a device"):
        _core.rms_norm_forward(x, _core.Tensor([2], device="cuda"), x, w, 1e-5)
    with pytest.raises(ValueError, match="must be on cpu"):
        x.__dlpack__()
