#include "ops/embedding.h"

#include <array>

#include "core/parallel.h"
#include "kernels/kernels.h"
#include "ops/checks.h"

namespace gpte {
namespace {

constexpr int64_t kRows = 32;     // rows a chunk
constexpr int64_t kColumns = 64;  // columns a chunk of the gradient

// A table that may be absent, and the rows of it that the tokens take.
struct Table {
  const char* name;  // of the rows
  const char* table;
  const Tensor& rows;
  const Tensor& weights;
};

std::array<Table, 2> optional(const Tensor& positions, const Tensor& wpe, const Tensor& types,
                              const Tensor& wtt) {
  return {{{"positions", "the position table", positions, wpe},
           {"types", "the type table", types, wtt}}};
}

void check_embedding(const char* op, const Tensor& y, const Tensor& tokens, const Tensor& wte,
                     const std::array<Table, 2>& tables, DType type) {
  check_rank(op, "the rows", y, 2);
  const int64_t N = y.dim(0), C = y.dim(1);
  check_rank(op, "the token table", wte, 2);
  check_tensor(op, "tokens", tokens, Shape{N}, DType::i32);
  check_tensor(op, "the token table", wte, Shape{wte.dim(0), C}, type);
  check_same_device(op, y, tokens, wte);
  for (const Table& t : tables) {
    check_same_device(op, y, t.rows, t.weights);
    if (!t.weights.defined()) continue;
    check_rank(op, t.table, t.weights, 2);
    check_tensor(op, t.name, t.rows, Shape{N}, DType::i32);
    check_tensor(op, t.table, t.weights, Shape{t.weights.dim(0), C}, type);
  }
}

// Values can only be looked at where they are: on the CPU before the first row is touched.
void check_values(const char* op, const Tensor& tokens, const Tensor& wte,
                  const std::array<Table, 2>& tables) {
  check_indices(op, "tokens", tokens, wte.dim(0));
  for (const Table& t : tables)
    if (t.weights.defined()) check_indices(op, t.name, t.rows, t.weights.dim(0));
}

}  // namespace

void embedding_forward(Tensor& y, const Tensor& tokens, const Tensor& positions,
                       const Tensor& types, const Tensor& wte, const Tensor& wpe,
                       const Tensor& wtt) {
  check_embedding("embedding_forward", y, tokens, wte, optional(positions, wpe, types, wtt),
                  y.dtype());
  GPTE_DISPATCH_CPU("embedding_forward", y.device(),
                    embedding_forward(y, tokens, positions, types, wte, wpe, wtt));
}

void embedding_backward(Tensor& dwte, Tensor& dwpe, Tensor& dwtt, const Tensor& dy,
                        const Tensor& tokens, const Tensor& positions, const Tensor& types) {
  check_embedding("embedding_backward", dy, tokens, dwte, optional(positions, dwpe, types, dwtt),
                  DType::f32);
  GPTE_DISPATCH_CPU("embedding_backward", dy.device(),
                    embedding_backward(dwte, dwpe, dwtt, dy, tokens, positions, types));
}

namespace cpu {

void embedding_forward(Tensor& y, const Tensor& tokens, const Tensor& positions,
                       const Tensor& types, const Tensor& wte, const Tensor& wpe,
                       const Tensor& wtt) {
  check_values("embedding_forward", tokens, wte, optional(positions, wpe, types, wtt));
  const int64_t C = y.dim(1);
  visit_float("embedding_forward", y.dtype(), [&](auto type) {
    using T = typename decltype(type)::type;
    const auto& k = kernels().embedding.get<T>();
    const auto data = [](const Tensor& table) {
      return table.defined() ? table.data<T>() : nullptr;
    };
    const auto rows = [](const Tensor& index, const Tensor& table, int64_t begin) {
      return table.defined() ? index.data<int32_t>() + begin : nullptr;
    };
    parallel_for(y.dim(0), kRows, [&](int64_t begin, int64_t end) {
      k.gather(y.data<T>() + begin * C, rows(tokens, wte, begin), rows(positions, wpe, begin),
               rows(types, wtt, begin), data(wte), data(wpe), data(wtt), end - begin, C);
    });
  });
}

void embedding_backward(Tensor& dwte, Tensor& dwpe, Tensor& dwtt, const Tensor& dy,
                        const Tensor& tokens, const Tensor& positions, const Tensor& types) {
  check_values("embedding_backward", tokens, dwte, optional(positions, dwpe, types, dwtt));
  const int64_t N = dy.dim(0), C = dy.dim(1);
  visit_float("embedding_backward", dy.dtype(), [&](auto type) {
    using T = typename decltype(type)::type;
    const auto& k = kernels().embedding.get<T>();
    const auto scatter = [&](Tensor& table, const Tensor& index, int64_t begin, int64_t end) {
      if (table.defined())
        k.scatter_add(table.data<float>(), dy.data<T>(), index.data<int32_t>(), N, C, begin, end);
    };
    parallel_for(C, kColumns, [&](int64_t begin, int64_t end) {
      scatter(dwte, tokens, begin, end);
      scatter(dwpe, positions, begin, end);
      scatter(dwtt, types, begin, end);
    });
  });
}

}  // namespace cpu
}  // namespace gpte
