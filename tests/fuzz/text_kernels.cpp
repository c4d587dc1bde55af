// Stands in for cpp/kernels/select.cpp: a table with the text kernels alone, which spares the fuzz
// build all the others.
#include "fuzz/text_kernels.h"

#include "kernels/kernels.h"

namespace gpte {

namespace isa_base {
extern const TextKernels text;
}
#if defined(GPTE_X86_ISAS)
namespace isa_avx2 {
extern const TextKernels text;
}
namespace isa_avx512 {
extern const TextKernels text;
}
namespace isa_avx512bf16 {
extern const TextKernels text;
}
#endif

const TextKernels& text_kernels(Isa isa) {
  switch (isa) {
#if defined(GPTE_X86_ISAS)
    case Isa::avx512bf16:
      return isa_avx512bf16::text;
    case Isa::avx512:
      return isa_avx512::text;
    case Isa::avx2:
      return isa_avx2::text;
#endif
    default:
      return isa_base::text;
  }
}

const Kernels& kernels() {
  static const Kernels table = [] {
    Kernels t{};
    t.text = &text_kernels(chosen_isa());
    return t;
  }();
  return table;
}

}  // namespace gpte
