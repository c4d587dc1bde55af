// Emits whole characters and keeps a truncated one back.
#include "text/stream_decoder.h"

#include "text/unicode.h"

namespace gpte {
namespace {

constexpr char kReplacementUtf8[] = "\xEF\xBF\xBD";

}  // namespace

std::string StreamDecoder::push(std::string_view bytes, bool spaced) {
  if (bytes.empty()) return "";
  if (spaced_) pending_.push_back(' ');
  spaced_ = spaced;
  pending_.append(bytes);
  std::string out;
  out.reserve(pending_.size());
  const auto* p = reinterpret_cast<const uint8_t*>(pending_.data());
  const uint8_t* end = p + pending_.size();
  while (p < end) {
    const Char c = decode_utf8(p, end);
    if (c.state == Utf8::kTruncated) break;
    if (c.state == Utf8::kInvalid) {
      out.append(kReplacementUtf8);
    } else {
      out.append(reinterpret_cast<const char*>(p), size_t(c.length));
    }
    p += c.length;
  }
  pending_.erase(0, pending_.size() - size_t(end - p));
  return out;
}

std::string StreamDecoder::flush() {
  const bool truncated = !pending_.empty();
  pending_.clear();
  spaced_ = false;
  fresh = true;
  return truncated ? kReplacementUtf8 : "";
}

}  // namespace gpte
