// Callers on several threads take turns, and a forked child never waits for a thread that it has
// not: where a turn was being taken at the fork, the child's turns fail, because that one was cut.
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>

namespace gpte {

// How many forks lie between this process and the first one.
uint64_t fork_epoch();

class Turns {
 public:
  Turns() : lock_(new Lock(fork_epoch(), false)) {}
  Turns(const Turns&) = delete;
  Turns& operator=(const Turns&) = delete;
  ~Turns();

  // Calls f when nobody else is inside; `what` names the thing in the error.
  template <class F>
  auto take(const char* what, const F& f) {
    Lock& lock = current(what);
    const std::lock_guard<std::mutex> guard(lock.mutex);
    const Busy busy(lock);
    return f();
  }

 private:
  struct Lock {
    uint64_t epoch;
    bool cut;  // a call that began before the fork
    std::mutex mutex;
    std::atomic<bool> busy{false};
    Lock(uint64_t e, bool c) : epoch(e), cut(c) {}
  };
  struct Busy {
    Lock& lock;
    explicit Busy(Lock& l) : lock(l) { lock.busy = true; }
    ~Busy() { lock.busy = false; }
  };
  // The lock of this process: a new one after a fork.
  Lock& current(const char* what);

  std::atomic<Lock*> lock_;
};

}  // namespace gpte
