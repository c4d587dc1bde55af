#include "ops/gemm.h"

#include <algorithm>
#include <type_traits>

#include "core/bf16.h"
#include "core/memory.h"
#include "core/parallel.h"
#include "core/scratch.h"
#include "kernels/kernels.h"
#include "ops/epilogue_at.h"

namespace gpte::cpu {
namespace {

constexpr int64_t kBlockRows =
    2048;  // of A, packed once a K block and shared by all threads (4 MiB, in L3)
constexpr int64_t kBlockColumns =
    192;  // of B, packed again for each block of A by the thread that multiplies (384 KiB, in L2)
constexpr int64_t kRowBytes = 1 << 17;  // of weights a chunk for one row: a long stream
constexpr int64_t kPackPanels = 8;      // panels of A that one chunk packs

int64_t ceil_div(int64_t a, int64_t b) {
  return (a + b - 1) / b;
}

// How many ways the rows are cut so that every thread has work. Each cut packs its columns of B
// again, so it is avoided while the columns alone keep the threads evenly busy.
int64_t row_cuts(int64_t column_blocks, int64_t panels) {
  const int64_t threads = num_threads();
  int64_t cuts = 1;
  while (column_blocks * cuts % threads && column_blocks * cuts < 3 * threads && panels >= 8 * cuts)
    ++cuts;
  return cuts;
}

// One row, as decoding one text has it: the panels lie one after the other and are read like that,
// in a single parallel region.
template <class T>
void multiply_row(int64_t N, int64_t K, const T* x, const T* weights, GemmSum sum,
                  const GemmEpilogue<T>& epilogue) {
  const auto& kernel = kernels().gemm.get<T>();
  const int64_t words = ceil_div(K, kernel.per_word), width = kernel.tile_columns;
  float* row = scratch<float>(Scratch::gemm_a, round_up(words, 16));
  kernel.pack_row(row, x, K);
  const int64_t panel = words * width * kernel.per_word;
  const int64_t step = round_up(ceil_div(kRowBytes, panel * int64_t(sizeof(T))), 4);
  parallel_for(ceil_div(N, width), step, [&](int64_t begin, int64_t end) {
    const int64_t n0 = begin * width;
    GemmRow<T> part;
    part.N = std::min(end * width, N) - n0;
    part.k_words = words;
    part.x = row;
    part.weights = weights + begin * panel;
    part.sum = epilogue.out ? nullptr : sum.data + n0;
    part.epilogue = epilogue_at(epilogue, 0, n0);
    kernel.multiply_row(part);
  });
}

// Both public forms. Without epilogue.out the result stays in `sum`.
template <class T>
void multiply(int64_t M, int64_t N, int64_t K, Operand<T> a, Operand<T> b, GemmSum sum,
              const GemmEpilogue<T>& epilogue) {
  const auto& kernel = kernels().gemm.get<T>();
  if (M == 1 && b.packed && !sum.add) return multiply_row<T>(N, K, a.data, b.data, sum, epilogue);
  const int64_t block_k = kGemmBlockWords * kernel.per_word;
  const int64_t block_rows = round_up(kBlockRows, kernel.tile_rows);
  // bf16 outputs cannot hold partial sums: one block of rows at a time keeps them in scratch.
  const bool scratch_sums = !sum.data && K > block_k;
  if (scratch_sums)
    sum = {scratch<float>(Scratch::gemm_sum, std::min(M, block_rows) * N), N, false};
  float* packed_a = scratch<float>(Scratch::gemm_a, block_rows * kGemmBlockWords);
  const int64_t column_blocks = ceil_div(N, kBlockColumns);

  for (int64_t m0 = 0; m0 < M; m0 += block_rows) {
    const int64_t rows = std::min(block_rows, M - m0), panels = ceil_div(rows, kernel.tile_rows);
    const int64_t cuts = row_cuts(column_blocks, panels);
    const int64_t cut_panels = ceil_div(panels, cuts);
    for (int64_t k0 = 0; k0 < K; k0 += block_k) {
      const int64_t k = std::min(block_k, K - k0), words = ceil_div(k, kernel.per_word);
      parallel_for(panels, kPackPanels, [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i) {
          const int64_t first = panel_row(rows, panels, i);
          kernel.pack_rows(packed_a + i * kernel.tile_rows * words,
                           a.data + (m0 + first) * a.stride_row + k0 * a.stride_k, a.stride_row,
                           a.stride_k, panel_row(rows, panels, i + 1) - first, k);
        }
      });
      parallel_chunks(column_blocks * cuts, [&](int64_t task) {
        const int64_t n0 = task / cuts * kBlockColumns, panel = task % cuts * cut_panels;
        if (panel >= panels) return;
        const int64_t row = panel_row(rows, panels, panel);
        const int64_t columns = std::min(kBlockColumns, N - n0);
        GemmBlock<T> block;
        block.panels = std::min(cut_panels, panels - panel);
        block.M = panel_row(rows, panels, panel + block.panels) - row;
        block.N = columns;
        block.k_words = words;
        block.a = packed_a + panel * kernel.tile_rows * words;
        if (b.packed) {  // panels lie whole, one after the other: this block is a stretch of each
          block.b_panel = kernel.tile_columns * ceil_div(K, kernel.per_word);
          block.weights = b.data + n0 / kernel.tile_columns * block.b_panel * kernel.per_word +
                          k0 * kernel.tile_columns;
        } else {
          float* packed_b = scratch<float>(Scratch::gemm_b, kBlockColumns * kGemmBlockWords);
          kernel.pack_columns(packed_b, b.data + n0 * b.stride_row + k0 * b.stride_k, b.stride_row,
                              b.stride_k, columns, k);
          block.b = packed_b;
          block.b_panel = kernel.tile_columns * words;
        }
        block.sum = at(sum.data, (scratch_sums ? row : m0 + row) * sum.ld + n0);
        block.ld_sum = sum.ld;
        block.first = k0 == 0 && !sum.add;
        block.last = k0 + k >= K;
        block.epilogue = epilogue_at(epilogue, m0 + row, n0);
        kernel.multiply(block);
      });
    }
  }
}

}  // namespace

template <class T>
void gemm(int64_t M, int64_t N, int64_t K, Operand<T> a, Operand<T> b, GemmSum sum) {
  multiply<T>(M, N, K, a, b, sum, {});
}

template <class T>
void gemm(int64_t M, int64_t N, int64_t K, Operand<T> a, Operand<T> b,
          const GemmEpilogue<T>& epilogue) {
  // A float32 output holds the partial sums itself.
  GemmSum sum{nullptr, 0, false};
  if constexpr (std::is_same_v<T, float>) sum = {epilogue.out, epilogue.ld, false};
  multiply<T>(M, N, K, a, b, sum, epilogue);
}

template void gemm<float>(int64_t, int64_t, int64_t, Operand<float>, Operand<float>, GemmSum);
template void gemm<bf16>(int64_t, int64_t, int64_t, Operand<bf16>, Operand<bf16>, GemmSum);
template void gemm<float>(int64_t, int64_t, int64_t, Operand<float>, Operand<float>,
                          const GemmEpilogue<float>&);
template void gemm<bf16>(int64_t, int64_t, int64_t, Operand<bf16>, Operand<bf16>,
                         const GemmEpilogue<bf16>&);

}  // namespace gpte::cpu
