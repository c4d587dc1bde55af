// What happens to a vector of finished elements of a product; the steps stand in kernels/gemm.h.
#pragma once

#include "kernels/activate.h"
#include "kernels/gemm.h"

namespace gpte {
namespace GPTE_ISA_NAMESPACE {

// c holds the elements from column n on, of which `left` are there; `at` is where the first lies.
template <class T>
GPTE_INLINE void apply_epilogue(const GemmEpilogue<T>& e, Vec c, int64_t at, int64_t n,
                                int64_t left) {
  if (e.bias) c += load_n(e.bias + n, left);
  if (e.pre) store_n(e.pre + at, c, left);
  // What a later pass reads from `pre` gives the same bits, also where none is written.
  if (e.activation != Activation::none && !e.pre_read) c = as_stored<T>(c);
  c = activate(e.pre_read ? Activation::none : e.activation, c);
  if (e.pre_read) c *= activate_grad(e.activation, load_n(e.pre_read + at, left));
  if (e.residual) c += load_n(e.residual + at, left);
  store_n(e.out + at, c, left);
}

}  // namespace GPTE_ISA_NAMESPACE
}  // namespace gpte
