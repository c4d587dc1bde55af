#include "core/memory.h"

#include <sys/mman.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <new>

namespace gpte {
namespace {
std::atomic<int64_t> allocations{0};
std::atomic<int64_t> live_bytes{0};

class OutOfMemory : public std::bad_alloc {
 public:
  explicit OutOfMemory(int64_t bytes) {
    std::snprintf(text_, sizeof(text_), "cannot allocate %lld bytes",
                  static_cast<long long>(bytes));
  }
  const char* what() const noexcept override { return text_; }

 private:
  char text_[48];
};
}  // namespace

std::shared_ptr<void> allocate(int64_t bytes) {
  const bool huge = bytes >= kHugePage;
  const int64_t size = round_up(bytes > 0 ? bytes : 1, huge ? kHugePage : kAlignment);
  void* p = nullptr;
  if (huge) {
    // Anonymous pages arrive zeroed on first touch: a large arena costs nothing before it is used.
    // Over-map by one huge page, then trim, because mmap aligns to 4 KiB only.
    void* raw = mmap(nullptr, size_t(size + kHugePage), PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (raw == MAP_FAILED) throw OutOfMemory(size);
    const uintptr_t start = reinterpret_cast<uintptr_t>(raw);
    const uintptr_t aligned = uintptr_t(round_up(int64_t(start), kHugePage));
    if (aligned > start) munmap(raw, aligned - start);
    const uintptr_t end = start + size_t(size + kHugePage);
    if (end > aligned + size_t(size))
      munmap(reinterpret_cast<void*>(aligned + size_t(size)), end - aligned - size_t(size));
    p = reinterpret_cast<void*>(aligned);
#ifdef MADV_HUGEPAGE
    madvise(p, size_t(size), MADV_HUGEPAGE);
#endif
  } else {
    p = std::aligned_alloc(size_t(kAlignment), size_t(size));
    if (!p) throw OutOfMemory(size);
    std::memset(p, 0, size_t(size));
  }
  ++allocations;
  live_bytes += size;
  return std::shared_ptr<void>(p, [size, huge](void* q) {
    live_bytes -= size;
    if (huge)
      munmap(q, size_t(size));
    else
      std::free(q);
  });
}

int64_t allocation_count() {
  return allocations;
}
int64_t allocated_bytes() {
  return live_bytes;
}

}  // namespace gpte
