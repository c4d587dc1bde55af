#include "core/cpu.h"

#include <cstdlib>
#include <fstream>
#if defined(GPTE_X86_ISAS)
#include <cpuid.h>
#endif

#include "core/check.h"

namespace gpte {

const char* name_of(Isa isa) {
  switch (isa) {
    case Isa::base:
      return "base";
    case Isa::avx2:
      return "avx2";
    case Isa::avx512:
      return "avx512";
    case Isa::avx512bf16:
      return "avx512bf16";
  }
  return "?";
}

#if defined(GPTE_X86_ISAS)
namespace {

// Older compilers' own question does not know it.
bool has_f16c() {
  unsigned a = 0, b = 0, c = 0, d = 0;
  return __get_cpuid(1, &a, &b, &c, &d) && (c & bit_F16C);
}

}  // namespace
#endif

std::vector<Isa> available_isas() {
  std::vector<Isa> isas{Isa::base};
#if defined(GPTE_X86_ISAS)
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
      __builtin_cpu_supports("bmi2") && has_f16c()) {
    isas.push_back(Isa::avx2);
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl")) {
      isas.push_back(Isa::avx512);
      if (__builtin_cpu_supports("avx512bf16") && __builtin_cpu_supports("avx512vnni"))
        isas.push_back(Isa::avx512bf16);
    }
  }
#endif
  return isas;
}

Isa chosen_isa() {
  static const Isa chosen = [] {
    const std::vector<Isa> isas = available_isas();
    const char* wanted = std::getenv("GPTE_ISA");
    if (!wanted || !*wanted) return isas.back();
    std::string names;
    for (Isa isa : isas) {
      if (std::string(wanted) == name_of(isa)) return isa;
      names += std::string(names.empty() ? "" : ", ") + name_of(isa);
    }
    fail("GPTE_ISA: \"", wanted, "\" is not among what this processor runs: ", names);
  }();
  return chosen;
}

std::string cpu_name() {
  std::ifstream info("/proc/cpuinfo");
  for (std::string line; std::getline(info, line);)
    if (line.rfind("model name", 0) == 0) {
      const size_t colon = line.find(": ");
      if (colon != std::string::npos) return line.substr(colon + 2);
    }
  return "unknown processor";
}

}  // namespace gpte
