// From token ids back to bytes: concatenation, as fast as memory allows.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace gpte {

class TokenBytes {
 public:
  explicit TokenBytes(const std::vector<std::string>& tokens);

  // The number of bytes that the tokens are together. An id that is none ends the count: `bad` is
  // where it stands, else -1.
  int64_t size(const uint32_t* ids, int64_t count, int64_t& bad) const;
  uint32_t size_of(uint32_t id) const { return sizes_[id]; }
  std::string_view of(uint32_t id) const {
    return {reinterpret_cast<const char*>(arena_.data()) + starts_[id], sizes_[id]};
  }

  // Writes them to out, where at least size() bytes are free: those behind them may change. Returns
  // where they end. Every id must be one.
  uint8_t* write(uint8_t* out, int64_t free, const uint32_t* ids, int64_t count) const;

 private:
  static constexpr int64_t kBlock = 16;  // bytes that are copied at a time
  std::vector<uint32_t> sizes_, starts_;
  std::vector<uint8_t> arena_;
};

}  // namespace gpte
