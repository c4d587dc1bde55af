#include "ops/embedding.h"

#include "core/parallel.h"
#include "kernels/kernels.h"
#include "ops/checks.h"

namespace gpte {
namespace {

constexpr int64_t kRows = 32;     // rows a chunk
constexpr int64_t kColumns = 64;  // columns a chunk of the gradient

void check_embedding(const char* op, const Tensor& y, const Tensor& tokens, const Tensor& positions,
                     const Tensor& wte, const Tensor& wpe, DType table) {
  check_rank(op, "the rows", y, 2);
  const int64_t N = y.dim(0), C = y.dim(1);
  check_rank(op, "the token table", wte, 2);
  check_tensor(op, "tokens", tokens, Shape{N}, DType::i32);
  check_tensor(op, "the token table", wte, Shape{wte.dim(0), C}, table);
  check_same_device(op, y, tokens, positions, wte, wpe);
  if (!wpe.defined()) return;
  check_rank(op, "the position table", wpe, 2);
  check_tensor(op, "positions", positions, Shape{N}, DType::i32);
  check_tensor(op, "the position table", wpe, Shape{wpe.dim(0), C}, table);
}

// Values can only be looked at where they are: on the CPU before the first row is touched.
void check_values(const char* op, const Tensor& tokens, const Tensor& positions, const Tensor& wte,
                  const Tensor& wpe) {
  check_indices(op, "tokens", tokens, wte.dim(0));
  if (wpe.defined()) check_indices(op, "positions", positions, wpe.dim(0));
}

}  // namespace

void embedding_forward(Tensor& y, const Tensor& tokens, const Tensor& positions, const Tensor& wte,
                       const Tensor& wpe) {
  check_embedding("embedding_forward", y, tokens, positions, wte, wpe, y.dtype());
  GPTE_DISPATCH_CPU("embedding_forward", y.device(),
                    embedding_forward(y, tokens, positions, wte, wpe));
}

void embedding_backward(Tensor& dwte, Tensor& dwpe, const Tensor& dy, const Tensor& tokens,
                        const Tensor& positions) {
  check_embedding("embedding_backward", dy, tokens, positions, dwte, dwpe, DType::f32);
  GPTE_DISPATCH_CPU("embedding_backward", dy.device(),
                    embedding_backward(dwte, dwpe, dy, tokens, positions));
}

namespace cpu {

void embedding_forward(Tensor& y, const Tensor& tokens, const Tensor& positions, const Tensor& wte,
                       const Tensor& wpe) {
  check_values("embedding_forward", tokens, positions, wte, wpe);
  const int64_t C = y.dim(1);
  visit_float("embedding_forward", y.dtype(), [&](auto type) {
    using T = typename decltype(type)::type;
    const auto& k = kernels().embedding.get<T>();
    const int32_t* position = wpe.defined() ? positions.data<int32_t>() : nullptr;
    const T* wpe_data = wpe.defined() ? wpe.data<T>() : nullptr;
    parallel_for(y.dim(0), kRows, [&](int64_t begin, int64_t end) {
      k.gather(y.data<T>() + begin * C, tokens.data<int32_t>() + begin,
               position ? position + begin : position, wte.data<T>(), wpe_data, end - begin, C);
    });
  });
}

void embedding_backward(Tensor& dwte, Tensor& dwpe, const Tensor& dy, const Tensor& tokens,
                        const Tensor& positions) {
  check_values("embedding_backward", tokens, positions, dwte, dwpe);
  const int64_t N = dy.dim(0), C = dy.dim(1);
  visit_float("embedding_backward", dy.dtype(), [&](auto type) {
    using T = typename decltype(type)::type;
    const auto& k = kernels().embedding.get<T>();
    parallel_for(C, kColumns, [&](int64_t begin, int64_t end) {
      k.scatter_add(dwte.data<float>(), dy.data<T>(), tokens.data<int32_t>(), N, C, begin, end);
      if (dwpe.defined())
        k.scatter_add(dwpe.data<float>(), dy.data<T>(), positions.data<int32_t>(), N, C, begin,
                      end);
    });
  });
}

}  // namespace cpu
}  // namespace gpte
