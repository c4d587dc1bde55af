// Operators, one line each: a name, a function, its argument names, and no GIL.
#include "bindings/bindings.h"
#include "ops/layer_norm.h"
#include "ops/rms_norm.h"

namespace gpte {

void bind_ops(nb::module_& m) {
  m.def("layer_norm_forward", &layer_norm_forward, "y"_a, "mean"_a, "rstd"_a, "x"_a, "w"_a, "b"_a,
        "eps"_a, no_gil());
  m.def("layer_norm_backward", &layer_norm_backward, "dx"_a, "dw"_a, "db"_a, "dy"_a, "x"_a, "w"_a,
        "mean"_a, "rstd"_a, no_gil());
  m.def("rms_norm_forward", &rms_norm_forward, "y"_a, "rstd"_a, "x"_a, "w"_a, "eps"_a, no_gil());
  m.def("rms_norm_backward", &rms_norm_backward, "dx"_a, "dw"_a, "dy"_a, "x"_a, "w"_a, "rstd"_a,
        no_gil());
}

}  // namespace gpte
