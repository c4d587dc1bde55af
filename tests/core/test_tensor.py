"""Tensors share memory with NumPy and DLPack, hold it alive, and refuse what they cannot hold."""

import gc
import sys

import numpy as np
import pytest

from gptengine import _core

Tensor = _core.Tensor
DTYPES = ["float32", "int32", "int64", "uint8"]  # those that NumPy has too


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(), (1,), (3, 4), (2, 1, 3), (2, 3, 4, 5), (0, 3)])
def test_share_is_the_same_memory_both_ways(dtype, shape):
    array = np.arange(np.prod(shape)).reshape(shape).astype(dtype)
    tensor = Tensor.share(array)
    assert tensor.shape == shape and tensor.dtype == dtype and tensor.device == "cpu"
    back = tensor.numpy()
    np.testing.assert_array_equal(back, array)
    assert back.flags.writeable and back.dtype == array.dtype
    assert back.ctypes.data == array.ctypes.data
    tensor.zero()
    assert not array.any()


@pytest.mark.parametrize("dtype", DTYPES)
def test_dlpack_is_the_same_memory_both_ways(dtype):
    array = np.arange(6).reshape(2, 3).astype(dtype)
    tensor = Tensor.share(array)
    assert tensor.__dlpack_device__() == (1, 0)
    seen = np.from_dlpack(tensor)
    assert seen.ctypes.data == array.ctypes.data and seen.dtype == array.dtype
    again = Tensor.share(tensor)  # a Tensor speaks DLPack itself
    again.zero()
    assert not seen.any()


class Exporter:
    """An object that knows nothing but DLPack."""

    def __init__(self, array):
        self.array = array

    def __dlpack__(self, **options):
        return self.array.__dlpack__(**options)

    def __dlpack_device__(self):
        return self.array.__dlpack_device__()


def test_share_of_a_foreign_dlpack_object():
    array = np.ones((2, 3), np.float32)
    Tensor.share(Exporter(array)).zero()
    assert not array.any()


def test_torch_shares_memory_both_ways():
    torch = pytest.importorskip("torch")
    theirs = torch.ones(2, 3, dtype=torch.bfloat16)
    tensor = Tensor.share(theirs)
    assert tensor.dtype == "bfloat16" and tensor.shape == (2, 3)
    tensor.zero()
    assert not theirs.any()
    ours = Tensor([2, 3], "bfloat16")
    torch.from_dlpack(ours).fill_(1.5)
    np.testing.assert_array_equal(ours.numpy(), np.full((2, 3), 1.5))


def test_memory_lives_as_long_as_somebody_looks_at_it():
    before = _core.allocated_bytes()
    tensor = Tensor([1 << 20])
    assert _core.allocated_bytes() == before + (4 << 20)
    array = tensor.view([1024, 1024]).numpy()[5]
    through_dlpack = np.from_dlpack(tensor)
    del tensor
    gc.collect()
    assert _core.allocated_bytes() == before + (4 << 20)
    array[:] = 3
    assert through_dlpack[5 * 1024] == 3
    del array, through_dlpack
    gc.collect()
    assert _core.allocated_bytes() == before


def test_a_shared_array_lives_as_long_as_the_tensor():
    array = np.arange(5, dtype=np.float32)
    count = sys.getrefcount(array)
    tensor = Tensor.share(array)
    view = tensor.view([5, 1])
    del tensor
    gc.collect()
    assert sys.getrefcount(array) > count
    del view
    gc.collect()
    assert sys.getrefcount(array) == count
    tensor = Tensor.share(np.full(1000, 7, np.float32))  # nobody else holds this one
    gc.collect()
    assert (tensor.numpy() == 7).all()


def read_only():
    array = np.ones((2, 3), np.float32)
    array.flags.writeable = False
    return array


ARRAY = np.ones((4, 6), np.float32)
REFUSED = [
    (read_only(), r"array of shape \(2, 3\) is read-only; pass array.copy\(\)"),
    (np.broadcast_to(np.float32(1), (2, 3)), "read-only"),
    (ARRAY[:, ::2], r"array of shape \(4, 3\) is strided; pass numpy.ascontiguousarray"),
    (ARRAY.T, r"array of shape \(6, 4\) is strided"),
    (ARRAY[::-1], "is strided"),
    (
        ARRAY.astype(np.float64),
        "array dtype float64 must be float32, bfloat16, int32, int64 or uint8",
    ),
    (ARRAY.astype(np.float16), "array dtype float16 must be"),
    (ARRAY.astype(np.uint32), "array dtype uint32 must be"),
    (ARRAY.astype(bool), "array dtype bool8 must be"),
    (ARRAY.astype(np.complex64), "array dtype complex64 must be"),
    (np.ones((1,) * 5, np.float32), "array of rank 5 must have rank at most 4"),
]


@pytest.mark.parametrize("array, says", REFUSED)
def test_share_refuses_by_name(array, says):
    with pytest.raises(ValueError, match=says):
        Tensor.share(array)


@pytest.mark.parametrize("thing", [[1.0, 2.0], 3.0, "text", None])
def test_share_wants_an_array(thing):
    with pytest.raises(TypeError, match="array"):
        Tensor.share(thing)


@pytest.mark.parametrize(
    "array", [read_only(), ARRAY[:, ::2], ARRAY.T, ARRAY[::-1], ARRAY.astype(float)]
)
def test_copy_of_takes_any_view_and_shares_nothing(array):
    tensor = Tensor.copy_of(array)
    np.testing.assert_array_equal(tensor.numpy(), array)
    tensor.zero()
    assert array.all()


def test_copy_of_refuses_by_name():
    with pytest.raises(ValueError, match="rank 5"):
        Tensor.copy_of(np.ones((1,) * 5, np.float32))
    with pytest.raises(ValueError, match="dtype int32 must be float32 or bfloat16"):
        Tensor.copy_of(ARRAY, "int32")


def test_bfloat16_rounds_to_nearest_even_and_keeps_the_special_values():
    bits = np.array(
        [0x3F800000, 0x3F808000, 0x3F818000, 0x3F808001, 0x7F7FFFFF, 0x7F800000, 0xFF800000], "u4"
    )
    want = np.array(
        [0x3F800000, 0x3F800000, 0x3F820000, 0x3F810000, 0x7F800000, 0x7F800000, 0xFF800000], "u4"
    )
    tensor = Tensor.copy_of(bits.view(np.float32), "bfloat16")
    assert tensor.dtype == "bfloat16"
    np.testing.assert_array_equal(tensor.numpy().view("u4"), want)
    nans = np.array([0x7F800001, 0x7FFFFFFF, 0xFFC00000], "u4").view(np.float32)
    assert np.isnan(Tensor.copy_of(nans, "bfloat16").numpy()).all()


@pytest.mark.parametrize(
    "arguments, says",
    [
        (([2, -3],), "size -3 must not be negative"),
        (([1] * 5,), "rank must be at most 4"),
        (([1 << 40, 1 << 40],), r"\(1099511627776,\) with a size 1099511627776 has more than"),
        (([2], "float16"), 'dtype "float16" must be float32, bfloat16'),
        (([2], "float32", "gpu"), 'device "gpu" must be cpu or cuda'),
    ],
)
def test_a_new_tensor_refuses_by_name(arguments, says):
    with pytest.raises(ValueError, match=says):
        Tensor(*arguments)


def test_more_than_the_machine_has_is_a_memory_error():
    with pytest.raises(MemoryError):
        Tensor([1 << 50])


def test_a_new_tensor_is_zero_and_aligned():
    for size in 1, 1000, 3 << 20:  # small and huge pages
        array = Tensor([size]).numpy()
        assert not array.any() and array.ctypes.data % 64 == 0


def test_views_keep_the_number_of_elements():
    tensor = Tensor([2, 6])
    assert tensor.view([3, 4]).numpy().ctypes.data == tensor.numpy().ctypes.data
    with pytest.raises(ValueError, match=r"\(5,\) must have as many elements as \(2, 6\)"):
        tensor.view([5])
    assert repr(tensor) == "Tensor((2, 6), float32, cpu)"


def test_an_undefined_tensor_has_no_elements():
    absent = Tensor()
    assert not absent.defined and Tensor([0]).defined
    for look in absent.numpy, absent.__dlpack__, absent.zero, lambda: absent.to("cpu"):
        with pytest.raises(ValueError, match="undefined"):
            look()
