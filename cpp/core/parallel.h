// The engine's own thread pool: a bounded spin, then a sleep; chunks are claimed one by one, so a
// loaded core only slows its own chunk. Results never depend on the number of threads, because a
// chunk's work never does.
#pragma once

#include <cstdint>
#include <string>

namespace gpte {

// Threads used by the next call. The default is what affinity and the cgroup's CPU quota allow, or
// GPTE_THREADS.
int num_threads();
void set_num_threads(int n);
// What the machine grants this process.
int available_threads();
// How many processors' time the cgroup of this process and its parents grant; 0 for no limit.
double cgroup_cpus(const std::string& membership = "/proc/self/cgroup",
                   const std::string& mount = "/sys/fs/cgroup");

namespace detail {
void run_chunks(int64_t chunks, void (*task)(void*, int64_t), void* arg);
}

// Calls f(chunk) for chunk = 0 .. chunks-1, each once, on any thread, and returns when all are
// done. Called from inside a chunk it runs serially. An exception in f (no memory for scratch) is
// the caller's when every running chunk is done; the chunks not yet begun are left out.
template <class F>
void parallel_chunks(int64_t chunks, const F& f) {
  detail::run_chunks(
      chunks, [](void* arg, int64_t chunk) { (*static_cast<const F*>(arg))(chunk); },
      const_cast<void*>(static_cast<const void*>(&f)));
}

// Calls f(begin, end) over [0, n) in pieces of `grain` items.
template <class F>
void parallel_for(int64_t n, int64_t grain, const F& f) {
  if (n <= 0) return;
  const int64_t size = grain > 0 ? grain : 1;
  parallel_chunks((n + size - 1) / size, [&](int64_t chunk) {
    const int64_t begin = chunk * size;
    f(begin, begin + size < n ? begin + size : n);
  });
}

// Items a piece, at most `grain`, where every thread is to get as many pieces if one is not enough.
inline int64_t even_grain(int64_t n, int64_t grain) {
  if (n <= grain) return grain;
  const int64_t threads = num_threads(), rounds = (n + grain * threads - 1) / (grain * threads);
  return (n + rounds * threads - 1) / (rounds * threads);
}

}  // namespace gpte
