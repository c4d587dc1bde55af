// What a token is, plus of which type it is, plus where it stands.
//   y[n,c] = wte[tokens[n],c] + wtt[types[n],c] + wpe[positions[n],c]
// y: (N, C)   tokens, positions, types: (N) i32   wte: (V, C)   wpe: (T, C), undefined when
// positions enter elsewhere; wtt: (K, C), undefined when tokens have no types. positions or types
// are then not read and may be undefined too
#pragma once

#include "core/dispatch.h"
#include "core/tensor.h"

namespace gpte {

GPTE_OP(embedding_forward, Tensor& y, const Tensor& tokens, const Tensor& positions,
        const Tensor& types, const Tensor& wte, const Tensor& wpe, const Tensor& wtt)

// dwte[v,c] += sum of dy[n,c] over tokens[n] = v, in the order of n; dwpe likewise by position,
// dwtt by type dwte: (V, C) f32   dwpe: (T, C) f32 or undefined   dwtt: (K, C) f32 or undefined
GPTE_OP(embedding_backward, Tensor& dwte, Tensor& dwpe, Tensor& dwtt, const Tensor& dy,
        const Tensor& tokens, const Tensor& positions, const Tensor& types)

}  // namespace gpte
