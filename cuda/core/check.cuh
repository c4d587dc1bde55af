// A failed call of the CUDA runtime becomes an exception that names the call and the error.
#pragma once

#include <cuda_runtime.h>

#include <stdexcept>
#include <string>

namespace gpte::cuda {

inline void check_call(cudaError_t error, const char* call) {
  if (error == cudaSuccess) return;
  cudaGetLastError();  // forget it, or the next call that is fine would report it again
  throw std::runtime_error(std::string("cuda: ") + call + ": " + cudaGetErrorString(error) + " (" +
                           cudaGetErrorName(error) + ")");
}

}  // namespace gpte::cuda

#define CUDA_CHECK(call) ::gpte::cuda::check_call((call), #call)
