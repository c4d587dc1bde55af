// What every binding file shares. Each file binds one room of the engine.
#pragma once

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/map.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/vector.h>

#include "core/tensor.h"

namespace gpte {

namespace nb = nanobind;
using nb::literals::operator""_a;
using no_gil = nb::call_guard<nb::gil_scoped_release>;

void bind_tensor(nb::module_& m);
void bind_system(nb::module_& m);
void bind_ops(nb::module_& m);
void bind_model(nb::module_& m);
void bind_decode(nb::module_& m);
void bind_text(nb::module_& m);

}  // namespace gpte
