// What the C++ benchmarks share: the processor time of a call.
#pragma once

#include <time.h>

#include <algorithm>

namespace bench {

inline double thread_seconds() {
  timespec t;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return double(t.tv_sec) + 1e-9 * double(t.tv_nsec);
}

// The best of many calls within about `budget` seconds, in processor time of this thread.
template <class F>
double best_seconds(const F& f, double budget) {
  double best = 1e30;
  for (double total = 0; total < budget;) {
    const double start = thread_seconds();
    f();
    const double seconds = thread_seconds() - start;
    best = std::min(best, seconds);
    total += std::max(seconds, 1e-7);
  }
  return best;
}

}  // namespace bench
