#include "core/cpu.h"
#include "kernels/kernels.h"

namespace gpte {

namespace isa_base {
extern const Kernels table;
}
#if defined(GPTE_X86_ISAS)
namespace isa_avx2 {
extern const Kernels table;
}
namespace isa_avx512 {
extern const Kernels table;
}
namespace isa_avx512bf16 {
extern const Kernels table;
}
#endif

const Kernels& kernels() {
  static const Kernels& chosen = []() -> const Kernels& {
    switch (chosen_isa()) {
#if defined(GPTE_X86_ISAS)
      case Isa::avx512bf16:
        return isa_avx512bf16::table;
      case Isa::avx512:
        return isa_avx512::table;
      case Isa::avx2:
        return isa_avx2::table;
#endif
      default:
        return isa_base::table;
    }
  }();
  return chosen;
}

}  // namespace gpte
