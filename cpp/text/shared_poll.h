// One poll for work that is spread over threads: the thread that asked for the work polls, also
// while it only waits for the others, and they hear of it when it is to stop.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>

#include "core/parallel.h"

namespace gpte {

class SharedPoll {
 public:
  // To be made by the thread that asked. The poll may be none.
  explicit SharedPoll(const std::function<void()>& poll) : poll_(poll) {}

  // Calls f(worker, poll) for each worker, on all threads. The poll is for its thread alone; what
  // it throws, or f, ends the work of all and is the caller's.
  template <class F>
  void run(int64_t workers, const F& f) {
    const std::function<void()> own = [this] { poll(); };
    parallel_chunks(workers, [&](int64_t worker) {
      const Working working(*this);
      try {
        f(worker, own);
        wait();
      } catch (const Stopped&) {  // by another worker, which says why
      } catch (...) {
        stopped_ = true;
        throw;
      }
    });
  }

 private:
  struct Stopped {};  // what poll() throws on the others

  // What every worker has while it works.
  class Working {
   public:
    explicit Working(SharedPoll& shared) : shared_(shared) { shared_.add(1); }
    ~Working() { shared_.add(-1); }
    Working(const Working&) = delete;
    Working& operator=(const Working&) = delete;

   private:
    SharedPoll& shared_;
  };

  void poll() const {
    if (stopped_) throw Stopped{};
    if (poll_ && std::this_thread::get_id() == caller_) poll_();
  }

  // By a worker that has nothing left to do.
  void wait() {
    if (!poll_ || std::this_thread::get_id() != caller_) return;
    std::unique_lock<std::mutex> lock(mutex_);
    while (!done_.wait_for(lock, std::chrono::milliseconds(50), [&] { return working_ <= 1; })) {
      lock.unlock();
      poll();
      lock.lock();
    }
  }

  void add(int workers) {
    const std::lock_guard<std::mutex> lock(mutex_);
    working_ += workers;
    if (working_ <= 1) done_.notify_all();
  }

  const std::function<void()>& poll_;
  const std::thread::id caller_ = std::this_thread::get_id();
  std::atomic<bool> stopped_{false};
  std::mutex mutex_;
  std::condition_variable done_;
  int working_ = 0;
};

}  // namespace gpte
