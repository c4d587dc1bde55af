// All threads read; what comes after the window is asked for meanwhile.
#include "text/file_window.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "core/check.h"
#include "core/parallel.h"

namespace gpte {
namespace {

constexpr int64_t kRange = int64_t(1) << 20;  // bytes that one thread reads at a time

int64_t size_of(int file, const std::string& name) {
  struct stat status;
  check(fstat(file, &status) == 0 && S_ISREG(status.st_mode), "tokenizer: ", name,
        " is not a regular file");
  return int64_t(status.st_size);
}

}  // namespace

FileWindow::FileWindow(int file, std::string name, int64_t most)
    : file_(file), name_(std::move(name)) {
  size_ = size_t(std::min(size_of(file, name_), most));
}

std::string_view FileWindow::read(size_t bytes) {
  const size_t kept = end_ - start_;
  const size_t more = std::min(bytes - std::min(bytes, kept), size_ - read_);
  if (more > 0) {
    if (kept > 0) std::memmove(memory_.data(), memory_.data() + start_, kept);
    start_ = 0;
    if (memory_.size() < kept + more) memory_.resize(kept + more);
    fill(memory_.data() + kept, more);
    end_ = kept + more;
    read_ += more;
#ifdef POSIX_FADV_WILLNEED
    posix_fadvise(file_, off_t(read_), off_t(more), POSIX_FADV_WILLNEED);
#endif
  }
  return {memory_.data() + start_, end_ - start_};
}

void FileWindow::fill(char* to, size_t bytes) {
  parallel_for(int64_t(bytes), kRange, [&](int64_t begin, int64_t end) {
    while (begin < end) {
      const ssize_t n = pread(file_, to + begin, size_t(end - begin), off_t(read_) + begin);
      if (n < 0 && errno == EINTR) continue;
      check(n >= 0, "tokenizer: reading ", name_, ": ", std::strerror(errno));
      check(n > 0, "tokenizer: ", name_, " had ", size_, " bytes to read and now has ",
            size_of(file_, name_), " in all: it was cut short meanwhile");
      begin += n;
    }
  });
}

}  // namespace gpte
