// Lets long work be stopped from outside: whoever does it counts its steps.
#pragma once

#include <cstdint>
#include <functional>

namespace gpte {

class Pulse {
 public:
  // The poll is called every few milliseconds of work and may throw to stop it; it may be none, and
  // must outlive this.
  explicit Pulse(const std::function<void()>& poll) : poll_(poll) {}

  // After so many steps, each about as much as a look at a byte.
  void beat(int64_t steps) {
    if (__builtin_expect((left_ -= steps) > 0, 1)) return;
    left_ = kSteps;
    if (poll_) poll_();
  }

 private:
  static constexpr int64_t kSteps = int64_t(1) << 16;

  const std::function<void()>& poll_;
  int64_t left_ = kSteps;
};

}  // namespace gpte
