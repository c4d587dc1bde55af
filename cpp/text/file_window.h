// Reads a file of text from its start to its end, through a window that lies in memory.
//
// Not mapped: a file that is cut short while it is mapped ends the process.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace gpte {

class FileWindow {
 public:
  // Of an open regular file, the first `most` bytes; what it grows by later is left out. The name
  // is for messages.
  FileWindow(int file, std::string name, int64_t most);

  // What is read and not yet dropped, at least so many bytes unless there are no more. Refuses a
  // file that has become shorter. The view holds until the next call.
  std::string_view read(size_t bytes);
  // Bytes at the start of the window that are not needed any more.
  void drop(size_t bytes) { start_ += bytes; }
  // Whether the window reaches the end.
  bool at_end() const { return read_ == size_; }

 private:
  void fill(char* to, size_t bytes);

  const int file_;
  const std::string name_;
  size_t size_ = 0, read_ = 0;  // of the file, and of it until now
  std::vector<char> memory_;
  size_t start_ = 0, end_ = 0;  // of the window in memory
};

}  // namespace gpte
