// A little of everything that cuda/ needs: C++17, the standard library, bf16, a kernel, the
// runtime.
#include <cuda_bf16.h>
#include <cuda_runtime.h>

#include <memory>
#include <sstream>

template <class T>
__global__ void probe_kernel(T* x) {
  if constexpr (sizeof(T) == 2) x[threadIdx.x] = T(float(x[threadIdx.x]) + 1);
}

std::string probe(std::shared_ptr<__nv_bfloat16> x) {
  probe_kernel<<<1, 32>>>(x.get());
  std::ostringstream out;
  out << cudaGetErrorString(cudaGetLastError());
  return out.str();
}
