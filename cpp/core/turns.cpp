#include "core/turns.h"

#include <pthread.h>

#include "core/check.h"

namespace gpte {
namespace {

std::atomic<uint64_t> epoch{0};

const int fork_handler = pthread_atfork(nullptr, nullptr, [] { ++epoch; });

}  // namespace

uint64_t fork_epoch() {
  return epoch;
}

// A parent's lock may be held for ever: like the one that `current` replaces it is left alone.
Turns::~Turns() {
  Lock* lock = lock_;
  if (lock->epoch == fork_epoch()) delete lock;
}

Turns::Lock& Turns::current(const char* what) {
  Lock* lock = lock_;
  if (lock->epoch != fork_epoch()) {
    Lock* fresh = new Lock(fork_epoch(), lock->cut || lock->busy);
    if (lock_.compare_exchange_strong(lock, fresh))
      lock = fresh;
    else
      delete fresh;  // another thread of the child was first
  }
  check(!lock->cut, what, ": the process was forked in the middle of another thread's call, which ",
        "left it half written here; make it anew in this process");
  return *lock;
}

}  // namespace gpte
