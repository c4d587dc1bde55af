// Owned buffers: 64-byte aligned, zeroed, in 2 MiB pages when large (+20-40 % streaming speed).
#pragma once

#include <cstdint>
#include <memory>

namespace gpte {

constexpr int64_t kAlignment = 64;
constexpr int64_t kHugePage = int64_t(2) << 20;

inline int64_t round_up(int64_t n, int64_t multiple) {
  return (n + multiple - 1) / multiple * multiple;
}

// Throws a std::bad_alloc (MemoryError in Python) that says how many bytes were asked for.
std::shared_ptr<void> allocate(int64_t bytes);

// How many buffers were allocated and how many bytes are alive in this process: the proof that a
// step allocates no tensor memory.
int64_t allocation_count();
int64_t allocated_bytes();

}  // namespace gpte
