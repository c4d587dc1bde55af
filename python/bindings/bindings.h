// What every binding file shares. Each file binds one room of the engine.
#pragma once

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/map.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/vector.h>
#include <unistd.h>

#include "core/tensor.h"

namespace gpte {

namespace nb = nanobind;
using nb::literals::operator""_a;

// Gives up the GIL for the length of a call. Until 3.14, Python unwinds a thread that asks for the
// GIL while the interpreter ends, and the frames above would answer that with std::terminate: the
// thread waits here for the end of the process instead.
class ReleasedGil {
 public:
  ReleasedGil() : state_(PyEval_SaveThread()) {}
  ReleasedGil(const ReleasedGil&) = delete;
  ReleasedGil& operator=(const ReleasedGil&) = delete;
  ~ReleasedGil() { take(); }

  // Calls f with the GIL in between; f may throw.
  template <class F>
  void hold(F&& f) {
    take();
    struct Again {
      ReleasedGil& released;
      ~Again() { released.state_ = PyEval_SaveThread(); }
    } again{*this};
    f();
  }

 private:
  void take() {
    try {
      PyEval_RestoreThread(state_);
    } catch (...) {
      for (;;) pause();
    }
  }

  PyThreadState* state_;
};
using no_gil = nb::call_guard<ReleasedGil>;

void bind_tensor(nb::module_& m);
void bind_system(nb::module_& m);
void bind_ops(nb::module_& m);
void bind_model(nb::module_& m);
void bind_decode(nb::module_& m);
void bind_text(nb::module_& m);
void bind_text_curate(nb::module_& m);
void bind_text_split(nb::module_& m);
void bind_text_train(nb::module_& m);

}  // namespace gpte
