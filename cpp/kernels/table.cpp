// Compiled once per instruction set: gathers its kernels into the one table that the engine reads.
#include "kernels/kernels.h"
#include "kernels/vec.h"

namespace gpte {
namespace GPTE_ISA_NAMESPACE {

extern const ActivationKernels<float> activation_f32;
extern const ActivationKernels<bf16> activation_bf16;
extern const AttentionKernels<float> attention_f32;
extern const AttentionKernels<bf16> attention_bf16;
extern const CacheKernels<float> cache_f32;
extern const CacheKernels<bf16> cache_bf16;
extern const ElementwiseKernels<float> elementwise_f32;
extern const ElementwiseKernels<bf16> elementwise_bf16;
extern const EmbeddingKernels<float> embedding_f32;
extern const EmbeddingKernels<bf16> embedding_bf16;
extern const GemmKernels<float> gemm_f32;
extern const GemmKernels<bf16> gemm_bf16;
extern const LogprobKernels<float> logprob_f32;
extern const LogprobKernels<bf16> logprob_bf16;
extern const MinHashKernels minhash;
extern const NormKernels<float> norm_f32;
extern const NormKernels<bf16> norm_bf16;
extern const OptimizerKernels optimizer;
extern const ProbeKernels probe;
extern const QkNormKernels<float> qk_norm_f32;
extern const QkNormKernels<bf16> qk_norm_bf16;
extern const QuantizedKernels<float> quantized_f32;
extern const QuantizedKernels<bf16> quantized_bf16;
extern const RopeKernels<float> rope_f32;
extern const RopeKernels<bf16> rope_bf16;
extern const SamplingKernels sampling;
extern const TextKernels text;
extern const ValueHeadKernels<float> value_head_f32;
extern const ValueHeadKernels<bf16> value_head_bf16;

extern const Kernels table;
const Kernels table = {
    {&activation_f32, &activation_bf16},
    {&attention_f32, &attention_bf16},
    {&cache_f32, &cache_bf16},
    {&elementwise_f32, &elementwise_bf16},
    {&embedding_f32, &embedding_bf16},
    {&gemm_f32, &gemm_bf16},
    {&logprob_f32, &logprob_bf16},
    &minhash,
    {&norm_f32, &norm_bf16},
    &optimizer,
    &probe,
    {&qk_norm_f32, &qk_norm_bf16},
    {&quantized_f32, &quantized_bf16},
    {&rope_f32, &rope_bf16},
    &sampling,
    &text,
    {&value_head_f32, &value_head_bf16},
};

}  // namespace GPTE_ISA_NAMESPACE
}  // namespace gpte
