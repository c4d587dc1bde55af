// RMS norm on CUDA; the formulas stand in cpp/ops/rms_norm.h.
#include "cuda/core/check.cuh"
#include "cuda/core/reduce.cuh"
#include "cuda/core/types.cuh"
#include "ops/rms_norm.h"

namespace gpte::cuda {
namespace {

constexpr int kThreads = 256;             // of a row
constexpr int kColumns = 32, kRows = 32;  // threads of a block of the weight gradient

// One block normalizes one row.
template <class T>
__global__ void rms_norm_forward_kernel(T* y, float* rstd, const T* x, const float* w, int64_t C,
                                        float eps) {
  const int64_t n = blockIdx.x;
  x += n * C;
  y += n * C;
  float sum = 0;
  for (int64_t c = threadIdx.x; c < C; c += kThreads) sum += float(x[c]) * float(x[c]);
  const float r = 1 / sqrtf(block_sum<kThreads>(sum) / float(C) + eps);
  if (threadIdx.x == 0) rstd[n] = r;
  for (int64_t c = threadIdx.x; c < C; c += kThreads) y[c] = T(float(x[c]) * r * w[c]);
}

// One block adds to the input gradient of one row.
template <class T>
__global__ void rms_norm_backward_input_kernel(T* dx, const T* dy, const T* x, const float* w,
                                               const float* rstd, int64_t C) {
  const int64_t n = blockIdx.x;
  dx += n * C;
  dy += n * C;
  x += n * C;
  const float r = rstd[n];
  float sum = 0;
  for (int64_t c = threadIdx.x; c < C; c += kThreads)
    sum += float(dy[c]) * w[c] * (float(x[c]) * r);
  const float mean_gx = block_sum<kThreads>(sum) / float(C);
  for (int64_t c = threadIdx.x; c < C; c += kThreads)
    dx[c] = T(float(dx[c]) + (float(dy[c]) * w[c] - float(x[c]) * r * mean_gx) * r);
}

// One block sums kColumns columns over all rows. Thread row i takes the rows i, i + kRows, ..., and
// the kRows partial sums are added in order: no atomics, so runs repeat bit for bit.
template <class T>
__global__ void rms_norm_backward_weight_kernel(float* dw, const T* dy, const T* x,
                                                const float* rstd, int64_t N, int64_t C) {
  __shared__ float sums[kRows][kColumns];
  const int64_t c = int64_t(blockIdx.x) * kColumns + threadIdx.x;
  float sum = 0;
  if (c < C)
    for (int64_t n = threadIdx.y; n < N; n += kRows)
      sum += float(dy[n * C + c]) * (float(x[n * C + c]) * rstd[n]);
  sums[threadIdx.y][threadIdx.x] = sum;
  __syncthreads();
  if (threadIdx.y != 0 || c >= C) return;
  for (int i = 1; i < kRows; ++i) sum += sums[i][threadIdx.x];
  dw[c] += sum;
}

}  // namespace

void rms_norm_forward(Tensor& y, Tensor& rstd, const Tensor& x, const Tensor& w, float eps) {
  const int64_t N = rstd.numel(), C = x.dim(-1);
  visit_float("rms_norm_forward", x.dtype(), [&](auto type) {
    using T = typename decltype(type)::type;
    rms_norm_forward_kernel<<<unsigned(N), kThreads>>>(data<T>(y), data<float>(rstd), data<T>(x),
                                                       data<float>(w), C, eps);
  });
  CUDA_CHECK(cudaGetLastError());
}

void rms_norm_backward(Tensor& dx, Tensor& dw, const Tensor& dy, const Tensor& x, const Tensor& w,
                       const Tensor& rstd) {
  const int64_t N = rstd.numel(), C = x.dim(-1);
  visit_float("rms_norm_backward", x.dtype(), [&](auto type) {
    using T = typename decltype(type)::type;
    rms_norm_backward_input_kernel<<<unsigned(N), kThreads>>>(data<T>(dx), data<T>(dy), data<T>(x),
                                                              data<float>(w), data<float>(rstd), C);
    rms_norm_backward_weight_kernel<<<unsigned((C + kColumns - 1) / kColumns),
                                      dim3(kColumns, kRows)>>>(data<float>(dw), data<T>(dy),
                                                               data<T>(x), data<float>(rstd), N, C);
  });
  CUDA_CHECK(cudaGetLastError());
}

}  // namespace gpte::cuda
