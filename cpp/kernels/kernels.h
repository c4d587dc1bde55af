// The kernels that one instruction set offers, and the choice among them at run time.
#pragma once

#include "core/bf16.h"
#include "kernels/activation.h"
#include "kernels/attention.h"
#include "kernels/cache_rows.h"
#include "kernels/elementwise.h"
#include "kernels/embedding.h"
#include "kernels/gemm.h"
#include "kernels/logprob.h"
#include "kernels/minhash.h"
#include "kernels/norm.h"
#include "kernels/optimizer.h"
#include "kernels/probe.h"
#include "kernels/qk_norm.h"
#include "kernels/quantized.h"
#include "kernels/rope.h"
#include "kernels/sampling.h"
#include "kernels/text.h"
#include "kernels/value_head.h"

namespace gpte {

// A family of kernels for both float types.
template <template <class> class Family>
struct BothTypes {
  const Family<float>* f32;
  const Family<bf16>* low;

  template <class T>
  const Family<T>& get() const {
    if constexpr (sizeof(T) == sizeof(float))
      return *f32;
    else
      return *low;
  }
};

// Pointers to constant data only: building a table runs no code, so that loading the library on an
// old processor cannot execute a new one's instructions.
struct Kernels {
  BothTypes<ActivationKernels> activation;
  BothTypes<AttentionKernels> attention;
  BothTypes<CacheKernels> cache;
  BothTypes<ElementwiseKernels> elementwise;
  BothTypes<EmbeddingKernels> embedding;
  BothTypes<GemmKernels> gemm;
  BothTypes<LogprobKernels> logprob;
  const MinHashKernels* minhash;
  BothTypes<NormKernels> norm;
  const OptimizerKernels* optimizer;
  const ProbeKernels* probe;
  BothTypes<QkNormKernels> qk_norm;
  BothTypes<QuantizedKernels> quantized;
  BothTypes<RopeKernels> rope;
  const SamplingKernels* sampling;
  const TextKernels* text;
  BothTypes<ValueHeadKernels> value_head;
};

// The table of the instruction set that core/cpu.h chose.
const Kernels& kernels();

}  // namespace gpte
