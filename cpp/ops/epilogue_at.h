// The epilogue of a part of a product, whose first element is not the product's.
#pragma once

#include <stdint.h>

#include "kernels/gemm.h"

namespace gpte {

// p + offset, where there is something.
template <class T>
T* at(T* p, int64_t offset) {
  return p ? p + offset : nullptr;
}

// Of the part that begins at this row and column.
template <class T>
GemmEpilogue<T> epilogue_at(GemmEpilogue<T> epilogue, int64_t row, int64_t column) {
  const int64_t offset = row * epilogue.ld + column;
  epilogue.out = at(epilogue.out, offset);
  epilogue.pre = at(epilogue.pre, offset);
  epilogue.pre_read = at(epilogue.pre_read, offset);
  epilogue.residual = at(epilogue.residual, offset);
  epilogue.bias = at(epilogue.bias, column);
  return epilogue;
}

}  // namespace gpte
