// Memory on the current CUDA device, and whether there is a device to speak of.
#include <algorithm>
#include <sstream>

#include "core/device_copy.h"
#include "cuda/core/check.cuh"

namespace gpte::cuda {
namespace {

constexpr int kLeastCapability = 80;  // bf16 arithmetic; also the oldest code in this build

std::string version(int v) {
  return std::to_string(v / 1000) + "." + std::to_string(v % 1000 / 10);
}

std::string why_unavailable() {
  int devices = 0, driver = 0, runtime = 0;
  const cudaError_t error = cudaGetDeviceCount(&devices);
  if (error != cudaSuccess) {
    cudaGetLastError();
    cudaDriverGetVersion(&driver);  // 0 without a driver
    cudaRuntimeGetVersion(&runtime);
    std::ostringstream reason;
    reason << cudaGetErrorString(error) << " (" << cudaGetErrorName(error) << "): runtime "
           << version(runtime) << ", driver " << (driver ? version(driver) : "not installed");
    return reason.str();
  }
  if (devices == 0) return "the driver sees no CUDA device";
  int device = 0, major = 0, minor = 0;
  CUDA_CHECK(cudaGetDevice(&device));
  CUDA_CHECK(cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, device));
  CUDA_CHECK(cudaDeviceGetAttribute(&minor, cudaDevAttrComputeCapabilityMinor, device));
  if (major * 10 + minor >= kLeastCapability) return "";
  std::ostringstream reason;
  reason << "compute capability " << major << "." << minor << " of the device must be at least "
         << kLeastCapability / 10 << "." << kLeastCapability % 10;
  return reason.str();
}

cudaMemcpyKind kind(Device to, Device from) {
  if (to == Device::cuda)
    return from == Device::cuda ? cudaMemcpyDeviceToDevice : cudaMemcpyHostToDevice;
  return from == Device::cuda ? cudaMemcpyDeviceToHost : cudaMemcpyHostToHost;
}

}  // namespace

std::string unavailable() {
  static const std::string reason = why_unavailable();
  return reason;
}

std::shared_ptr<void> allocate(int64_t bytes) {
  check(unavailable().empty(), "tensor: device cuda cannot be used: ", unavailable());
  void* p = nullptr;
  const size_t size = size_t(std::max<int64_t>(bytes, 1));  // null stands for an absent tensor
  if (cudaMalloc(&p, size) == cudaErrorMemoryAllocation) {
    cudaGetLastError();
    size_t free = 0, total = 0;
    CUDA_CHECK(cudaMemGetInfo(&free, &total));
    fail("tensor: ", bytes, " bytes do not fit on device cuda, where ", free, " of ", total,
         " bytes are free");
  }
  CUDA_CHECK(cudaGetLastError());
  // The result is ignored: at the end of the process the driver may be gone before the tensor.
  std::shared_ptr<void> owner(p, [](void* q) { cudaFree(q); });
  zero(p, int64_t(size));
  return owner;
}

void zero(void* data, int64_t bytes) {
  CUDA_CHECK(cudaMemset(data, 0, size_t(bytes)));
}

void copy_bytes(void* to, Device to_device, const void* from, Device from_device, int64_t bytes) {
  CUDA_CHECK(cudaMemcpy(to, from, size_t(bytes), kind(to_device, from_device)));
}

}  // namespace gpte::cuda
