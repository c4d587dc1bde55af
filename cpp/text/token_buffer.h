// A growing array of token ids whose memory is never cleared, so that it can be written once and
// handed on as it is.
#pragma once

#include <sys/mman.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <new>
#include <utility>

namespace gpte {

class TokenBuffer {
 public:
  TokenBuffer() = default;
  TokenBuffer(TokenBuffer&& other) noexcept { *this = std::move(other); }
  TokenBuffer& operator=(TokenBuffer&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    std::swap(capacity_, other.capacity_);
    return *this;
  }
  ~TokenBuffer() { std::free(data_); }

  uint32_t* data() const { return data_; }
  int64_t size() const { return size_; }
  uint32_t* end() const { return data_ + size_; }
  void clear() { size_ = 0; }
  void push_back(uint32_t id) {
    reserve(1);
    data_[size_++] = id;
  }

  // Room for that many more.
  bool has_room(int64_t more) const { return size_ + more <= capacity_; }
  void reserve(int64_t more) {
    if (!has_room(more)) resize(std::max(size_ + more, capacity_ + capacity_ / 2));
  }
  // Ids were written from end() to here.
  void end_at(const uint32_t* end) { size_ = end - data_; }

  // Hands the memory over, to be freed by std::free, without what was reserved in vain.
  uint32_t* release() {
    if (capacity_ - size_ > size_ / 8 + 16) resize(std::max<int64_t>(size_, 1));
    size_ = capacity_ = 0;
    return std::exchange(data_, nullptr);
  }

 private:
  void resize(int64_t capacity) {
    void* p = std::realloc(data_, size_t(capacity) * sizeof(uint32_t));
    if (!p) throw std::bad_alloc();
    data_ = static_cast<uint32_t*>(p);
#ifdef MADV_HUGEPAGE
    constexpr int64_t kHuge = int64_t(1) << 20;  // ids: two huge pages, of which one is aligned
    if (capacity > capacity_ && capacity >= kHuge) {
      const uintptr_t start = (uintptr_t(p) + 4095) & ~uintptr_t{4095};
      madvise(reinterpret_cast<void*>(start),
              (uintptr_t(data_ + capacity) - start) & ~uintptr_t{4095}, MADV_HUGEPAGE);
    }
#endif
    capacity_ = capacity;
  }

  uint32_t* data_ = nullptr;
  int64_t size_ = 0, capacity_ = 0;
};

}  // namespace gpte
