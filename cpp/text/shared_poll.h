// One poll for work that is spread over threads: the thread that asked for the work polls, also
// while it only waits for the others, and they hear of it when it is to stop.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>

namespace gpte {

class SharedPoll {
 public:
  struct Stopped {};  // what poll() throws on the others

  // To be made by the thread that asked. The poll may be none.
  explicit SharedPoll(const std::function<void()>& poll) : poll_(poll) {}

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
  void stop() { stopped_ = true; }

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

 private:
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
