// Work memory of the calling thread: buffers that only grow, so that a repeated step allocates
// nothing.
#pragma once

#include <cstdint>

namespace gpte {

enum class Scratch {
  gemm_a,
  gemm_b,
  gemm_sum,
  attention,
  logits,
  rows,
  reduce,
  sampling,
  adjusting,
  count
};

// At least `bytes` of 64-byte aligned memory, whose content is whatever was left there. Each use
// has its own buffer; a thread's buffer for a use moves only when a bigger size is asked for.
void* scratch(Scratch use, int64_t bytes);

template <class T>
T* scratch(Scratch use, int64_t count) {
  return static_cast<T*>(scratch(use, count * int64_t(sizeof(T))));
}

}  // namespace gpte
