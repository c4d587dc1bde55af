// Splits by rules: any text is a row of rules or is refused, and the pieces tile the text, however
// many there is room for and wherever the text is cut; no text makes rules look ahead too often.
#include <stdexcept>
#include <vector>

#include "fuzz/fuzz.h"
#include "text/rule_split.h"

using namespace gpte;

namespace {

using Lengths = std::vector<uint32_t>;

Lengths split(const Splitter& splitter, std::string_view text, size_t room,
              Splitter::State* state) {
  Lengths parts;
  while (!text.empty()) {
    Lengths some(room);
    const int64_t pieces = splitter.split(text, some.data(), int64_t(room), state);
    require(pieces > 0, "text is left, and no piece");
    for (int64_t i = 0; i < pieces; ++i) {
      const uint32_t length = some[size_t(i)];
      require(length > 0 && length <= text.size(), "a piece of ", length, " of ", text.size());
      text.remove_prefix(length);
      parts.push_back(length);
    }
  }
  return parts;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  Input in(data, size);
  const size_t room = 1 + in.below(100), at = in.word();
  const Exact rules(in.bytes(in.byte()));
  const Exact exact(in.rest());
  const std::string_view text = exact.view();
  try {
    const RuleSplitter splitter(rules.view());
    const auto state = splitter.start();
    const Lengths parts = split(splitter, text, room, state.get());
    const Lengths one = split(splitter, text, text.size() + 1, nullptr);
    require(parts == one, "in parts ", listed(parts), ", not ", listed(one));
    const auto most = int64_t(3 * text.size() * (rules.view().size() + 1));
    require(RuleSplitter::far_looks(*state) <= most, "too many looks far ahead");

    const size_t cut = splitter.cut(text, at % (text.size() + 1));
    require(cut <= text.size(), "cut at ", cut, " of ", text.size());
    const Exact left(text.substr(0, cut)), right(text.substr(cut));
    Lengths both = split(splitter, left.view(), 256, nullptr);
    const Lengths after = split(splitter, right.view(), 256, nullptr);
    both.insert(both.end(), after.begin(), after.end());
    require(both == one, "cut at ", cut, ": ", listed(both), ", not ", listed(one));
  } catch (const std::invalid_argument&) {  // a ValueError in Python
  }
  return 0;
}
