// Tensors at the border to Python: NumPy and DLPack share memory with them, both ways.
#include <iterator>
#include <sstream>

#include "bindings/bindings.h"
#include "core/device_copy.h"

namespace gpte {
namespace {

DType dtype_from(nb::dlpack::dtype t) {
  using Code = nb::dlpack::dtype_code;
  if (t.lanes == 1) {
    if (t == nb::dtype<float>()) return DType::f32;
    if (t == nb::dtype<int32_t>()) return DType::i32;
    if (t == nb::dtype<int64_t>()) return DType::i64;
    if (t == nb::dtype<uint8_t>()) return DType::u8;
    if (t.code == uint8_t(Code::Bfloat) && t.bits == 16) return DType::bf16;
  }
  static const char* const codes[] = {"int",    "uint",    "float", "opaque ",
                                      "bfloat", "complex", "bool"};
  fail("tensor: array dtype ", t.code < std::size(codes) ? codes[t.code] : "unknown ", int(t.bits),
       " must be float32, bfloat16, int32, int64 or uint8");
}

nb::dlpack::dtype dlpack_dtype(DType t) {
  switch (t) {
    case DType::f32:
      return nb::dtype<float>();
    case DType::i32:
      return nb::dtype<int32_t>();
    case DType::i64:
      return nb::dtype<int64_t>();
    case DType::u8:
      return nb::dtype<uint8_t>();
    case DType::bf16:
      return {uint8_t(nb::dlpack::dtype_code::Bfloat), 16, 1};
  }
  fail("tensor: unknown dtype");
}

DType dtype_named(const std::string& name) {
  for (DType t : {DType::f32, DType::bf16, DType::i32, DType::i64, DType::u8})
    if (name == name_of(t)) return t;
  fail("tensor: dtype \"", name, "\" must be float32, bfloat16, int32, int64 or uint8");
}

Device device_named(const std::string& name) {
  if (name == "cpu") return Device::cpu;
  if (name == "cuda") return Device::cuda;
  fail("tensor: device \"", name, "\" must be cpu or cuda");
}

Shape shape_of(const std::vector<int64_t>& sizes) {
  Shape shape;
  for (int64_t size : sizes) shape.push(size);
  return shape;
}

using AnyArray = nb::ndarray<nb::ro>;

bool is_contiguous(const AnyArray& a) {
  if (a.size() == 0) return true;
  int64_t expected = 1;
  for (size_t i = a.ndim(); i-- > 0;) {
    if (a.shape(i) > 1 && a.stride(i) != expected) return false;
    expected *= int64_t(a.shape(i));
  }
  return true;
}

// Keeps the Python array alive while a Tensor points into it.
std::shared_ptr<void> owner_of(const AnyArray& a) {
  auto* kept = new AnyArray(a);
  return std::shared_ptr<void>(kept, [](void* p) {
    nb::gil_scoped_acquire gil;
    delete static_cast<AnyArray*>(p);
  });
}

Shape shape_of(const AnyArray& a) {
  check(a.ndim() <= Shape::kMaxRank, "tensor: array of rank ", a.ndim(), " must have rank at most ",
        int(Shape::kMaxRank));
  Shape shape;
  for (size_t i = 0; i < a.ndim(); ++i) shape.push(int64_t(a.shape(i)));
  return shape;
}

Tensor from_array(const AnyArray& a) {
  const Shape shape = shape_of(a);
  check(is_contiguous(a), "tensor: array of shape ", shape,
        " is strided; pass numpy.ascontiguousarray(array), or Tensor.copy_of(array)");
  check(a.device_type() == nb::device::cpu::value, "tensor: array must be in CPU memory");
  if (!a.data()) return Tensor(shape, dtype_from(a.dtype()));  // how some export no elements
  return Tensor(const_cast<void*>(a.data()), shape, dtype_from(a.dtype()), Device::cpu,
                owner_of(a));
}

[[noreturn]] Tensor refuse_read_only(const AnyArray& a) {
  fail("tensor: array of shape ", shape_of(a),
       " is read-only; pass array.copy(), or Tensor.copy_of(array)");
}

// An ndarray whose lifetime holds the tensor's owner.
template <class Framework>
nb::ndarray<Framework> to_array(const Tensor& t, DType as) {
  check(t.defined(), "tensor: an undefined tensor has no elements");
  size_t sizes[Shape::kMaxRank];
  for (int i = 0; i < t.shape().rank(); ++i) sizes[i] = size_t(t.dim(i));
  auto* kept = new std::shared_ptr<void>(t.owner());
  nb::capsule owner(kept, [](void* p) noexcept { delete static_cast<std::shared_ptr<void>*>(p); });
  return nb::ndarray<Framework>(const_cast<void*>(t.raw()), size_t(t.shape().rank()), sizes, owner,
                                nullptr, dlpack_dtype(as));
}

Tensor to_device(const Tensor& t, const std::string& device) {
  Tensor moved(t.shape(), t.dtype(), device_named(device));
  copy(moved, t);
  return moved;
}

// NumPy knows no bfloat16: such a tensor becomes a float32 copy.
nb::ndarray<nb::numpy> to_numpy(const Tensor& t) {
  if (t.device() != Device::cpu) return to_numpy(to_device(t, "cpu"));
  if (t.dtype() != DType::bf16) return to_array<nb::numpy>(t, t.dtype());
  Tensor wide(t.shape(), DType::f32);
  for (int64_t i = 0; i < t.numel(); ++i) wide.data<float>()[i] = float(t.data<bf16>()[i]);
  return to_array<nb::numpy>(wide, DType::f32);
}

// Called with the protocol's keywords (stream, max_version, ...), which nanobind's array
// understands.
nb::object to_dlpack(const Tensor& t, nb::kwargs options) {
  check(t.device() == Device::cpu, "__dlpack__: tensor on ", t.device(), " must be on cpu");
  return nb::cast(to_array<nb::array_api>(t, t.dtype())).attr("__dlpack__")(**options);
}

Tensor copy_of(const nb::ndarray<float, nb::ro>& a, const std::string& dtype) {
  const Shape shape = shape_of(AnyArray(a));
  Tensor t(shape, dtype_named(dtype));
  const int64_t n = shape.numel();
  check(t.dtype() == DType::f32 || t.dtype() == DType::bf16, "copy_of: dtype ", t.dtype(),
        " must be float32 or bfloat16");
  // Walk the strides: the array may be any view.
  for (int64_t i = 0; i < n; ++i) {
    int64_t rest = i, offset = 0;
    for (size_t axis = a.ndim(); axis-- > 0;) {
      offset += rest % int64_t(a.shape(axis)) * a.stride(axis);
      rest /= int64_t(a.shape(axis));
    }
    const float value = a.data()[offset];
    if (t.dtype() == DType::f32)
      t.data<float>()[i] = value;
    else
      t.data<bf16>()[i] = bf16(value);
  }
  return t;
}

}  // namespace

void bind_tensor(nb::module_& m) {
  nb::class_<Tensor>(m, "Tensor",
                     "A contiguous array on a device, sharing memory with NumPy and DLPack.")
      .def(nb::init<>(), "An undefined tensor: stands for an optional argument that is absent.")
      .def(
          "__init__",
          [](Tensor* self, const std::vector<int64_t>& shape, const std::string& dtype,
             const std::string& device) {
            new (self) Tensor(shape_of(shape), dtype_named(dtype), device_named(device));
          },
          "shape"_a, "dtype"_a = "float32", "device"_a = "cpu", "Zeros of a shape.")
      .def_static(
          "share", [](nb::ndarray<> a) { return from_array(AnyArray(a)); }, "array"_a,
          "The same memory as a writable contiguous array (NumPy or DLPack). Read-only or strided "
          "arrays are refused: copy them with copy_of.")
      .def_static("share", &refuse_read_only, "array"_a, "What a read-only array comes to.")
      .def_static("copy_of", &copy_of, "array"_a, "dtype"_a = "float32",
                  "A copy of any float32 array, strided and read-only ones too.")
      .def("numpy", &to_numpy,
           "A NumPy array over the same memory (float32 copy of a bfloat16 tensor).")
      .def("__dlpack__", &to_dlpack)
      .def("__dlpack_device__",
           [](const Tensor& t) {
             const bool cpu = t.device() == Device::cpu;
             return std::make_tuple(cpu ? nb::device::cpu::value : nb::device::cuda::value, 0);
           })
      .def("to", &to_device, "device"_a, "A copy on another device.")
      .def(
          "view",
          [](const Tensor& t, const std::vector<int64_t>& shape) {
            return t.view(shape_of(shape));
          },
          "shape"_a, "The same memory under another shape.")
      .def("zero", &Tensor::zero, "Sets all elements to zero.")
      .def_prop_ro("defined", &Tensor::defined)
      .def_prop_ro("shape",
                   [](const Tensor& t) {
                     std::vector<int64_t> sizes;
                     for (int i = 0; i < t.shape().rank(); ++i) sizes.push_back(t.dim(i));
                     return nb::tuple(nb::cast(sizes));
                   })
      .def_prop_ro("dtype", [](const Tensor& t) { return name_of(t.dtype()); })
      .def_prop_ro("device",
                   [](const Tensor& t) { return t.device() == Device::cpu ? "cpu" : "cuda"; })
      .def("__repr__", [](const Tensor& t) {
        std::ostringstream out;
        out << "Tensor(" << t.shape() << ", " << t.dtype() << ", " << t.device() << ")";
        return out.str();
      });
}

}  // namespace gpte
