#include "core/scratch.h"

#include <memory>

#include "core/memory.h"

namespace gpte {

void* scratch(Scratch use, int64_t bytes) {
  struct Buffer {
    std::shared_ptr<void> data;
    int64_t bytes = 0;
  };
  thread_local Buffer buffers[int(Scratch::count)];
  Buffer& buffer = buffers[int(use)];
  if (buffer.bytes < bytes) {
    buffer = {};  // first, so that the peak is not the sum of old and new
    buffer.data = allocate(bytes);
    buffer.bytes = bytes;
  }
  return buffer.data.get();
}

}  // namespace gpte
