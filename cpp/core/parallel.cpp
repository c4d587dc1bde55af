#include "core/parallel.h"

#include <pthread.h>
#ifdef __linux__
#include <sched.h>
#endif

#include <algorithm>
#include <atomic>
#include <cmath>
#include <condition_variable>
#include <cstdlib>
#include <exception>
#include <fstream>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "core/check.h"

namespace gpte {
namespace {

inline void pause_cpu() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

constexpr int kSpins = 4000;  // about 50 microseconds before a worker sleeps

constexpr int kMostThreads = 1024;

thread_local bool inside_chunk = false;

// Quota over period of one cgroup (v2, else v1); 0 where it sets no limit or is not mounted here.
double quota_of(const std::string& folder) {
  double quota = 0, period = 0;
  std::string word;
  std::ifstream v2(folder + "/cpu.max"), v1(folder + "/cpu.cfs_quota_us"),
      v1_period(folder + "/cpu.cfs_period_us");
  if (v2 >> word >> period)
    quota = word == "max" ? 0 : std::atof(word.c_str());
  else if (!(v1 >> quota && v1_period >> period))
    return 0;
  return quota > 0 && period > 0 ? quota / period : 0;
}

class Pool {
 public:
  explicit Pool(int size) : size_(size) {
    workers_.reserve(size_t(size - 1));
    try {
      for (int i = 1; i < size; ++i) workers_.emplace_back([this] { work(); });
    } catch (const std::exception& error) {
      stop();
      fail("threads: only ", workers_.size() + 1, " of ", size, " could be had (", error.what(),
           "); ask for fewer with set_threads or GPTE_THREADS");
    }
  }
  ~Pool() { stop(); }
  int size() const { return size_; }

  void run(int64_t chunks, void (*task)(void*, int64_t), void* arg) {
    // Workers of the last call may still be looking for a chunk: the counters are theirs until all
    // left.
    task_ = task;
    arg_ = arg;
    chunks_ = chunks;
    next_.store(0, std::memory_order_relaxed);
    busy_.store(size_ - 1, std::memory_order_relaxed);
    epoch_.fetch_add(1, std::memory_order_seq_cst);
    if (sleeping_.load(std::memory_order_seq_cst)) {
      std::lock_guard<std::mutex> lock(mutex_);
      wake_.notify_all();
    }
    claim_chunks();
    for (int spins = 0; busy_.load(std::memory_order_acquire);)
      if (++spins < kSpins)
        pause_cpu();
      else
        std::this_thread::yield();
    if (error_) std::rethrow_exception(std::exchange(error_, nullptr));
  }

 private:
  void stop() {
    {
      std::lock_guard<std::mutex> lock(mutex_);
      stop_ = true;
    }
    wake_.notify_all();
    for (auto& worker : workers_) worker.join();
  }
  // An exception must not leave the caller's frame while workers still run its chunks: it waits for
  // run(), and no further chunk is begun.
  void claim_chunks() noexcept {
    inside_chunk = true;
    try {
      for (int64_t i; (i = next_.fetch_add(1, std::memory_order_relaxed)) < chunks_;)
        task_(arg_, i);
    } catch (...) {
      next_.store(chunks_, std::memory_order_relaxed);
      std::lock_guard<std::mutex> lock(mutex_);
      if (!error_) error_ = std::current_exception();
    }
    inside_chunk = false;
  }
  void work() {
    uint64_t seen = 0;
    for (;;) {
      for (int spins = 0; epoch_.load(std::memory_order_acquire) == seen && !stop_;) {
        if (++spins < kSpins) {
          pause_cpu();
          continue;
        }
        std::unique_lock<std::mutex> lock(mutex_);
        sleeping_.fetch_add(1, std::memory_order_seq_cst);
        wake_.wait(lock, [&] { return epoch_.load(std::memory_order_seq_cst) != seen || stop_; });
        sleeping_.fetch_sub(1, std::memory_order_seq_cst);
      }
      if (stop_) return;
      ++seen;  // run() waits for every worker, so no epoch is ever skipped
      claim_chunks();
      busy_.fetch_sub(1, std::memory_order_release);
    }
  }

  const int size_;
  std::vector<std::thread> workers_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::atomic<bool> stop_{false};
  std::atomic<uint64_t> epoch_{0};
  std::atomic<int> sleeping_{0};
  std::atomic<int> busy_{0};
  std::atomic<int64_t> next_{0};
  int64_t chunks_ = 0;
  void (*task_)(void*, int64_t) = nullptr;
  void* arg_ = nullptr;
  std::exception_ptr error_;  // the first of a run, read when every worker left
};

struct State {
  std::mutex mutex;  // one parallel region at a time; a second caller waits
  std::unique_ptr<Pool> pool;
  std::atomic<int> wanted{0};
};

// Never destroyed: Python threads may still run while the process ends.
State* state = new State;

// After fork only the calling thread exists in the child: forget the parent's workers (leaking
// their handles; joining them would hang) and start anew at the next call.
void reset_after_fork() {
  const int wanted = state->wanted;
  state = new State;
  state->wanted = wanted;
}
const int fork_handler = pthread_atfork(nullptr, nullptr, reset_after_fork);

int default_threads() {
  if (const char* text = std::getenv("GPTE_THREADS")) {
    char* end = nullptr;
    const long n = std::strtol(text, &end, 10);
    check(end != text && !*end && n >= 1 && n <= kMostThreads, "GPTE_THREADS: \"", text,
          "\" must be a number from 1 to ", kMostThreads);
    return int(n);
  }
  return available_threads();
}

}  // namespace

double cgroup_cpus(const std::string& membership, const std::string& mount) {
  double least = 0;
  std::ifstream lines(membership);
  for (std::string line; std::getline(lines, line);) {  // "0::/a/b" or "3:cpu,cpuacct:/a/b"
    const size_t first = line.find(':'), second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) continue;
    const std::string controllers = "," + line.substr(first + 1, second - first - 1) + ",";
    const bool v2 = controllers == ",,";
    if (!v2 && controllers.find(",cpu,") == std::string::npos) continue;
    // A limit of any parent holds too. In a container the path may be the host's and not be found:
    // the mount itself then is the container's cgroup.
    std::string path = line.substr(second + 1);
    for (;;) {
      while (!path.empty() && path.back() == '/') path.pop_back();
      const double cpus = quota_of(mount + (v2 ? "" : "/cpu") + path);
      if (cpus > 0 && (least == 0 || cpus < least)) least = cpus;
      if (path.empty()) break;
      path.erase(path.rfind('/') == std::string::npos ? 0 : path.rfind('/'));
    }
  }
  return least;
}

int available_threads() {
  int n = int(std::thread::hardware_concurrency());
#ifdef __linux__
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof(set), &set) == 0) n = CPU_COUNT(&set);
#endif
  const double quota = cgroup_cpus();
  return std::max(1, quota > 0 ? std::min(n, int(std::ceil(quota))) : n);
}

int num_threads() {
  if (!state->wanted) state->wanted = default_threads();
  return state->wanted;
}

void set_num_threads(int n) {
  check(n >= 1 && n <= kMostThreads, "set_num_threads: ", n, " must be from 1 to ", kMostThreads);
  state->wanted = n;
}

namespace detail {
void run_chunks(int64_t chunks, void (*task)(void*, int64_t), void* arg) {
  if (inside_chunk || chunks <= 1 || num_threads() == 1) {
    for (int64_t i = 0; i < chunks; ++i) task(arg, i);
    return;
  }
  std::lock_guard<std::mutex> lock(state->mutex);
  if (!state->pool || state->pool->size() != num_threads()) {
    state->pool.reset();  // first: old and new threads together may be more than can be had
    state->pool = std::make_unique<Pool>(num_threads());
  }
  state->pool->run(chunks, task, arg);
}
}  // namespace detail

}  // namespace gpte
