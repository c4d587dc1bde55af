// Where tokens stand, and the fixed tables that say it to the model.
#pragma once

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

// Angles of rotary positions (Su et al. 2021), computed in float64.
//   cos[t,i] = cos(t theta^(-i/I))      sin[t,i] = sin(t theta^(-i/I))
// cos, sin: (T, I) f32 with I = D/2
GPTE_OP(rope_table, Tensor& cos, Tensor& sin, double theta)

}  // namespace gpte
