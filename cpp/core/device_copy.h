// Memory on a CUDA device and copies to and from it. Implemented in cuda/core; this header names no
// CUDA type, so that cpp/ compiles without the toolkit.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "core/tensor.h"

namespace gpte {

// Copies between tensors of one shape and dtype, on any pair of devices.
void copy(Tensor& to, const Tensor& from);

namespace cuda {
std::shared_ptr<void> allocate(int64_t bytes);
void zero(void* data, int64_t bytes);
void copy_bytes(void* to, Device to_device, const void* from, Device from_device, int64_t bytes);
// Empty when a device can be used, otherwise the reason it cannot.
std::string unavailable();
}  // namespace cuda

}  // namespace gpte
