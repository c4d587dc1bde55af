// Which instruction sets this processor has, and which one the kernels use.
#pragma once

#include <string>
#include <vector>

namespace gpte {

enum class Isa { base, avx2, avx512, avx512bf16 };

const char* name_of(Isa isa);
// From base to best; only those that are both compiled in and runnable here.
std::vector<Isa> available_isas();
// The best one, or what GPTE_ISA names. Throws when GPTE_ISA names one that cannot run here.
Isa chosen_isa();
// "AMD EPYC ..." where the system tells.
std::string cpu_name();

}  // namespace gpte
