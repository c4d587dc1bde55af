#include "core/tensor.h"

#include <cstring>

#include "core/dispatch.h"

#if GPTE_HAS_CUDA
#include "core/device_copy.h"
#endif

namespace gpte {

Tensor::Tensor(Shape shape, DType dtype, Device device)
    : shape_(shape), dtype_(dtype), device_(device) {
  const int64_t bytes = shape.numel() * size_of(dtype);
#if GPTE_HAS_CUDA
  owner_ = device == Device::cuda ? cuda::allocate(bytes) : allocate(bytes);
#else
  if (device == Device::cuda) fail_without_cuda("tensor");
  owner_ = allocate(bytes);
#endif
  data_ = owner_.get();
}

Tensor Tensor::view(Shape shape) const {
  check(shape.numel() == numel(), "view: shape ", shape, " must have as many elements as ", shape_);
  Tensor t = *this;
  t.shape_ = shape;
  return t;
}

Tensor Tensor::rows(int64_t begin, int64_t end) const {
  check(shape_.rank() > 0 && 0 <= begin && begin <= end && end <= dim(0), "rows: [", begin, ", ",
        end, ") must lie within ", shape_);
  Shape shape{end - begin};
  for (int i = 1; i < shape_.rank(); ++i) shape.push(dim(i));
  Tensor t = *this;
  const int64_t row_bytes = dim(0) ? bytes() / dim(0) : 0;
  t.data_ = static_cast<char*>(data_) + begin * row_bytes;
  t.shape_ = shape;
  return t;
}

void Tensor::zero() {
  check(defined(), "zero: an undefined tensor has no elements");
#if GPTE_HAS_CUDA
  if (device_ == Device::cuda) return cuda::zero(data_, bytes());
#endif
  std::memset(data_, 0, size_t(bytes()));
}

}  // namespace gpte
