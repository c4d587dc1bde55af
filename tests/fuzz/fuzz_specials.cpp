// Special tokens by policy: found as the definition finds them, refused with their place, let
// through by name, and never given by text that is taken as text.
#include <algorithm>

#include "core/check.h"
#include "fuzz/fuzz.h"
#include "fuzz/reference.h"
#include "fuzz/vocabulary.h"

using namespace gpte;

namespace {

using Specials = std::vector<SpecialTokens::Special>;

void check_find(const Specials& specials, std::string_view text) {
  const SpecialTokens tokens(specials);
  const std::function<void()> no_poll;
  Pulse pulse(no_poll);
  for (size_t start = 0; start <= text.size(); ++start) {
    SpecialTokens::Finder finder(tokens, text, start, pulse);
    const auto got = finder.next(start);
    const auto want = reference::find_special(specials, text, start);
    require(got.end == want.end && (got.end == 0 || (got.start == want.start && got.id == want.id)),
            "from ", start, " found ", got.start, "..", got.end, ", not ", want.start, "..",
            want.end);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  Input in(data, size);
  Specials specials;
  for (size_t n = in.below(12); n > 0; --n) {
    const std::string_view part = in.bytes(in.below(12));
    std::string name;
    for (size_t times = 1 + in.below(128); times > 0; --times) name += part;
    const auto same = [&](const auto& s) { return s.name == name; };
    if (name.empty() || std::any_of(specials.begin(), specials.end(), same)) continue;
    specials.push_back({name, uint32_t(256 + specials.size())});
  }
  const auto allow = in.word();
  const Splitter& splitter = *find_splitter(split_name(in.byte()));
  const Exact exact(in.rest());
  const std::string_view text = exact.view();
  if (text.size() <= 512) check_find(specials, text);

  std::vector<std::string> tokens;
  for (int b = 0; b < 256; ++b) tokens.emplace_back(1, char(b));
  std::vector<uint32_t> ids;
  for (const auto& special : specials) {
    tokens.push_back(special.name);
    ids.push_back(special.id);
  }
  const Bpe bpe(tokens, {}, ids, splitter);

  Bpe::Options options;
  TokenBuffer got;
  std::vector<int64_t> offsets;
  options.as_text = true;
  bpe.encode(got, offsets, {text, text}, options, true);
  require(got.size() == 2 * int64_t(text.size()), "text as text gave ", got.size(), " ids");
  for (int64_t i = 0; i < got.size(); ++i) require(got.data()[i] < 256, "text gave a special id");

  options.as_text = false;
  for (size_t i = 0; i < ids.size(); ++i) {
    if (allow >> i & 1) options.allowed.push_back(ids[i]);
  }
  std::vector<uint32_t> want;
  SpecialTokens::Match refused{0, 0, 0};
  for (size_t at = 0; at < text.size();) {
    const auto match = reference::find_special(specials, text, at);
    const size_t stop = match.end ? match.start : text.size();
    for (; at < stop; ++at) want.push_back(uint8_t(text[at]));
    if (!match.end) break;
    if (!(allow >> (match.id - 256) & 1)) {
      refused = match;
      break;
    }
    want.push_back(match.id);
    at = match.end;
  }
  got.clear();
  const Bpe::Refusal refusal = bpe.encode(got, offsets, {"", text}, options, false);
  require(refusal.match.end == refused.end, "refused up to ", refusal.match.end, ", not ",
          refused.end);
  int64_t count = -1;
  require(bpe.count(count, text, options).match.end == refused.end, "counting refuses otherwise");
  if (refused.end) {
    require(
        refusal.text == 1 && refusal.match.start == refused.start && refusal.match.id == refused.id,
        "refused ", refusal.match.id, " at ", refusal.match.start, " of text ", refusal.text);
    return 0;
  }
  const std::vector<uint32_t> list(got.data(), got.end());
  require(list == want, listed(list), ", not ", listed(want));
  require(count == int64_t(want.size()), "counted ", count, " of ", want.size());
  return 0;
}
