#include "kernels/norm.h"

#include <math.h>

#include "kernels/vec.h"

namespace gpte {
namespace GPTE_ISA_NAMESPACE {
namespace {

// 1 in the first n lanes: keeps the padding of a shifted vector out of a sum.
GPTE_INLINE Vec lanes_below(int64_t n) {
  Vec v;
  for (int i = 0; i < kLanes; ++i) v[i] = i < n ? 1.f : 0.f;
  return v;
}

template <class T>
GPTE_INLINE float row_sum(const T* x, int64_t C) {
  Vec sum = {};
  for (int64_t c = 0; c < C; c += kLanes) sum += load_n(x + c, C - c);
  return reduce_sum(sum);
}
template <class T>
GPTE_INLINE float row_square_sum(const T* x, float mean, int64_t C) {
  Vec sum = {};
  int64_t c = 0;
  for (; c + kLanes <= C; c += kLanes) {
    const Vec d = load(x + c) - mean;
    sum += d * d;
  }
  if (c < C) {
    const Vec d = (load_part(x + c, C - c) - mean) * lanes_below(C - c);
    sum += d * d;
  }
  return reduce_sum(sum);
}

template <class T>
void layer_norm_forward(T* y, float* mean, float* rstd, const T* x, const float* w, const float* b,
                        int64_t N, int64_t C, float eps) {
  for (int64_t n = 0; n < N; ++n, x += C, y += C) {
    const float m = mean[n] = row_sum(x, C) / float(C);
    const float r = rstd[n] = 1 / sqrtf(row_square_sum(x, m, C) / float(C) + eps);
    for (int64_t c = 0; c < C; c += kLanes) {
      const int64_t left = C - c;
      Vec v = (load_n(x + c, left) - m) * r * load_n(w + c, left);
      if (b) v += load_n(b + c, left);
      store_n(y + c, v, left);
    }
  }
}

template <class T>
void rms_norm_forward(T* y, float* rstd, const T* x, const float* w, int64_t N, int64_t C,
                      float eps) {
  for (int64_t n = 0; n < N; ++n, x += C, y += C) {
    const float r = rstd[n] = 1 / sqrtf(row_square_sum(x, 0.f, C) / float(C) + eps);
    for (int64_t c = 0; c < C; c += kLanes)
      store_n(y + c, load_n(x + c, C - c) * r * load_n(w + c, C - c), C - c);
  }
}

template <class T>
void norm_backward_input(T* dx, const T* dy, const T* x, const float* w, const float* mean,
                         const float* rstd, int64_t N, int64_t C) {
  for (int64_t n = 0; n < N; ++n, dx += C, dy += C, x += C) {
    const float m = mean ? mean[n] : 0.f, r = rstd[n];
    Vec sum_g = {}, sum_gx = {};
    for (int64_t c = 0; c < C; c += kLanes) {  // the padding of g is zero
      const Vec g = load_n(dy + c, C - c) * load_n(w + c, C - c);
      sum_g += g;
      sum_gx += g * ((load_n(x + c, C - c) - m) * r);
    }
    const float mean_g = mean ? reduce_sum(sum_g) / float(C) : 0.f,
                mean_gx = reduce_sum(sum_gx) / float(C);
    for (int64_t c = 0; c < C; c += kLanes) {
      const int64_t left = C - c;
      const Vec g = load_n(dy + c, left) * load_n(w + c, left);
      const Vec xhat = (load_n(x + c, left) - m) * r;
      store_n(dx + c, load_n(dx + c, left) + (g - mean_g - xhat * mean_gx) * r, left);
    }
  }
}

// kStrip vectors of columns at once keep the accumulators in registers while the rows stream by.
template <class T, int kStrip>
GPTE_INLINE void weight_strip(float* dw, float* db, const T* dy, const T* x, const float* mean,
                              const float* rstd, int64_t N, int64_t C, int64_t left) {
  Vec sum_w[kStrip] = {}, sum_b[kStrip] = {};
  for (int64_t n = 0; n < N; ++n, dy += C, x += C) {
    const float m = mean ? mean[n] : 0.f, r = rstd[n];
    for (int i = 0; i < kStrip; ++i) {
      const int64_t c = i * kLanes;
      const Vec g = load_n(dy + c, left - c);
      sum_b[i] += g;
      sum_w[i] += g * ((load_n(x + c, left - c) - m) * r);
    }
  }
  for (int i = 0; i < kStrip; ++i) {
    const int64_t c = i * kLanes;
    store_n(dw + c, load_n(dw + c, left - c) + sum_w[i], left - c);
    if (db) store_n(db + c, load_n(db + c, left - c) + sum_b[i], left - c);
  }
}

template <class T>
void norm_backward_weight(float* dw, float* db, const T* dy, const T* x, const float* mean,
                          const float* rstd, int64_t N, int64_t C, int64_t begin, int64_t end) {
  constexpr int kStrip = 4;
  int64_t c = begin;
  for (; c + kStrip * kLanes <= end; c += kStrip * kLanes)
    weight_strip<T, kStrip>(dw + c, db ? db + c : db, dy + c, x + c, mean, rstd, N, C,
                            kStrip * kLanes);
  for (; c < end; c += kLanes)
    weight_strip<T, 1>(dw + c, db ? db + c : db, dy + c, x + c, mean, rstd, N, C, end - c);
}

}  // namespace

extern const NormKernels<float> norm_f32 = {layer_norm_forward<float>, rms_norm_forward<float>,
                                            norm_backward_input<float>,
                                            norm_backward_weight<float>};
extern const NormKernels<bf16> norm_bf16 = {layer_norm_forward<bf16>, rms_norm_forward<bf16>,
                                            norm_backward_input<bf16>, norm_backward_weight<bf16>};

}  // namespace GPTE_ISA_NAMESPACE
}  // namespace gpte
