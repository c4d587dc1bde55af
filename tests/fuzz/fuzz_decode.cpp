// Decoding: any ids give the joined bytes or the place of the bad one; a stream in any parts gives
// the text of the whole, and never holds more than three bytes, and a space of words.
#include <algorithm>

#include "fuzz/fuzz.h"
#include "fuzz/reference.h"
#include "text/stream_decoder.h"
#include "text/token_bytes.h"

using namespace gpte;

namespace {

void check_tokens(Input& in) {
  std::vector<std::string> tokens;
  for (size_t n = in.below(40); n > 0; --n) tokens.emplace_back(in.bytes(in.below(40)));
  const TokenBytes bytes(tokens);
  std::vector<uint32_t> ids;
  for (size_t n = in.byte(); n > 0; --n) {
    const uint32_t id = in.byte();
    ids.push_back(id < 250 && !tokens.empty() ? id % uint32_t(tokens.size()) : id << 24 | id);
  }
  std::string want;
  int64_t bad = -1, want_bad = -1;
  for (size_t i = 0; i < ids.size() && want_bad < 0; ++i) {
    if (ids[i] < tokens.size()) {
      want += tokens[ids[i]];
    } else {
      want_bad = int64_t(i);
    }
  }
  const int64_t size = bytes.size(ids.data(), int64_t(ids.size()), bad);
  require(bad == want_bad, "the bad id is at ", bad, ", not ", want_bad);
  require(size == int64_t(want.size()), size, " bytes, not ", want.size());
  if (bad >= 0) return;
  const Exact out(want.size());
  bytes.write(out.data(), size, ids.data(), int64_t(ids.size()));
  require(out.view() == want, "other bytes than the tokens'");
}

// The bytes that a decoder may hold back: those of a character that is not complete.
bool is_prefix_within_three(std::string_view text, std::string_view seen) {
  for (size_t held = 0; held <= std::min<size_t>(3, seen.size()); ++held) {
    if (reference::replace_invalid(seen.substr(0, seen.size() - held)) == text) return true;
  }
  return false;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  Input in(data, size);
  check_tokens(in);
  const size_t step = 1 + in.below(7);
  const uint8_t options = in.byte();
  const bool flush_between = options & 1, words = options & 2;
  const Exact exact(in.rest());
  const std::string_view bytes = exact.view();
  StreamDecoder decoder;
  std::string text, want, seen;  // since the last flush
  bool spaced = false;
  for (size_t at = 0; at < bytes.size();) {
    const std::string_view part = bytes.substr(at, 1 + (uint8_t(bytes[at]) + step) % 7);
    if (spaced) seen += ' ';
    spaced = words && uint8_t(part.front()) % 3 == 0;
    text += decoder.push(part, spaced);
    require(decoder.push("").empty(), "nothing gives text");
    seen += part;
    at += part.size();
    if (bytes.size() <= 512) {
      require(is_prefix_within_three(std::string_view(text).substr(want.size()), seen),
              "more than three bytes are held");
    }
    if (!flush_between || uint8_t(part.back()) % 16 != 0) continue;
    text += decoder.flush();
    want += reference::replace_invalid(seen);
    seen.clear();
    spaced = false;
    require(text == want, "the parts do not join to the whole");
  }
  text += decoder.flush();
  want += reference::replace_invalid(seen);
  require(text == want, "the parts do not join to the whole");
  require(decoder.flush().empty(), "a second flush gives text");
  return 0;
}
