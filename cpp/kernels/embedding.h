// Rows gathered from and added to tables; formulas in ops/embedding.h.
#pragma once

#include <stdint.h>

namespace gpte {

template <class T>
struct EmbeddingKernels {
  // A null wpe or wtt stands for no such table.
  void (*gather)(T* y, const int32_t* tokens, const int32_t* positions, const int32_t* types,
                 const T* wte, const T* wpe, const T* wtt, int64_t N, int64_t C);
  // table[index[n], c] += dy[n, c] over all N rows, in row order, for the columns [begin, end)
  // only.
  void (*scatter_add)(float* table, const T* dy, const int32_t* index, int64_t N, int64_t C,
                      int64_t begin, int64_t end);
};

}  // namespace gpte
