// The first keys or values of slots copied to other slots, for sequences that begin alike.
// cache: (S, K, T, D) float32 or bfloat16, the keys or the values of ops/attention_cached.h
// sources, targets, lengths: (M) i32. A target is named once and is no source.
#pragma once

#include "core/dispatch.h"
#include "core/tensor.h"

namespace gpte {

// cache[targets[m], k, t] = cache[sources[m], k, t]  for every head k and t < lengths[m]
GPTE_OP(kv_cache_copy, Tensor& cache, const Tensor& sources, const Tensor& targets,
        const Tensor& lengths)

}  // namespace gpte
