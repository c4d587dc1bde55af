// What the C++ benchmarks share: the processor time of a call.
#pragma once

#include <time.h>

#include <algorithm>
#include <cstdint>

namespace bench {

inline double thread_seconds() {
  timespec t;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return double(t.tv_sec) + 1e-9 * double(t.tv_nsec);
}

// The best of many calls within about `budget` seconds, in processor time of this thread. A sample
// is as many calls as take a millisecond, because the clock is coarse.
template <class F>
double best_seconds(const F& f, double budget) {
  double best = 1e30;
  int64_t calls = 1;
  for (double total = 0; total < budget;) {
    const double start = thread_seconds();
    for (int64_t i = 0; i < calls; ++i) f();
    const double seconds = thread_seconds() - start;
    total += seconds;
    if (seconds < 1e-3)
      calls *= 2;
    else
      best = std::min(best, seconds / double(calls));
  }
  return best;
}

}  // namespace bench
