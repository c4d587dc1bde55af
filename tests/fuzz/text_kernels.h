// The text kernels of every instruction set that runs here, for targets that compare them.
#pragma once

#include "core/cpu.h"
#include "kernels/minhash.h"
#include "kernels/text.h"

namespace gpte {

const TextKernels& text_kernels(Isa isa);
const MinHashKernels& minhash_kernels(Isa isa);

}  // namespace gpte
