// Where tokens stand, and the fixed tables that say it to the model.
#pragma once

#include <vector>

#include "core/dispatch.h"
#include "core/tensor.h"

namespace gpte {

// positions[n] = n - segments[b] for n in [segments[b], segments[b+1])
// positions: (N) i32   segments: (B+1) i32, from 0 to N, never falling
GPTE_OP(segment_positions, Tensor& positions, const Tensor& segments)

// Sinusoidal positions (Vaswani et al. 2017), computed in float64.
//   table[t,2i] = sin(t / 10000^(2i/C))      table[t,2i+1] = cos(t / 10000^(2i/C))
// table: (T, C)
GPTE_OP(sinusoidal_table, Tensor& table)

// How rotary frequencies are stretched, so that a model reads further than the `context` that it
// was first trained on.
enum class Scaling { none, linear, llama3, yarn, dynamic, longrope };
struct RopeScaling {
  Scaling kind = Scaling::none;
  double factor = 1, context = 0, low = 1, high = 4;
  double attention = 1;          // longrope: what cos and sin are multiplied by
  std::vector<double> divisors;  // (I) longrope: of the frequencies
};

// Angles of rotary positions (Su et al. 2021), computed in float64.
//   cos[t,i] = m cos(t f[i])      sin[t,i] = m sin(t f[i])      g[i] = theta^(-i/I)
//   f[i] = g[i] ((1 - r[i]) / factor + r[i])
//   none:   r = 1, m = 1
//   linear: r = 0, m = 1
//   llama3: r = clamp((turns[i] - low) / (high - low), 0, 1), m = 1
//           with turns[i] = context g[i] / 2 pi, the turns of the pair over the first context
//   yarn (Peng et al. 2023): r = 1 - clamp((i - a) / (b - a), 0, 1), m = 1 + 0.1 ln(max(factor, 1))
//           with i(n) = I ln(context / 2 pi n) / ln(theta), the pair that makes n turns,
//           a = max(floor(i(high)), 0), b = min(ceil(i(low)), D - 1), and b = a + 0.001 if equal
//   dynamic: r = 1, m = 1: it stretches only texts longer than the model's context, which are none
//   longrope (Ding et al. 2024): f[i] = g[i] / divisors[i], m = attention
// cos, sin: (T, I) f32 with I = D/2
GPTE_OP(rope_table, Tensor& cos, Tensor& sin, double theta, const RopeScaling& scaling)

}  // namespace gpte
