// Work that takes long, without the GIL: it can be watched and stopped.
#pragma once

#include <chrono>
#include <functional>

#include "bindings/bindings.h"
#include "text/poll.h"

namespace gpte {

// Releases the GIL for the length of a call, but takes it several times a second to tell how far
// the work is, and to hear of Ctrl-C.
class Watched {
 public:
  // progress: a callable, or None.
  explicit Watched(const nb::object& progress = nb::none()) : progress_(progress) {}

  Poll poll() {
    return [this](const char* phase, int64_t done, int64_t total) {
      look([&] {
        if (!progress_.is_none()) progress_(phase, done, total);
      });
    };
  }
  // To hear of Ctrl-C only.
  std::function<void()> interrupt() {
    return [this] { look([] {}); };
  }

 private:
  template <class Tell>
  void look(const Tell& tell) {
    const auto now = std::chrono::steady_clock::now();
    if (now < next_) return;
    next_ = now + std::chrono::milliseconds(100);
    released_.hold([&] {
      if (PyErr_CheckSignals() != 0) throw nb::python_error();
      tell();
    });
  }

  const nb::object progress_;
  ReleasedGil released_;
  std::chrono::steady_clock::time_point next_{};
};

}  // namespace gpte
