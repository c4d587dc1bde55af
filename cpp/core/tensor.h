// A contiguous array with a shared owner. Copies are views; nothing is strided.
#pragma once

#include <cstdint>
#include <memory>

#include "core/device.h"
#include "core/dtype.h"
#include "core/memory.h"
#include "core/shape.h"

namespace gpte {

class Tensor {
 public:
  Tensor() = default;  // undefined: stands for an optional argument that is absent
  explicit Tensor(Shape shape, DType dtype = DType::f32, Device device = Device::cpu);
  // Memory that somebody else owns; `owner` keeps it alive.
  Tensor(void* data, Shape shape, DType dtype, Device device, std::shared_ptr<void> owner)
      : data_(data), owner_(std::move(owner)), shape_(shape), dtype_(dtype), device_(device) {}

  bool defined() const { return data_ != nullptr; }
  const Shape& shape() const { return shape_; }
  int64_t dim(int axis) const { return shape_.dim(axis); }
  int64_t numel() const { return shape_.numel(); }
  int64_t bytes() const { return numel() * size_of(dtype_); }
  DType dtype() const { return dtype_; }
  Device device() const { return device_; }
  const std::shared_ptr<void>& owner() const { return owner_; }

  void* raw() { return data_; }
  const void* raw() const { return data_; }
  template <class T>
  T* data() {
    check(dtype_ == dtype_of<T>::value, "tensor: dtype ", dtype_, " must be ", dtype_of<T>::value);
    return static_cast<T*>(data_);
  }
  template <class T>
  const T* data() const {
    return const_cast<Tensor*>(this)->data<T>();
  }

  // The same memory under another shape with as many elements.
  Tensor view(Shape shape) const;
  // Rows [begin, end) of the first axis.
  Tensor rows(int64_t begin, int64_t end) const;
  void zero();

 private:
  void* data_ = nullptr;
  std::shared_ptr<void> owner_;
  Shape shape_;
  DType dtype_ = DType::f32;
  Device device_ = Device::cpu;
};

// Undefined tensors (absent options) live everywhere.
template <class... Tensors>
void check_same_device(const char* op, const Tensor& first, const Tensors&... rest) {
  (check(!rest.defined() || rest.device() == first.device(), op, ": tensors on ", first.device(),
         " and ", rest.device(), " must share a device"),
   ...);
}

}  // namespace gpte
