// Compiled once per instruction set: gathers its kernels into the one table that the engine reads.
#include "kernels/kernels.h"
#include "kernels/vec.h"

namespace gpte {
namespace GPTE_ISA_NAMESPACE {

extern const NormKernels<float> norm_f32;
extern const NormKernels<bf16> norm_bf16;

extern const Kernels table;
const Kernels table = {
    {&norm_f32, &norm_bf16},
};

}  // namespace GPTE_ISA_NAMESPACE
}  // namespace gpte
