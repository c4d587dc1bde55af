// Sums over the threads of a block, in an order that depends on the number of threads alone.
#pragma once

namespace gpte::cuda {

constexpr int kWarp = 32;

__device__ inline float warp_sum(float x) {
  for (int offset = kWarp / 2; offset; offset /= 2) x += __shfl_xor_sync(0xffffffffu, x, offset);
  return x;
}

// Every thread of the block calls it, and every thread gets the sum.
template <int kThreads>
__device__ float block_sum(float x) {
  static_assert(kThreads % kWarp == 0 && kThreads <= kWarp * kWarp, "whole warps");
  __shared__ float sums[kThreads / kWarp];
  const int lane = threadIdx.x % kWarp, warp = threadIdx.x / kWarp;
  x = warp_sum(x);
  if (lane == 0) sums[warp] = x;
  __syncthreads();
  x = warp_sum(lane < kThreads / kWarp ? sums[lane] : 0.f);
  __syncthreads();  // the next call writes the same sums
  return x;
}

}  // namespace gpte::cuda
