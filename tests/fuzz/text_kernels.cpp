// Stands in for cpp/kernels/select.cpp: a table with the kernels of texts alone, which spares the
// fuzz build all the others.
#include "fuzz/text_kernels.h"

#include "kernels/kernels.h"

namespace gpte {

namespace isa_base {
extern const TextKernels text;
extern const MinHashKernels minhash;
}  // namespace isa_base
#if defined(GPTE_X86_ISAS)
namespace isa_avx2 {
extern const TextKernels text;
extern const MinHashKernels minhash;
}  // namespace isa_avx2
namespace isa_avx512 {
extern const TextKernels text;
extern const MinHashKernels minhash;
}  // namespace isa_avx512
namespace isa_avx512bf16 {
extern const TextKernels text;
extern const MinHashKernels minhash;
}  // namespace isa_avx512bf16
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

const MinHashKernels& minhash_kernels(Isa isa) {
  switch (isa) {
#if defined(GPTE_X86_ISAS)
    case Isa::avx512bf16:
      return isa_avx512bf16::minhash;
    case Isa::avx512:
      return isa_avx512::minhash;
    case Isa::avx2:
      return isa_avx2::minhash;
#endif
    default:
      return isa_base::minhash;
  }
}

const Kernels& kernels() {
  static const Kernels table = [] {
    Kernels t{};
    t.text = &text_kernels(chosen_isa());
    t.minhash = &minhash_kernels(chosen_isa());
    return t;
  }();
  return table;
}

}  // namespace gpte
