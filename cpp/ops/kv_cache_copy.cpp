#include "ops/kv_cache_copy.h"

#include <cstring>

#include "core/parallel.h"
#include "ops/checks.h"

namespace gpte {
namespace {

void check_copies(const char* op, const Tensor& cache, const Tensor& sources, const Tensor& targets,
                  const Tensor& lengths) {
  check_rank(op, "cache", cache, 4);
  check_rank(op, "sources", sources, 1);
  const Shape pairs = sources.shape();
  check_tensor(op, "sources", sources, pairs, DType::i32);
  check_tensor(op, "targets", targets, pairs, DType::i32);
  check_tensor(op, "lengths", lengths, pairs, DType::i32);
  check_same_device(op, cache, sources, targets, lengths);
  if (cache.device() != Device::cpu) return;
  check_indices(op, "sources", sources, cache.dim(0));
  check_indices(op, "targets", targets, cache.dim(0));
  check_indices(op, "lengths", lengths, cache.dim(2) + 1);
  const int32_t *from = sources.data<int32_t>(), *to = targets.data<int32_t>();
  for (int64_t m = 0; m < targets.numel(); ++m)
    for (int64_t i = 0; i < targets.numel(); ++i) {
      check(to[m] != from[i], op, ": targets[", m, "] = ", to[m], " is also sources[", i, "]");
      check(m == i || to[m] != to[i], op, ": targets[", m, "] = ", to[m], " is also targets[", i,
            "]");
    }
}

}  // namespace

void kv_cache_copy(Tensor& cache, const Tensor& sources, const Tensor& targets,
                   const Tensor& lengths) {
  check_copies("kv_cache_copy", cache, sources, targets, lengths);
  GPTE_DISPATCH_CPU("kv_cache_copy", cache.device(),
                    kv_cache_copy(cache, sources, targets, lengths));
}

namespace cpu {

void kv_cache_copy(Tensor& cache, const Tensor& sources, const Tensor& targets,
                   const Tensor& lengths) {
  const int64_t K = cache.dim(1), row = cache.dim(3) * size_of(cache.dtype());
  const int64_t head = cache.dim(2) * row;
  char* data = static_cast<char*>(cache.raw());
  parallel_for(sources.numel() * K, 1, [&](int64_t i, int64_t) {
    const int64_t m = i / K, k = i % K;
    const char* from = data + (sources.data<int32_t>()[m] * K + k) * head;
    std::memcpy(data + (targets.data<int32_t>()[m] * K + k) * head, from,
                size_t(lengths.data<int32_t>()[m] * row));
  });
}

}  // namespace cpu
}  // namespace gpte
