#include "core/device_copy.h"

#include <cstring>

#include "core/dispatch.h"

namespace gpte {

void copy(Tensor& to, const Tensor& from) {
  check(to.defined() && from.defined(), "copy: an undefined tensor has no elements");
  check(to.shape() == from.shape(), "copy: to ", to.shape(), " must match from ", from.shape());
  check(to.dtype() == from.dtype(), "copy: to ", to.dtype(), " must match from ", from.dtype());
#if GPTE_HAS_CUDA
  if (to.device() == Device::cuda || from.device() == Device::cuda)
    return cuda::copy_bytes(to.raw(), to.device(), from.raw(), from.device(), from.bytes());
#endif
  std::memmove(to.raw(), from.raw(), size_t(from.bytes()));
}

#if !GPTE_HAS_CUDA
namespace cuda {
std::string unavailable() {
  return "this build has no CUDA: nvcc was not found when it was installed";
}
}  // namespace cuda
#endif

}  // namespace gpte
