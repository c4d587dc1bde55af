// Sorts more entries than fit into memory: sorted runs in one file without a name, then a merge.
//
// The file is unlinked as soon as it is open, so that nothing stays behind whatever happens.
#pragma once

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <queue>
#include <string>
#include <system_error>
#include <vector>

#include "core/check.h"

namespace gpte {

constexpr int64_t kLeastSortMemory = int64_t(1) << 20;

// Entry: plain data with operator<. Entries that are equal are one as good as the other.
template <class Entry>
class ExternalSort {
 public:
  // Holds at most `memory` bytes of entries; the folder is where the file would stand.
  ExternalSort(int64_t memory, const std::string& folder) : folder_(folder) {
    check(memory >= kLeastSortMemory, "sorting: memory_bytes ", memory, " is less than ",
          kLeastSortMemory);
    most_ = size_t(memory) / sizeof(Entry);
  }
  ExternalSort(const ExternalSort&) = delete;
  ExternalSort& operator=(const ExternalSort&) = delete;
  ~ExternalSort() {
    if (file_ >= 0) close(file_);
  }

  void add(const Entry& entry) {
    if (entries_.size() == most_) write_run();
    // Doubling would take half as much again at the moment that it copies.
    if (entries_.size() == entries_.capacity()) {
      entries_.reserve(std::min(most_, std::max<size_t>(1024, 2 * entries_.size())));
    }
    entries_.push_back(entry);
  }

  // After the last entry; then `next` gives them in order, until it returns false.
  void finish() {
    if (file_ < 0) {
      std::sort(entries_.begin(), entries_.end());
      return;
    }
    write_run();
    std::vector<Entry>().swap(entries_);
    const size_t room = std::max<size_t>(1, most_ / runs_.size());
    for (Run& run : runs_) {
      run.room = room;
      if (refill(run)) heads_.push(&run);
    }
  }

  bool next(Entry& entry) {
    if (file_ < 0) {
      if (at_ == entries_.size()) return false;
      entry = entries_[at_++];
      return true;
    }
    if (heads_.empty()) return false;
    Run* run = heads_.top();
    heads_.pop();
    entry = run->buffer[run->at++];
    if (run->at < run->buffer.size() || refill(*run)) heads_.push(run);
    return true;
  }

  // How many runs were written to the file.
  size_t runs() const { return runs_.size(); }

 private:
  struct Run {
    int64_t from, left;  // bytes of the file, entries that are still there
    std::vector<Entry> buffer;
    size_t at, room;
  };
  struct Later {
    bool operator()(const Run* a, const Run* b) const {
      return b->buffer[b->at] < a->buffer[a->at];
    }
  };

  void write_run() {
    if (file_ < 0) open_file();
    std::sort(entries_.begin(), entries_.end());
    runs_.push_back({size_, int64_t(entries_.size()), {}, 0, 0});
    const char* p = reinterpret_cast<const char*>(entries_.data());
    for (size_t left = entries_.size() * sizeof(Entry); left > 0;) {
      const ssize_t n = pwrite(file_, p, left, size_);
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) fail_with("writing to");
      p += n;
      left -= size_t(n);
      size_ += n;
    }
    entries_.clear();
  }

  bool refill(Run& run) {
    const size_t n = std::min(run.room, size_t(run.left));
    run.buffer.resize(n);
    run.at = 0;
    char* p = reinterpret_cast<char*>(run.buffer.data());
    for (size_t left = n * sizeof(Entry); left > 0;) {
      const ssize_t got = pread(file_, p, left, run.from);
      if (got < 0 && errno == EINTR) continue;
      if (got <= 0) fail_with("reading from");
      p += got;
      left -= size_t(got);
      run.from += got;
    }
    run.left -= int64_t(n);
    return n > 0;
  }

  void open_file() {
    std::string name = folder_ + "/.sort-XXXXXX";
    file_ = mkostemp(name.data(), O_CLOEXEC);
    if (file_ < 0) fail_with("making");
    unlink(name.c_str());
  }

  [[noreturn]] void fail_with(const char* doing) const {
    throw std::system_error(errno, std::generic_category(),
                            std::string("sorting: ") + doing + " a file in " + folder_);
  }

  const std::string folder_;
  size_t most_;
  std::vector<Entry> entries_;
  size_t at_ = 0;
  int file_ = -1;
  int64_t size_ = 0;
  std::vector<Run> runs_;
  std::priority_queue<Run*, std::vector<Run*>, Later> heads_;
};

}  // namespace gpte
