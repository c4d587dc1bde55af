// What the targets share: how an input is read, and how a finding is reported.
//
// An input is a few bytes that choose options, and then text: so the seeds are files that people
// can read and write.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <string_view>

namespace gpte {

class Input {
 public:
  Input(const uint8_t* data, size_t size) : rest_(reinterpret_cast<const char*>(data), size) {}

  // The next byte; 0 where there is none.
  uint8_t byte() {
    if (rest_.empty()) return 0;
    const auto value = uint8_t(rest_[0]);
    rest_.remove_prefix(1);
    return value;
  }
  // A number below n <= 256.
  size_t below(size_t n) { return byte() % n; }
  bool flag() { return byte() & 1; }
  uint32_t word() {
    uint32_t value = 0;
    for (int i = 0; i < 4; ++i) value = value << 8 | byte();
    return value;
  }
  // At most so many bytes.
  std::string_view bytes(size_t most) {
    const std::string_view part = rest_.substr(0, most);
    rest_.remove_prefix(part.size());
    return part;
  }
  std::string_view rest() { return bytes(rest_.size()); }
  bool empty() const { return rest_.empty(); }

 private:
  std::string_view rest_;
};

// Memory of exactly so many bytes: AddressSanitizer sees one more that is read or written.
class Exact {
 public:
  explicit Exact(std::string_view text) : Exact(text.size()) {
    std::copy(text.begin(), text.end(), bytes_.get());
  }
  explicit Exact(size_t size) : size_(size), bytes_(new char[size]) {}
  uint8_t* data() const { return reinterpret_cast<uint8_t*>(bytes_.get()); }
  std::string_view view() const { return {bytes_.get(), size_}; }

 private:
  size_t size_;
  std::unique_ptr<char[]> bytes_;
};

// Ends the process, which libFuzzer reports with the input, when a promise does not hold.
template <class... Parts>
void require(bool condition, const Parts&... parts) {
  if (condition) return;
  std::cerr << "broken promise: ";
  (std::cerr << ... << parts) << std::endl;
  std::abort();
}

// "[1 2 3]" in a message, made only when it is needed.
template <class List>
struct Listed {
  const List& list;
  friend std::ostream& operator<<(std::ostream& out, const Listed& listed) {
    out << "[";
    for (const auto& item : listed.list) out << (&item == listed.list.data() ? "" : " ") << item;
    return out << "]";
  }
};
template <class List>
Listed<List> listed(const List& list) {
  return {list};
}

}  // namespace gpte
