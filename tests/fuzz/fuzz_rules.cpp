// Splits by rules: any text is a row of rules or is refused, and the pieces tile the text, however
// many there is room for.
#include <stdexcept>
#include <vector>

#include "fuzz/fuzz.h"
#include "text/rule_split.h"

using namespace gpte;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  Input in(data, size);
  const size_t room = 1 + in.below(100);
  const Exact rules(in.bytes(in.byte()));
  const Exact exact(in.rest());
  try {
    const RuleSplitter splitter(rules.view());
    std::vector<uint32_t> one(exact.view().size() + 1), parts;
    std::string_view text = exact.view();
    const int64_t count = splitter.split(text, one.data(), int64_t(one.size()));
    one.resize(size_t(count));
    while (!text.empty()) {
      std::vector<uint32_t> some(room);
      const int64_t pieces = splitter.split(text, some.data(), int64_t(room));
      require(pieces > 0, "text is left, and no piece");
      for (int64_t i = 0; i < pieces; ++i) {
        const uint32_t length = some[size_t(i)];
        require(length > 0 && length <= text.size(), "a piece of ", length, " of ", text.size());
        text.remove_prefix(length);
        parts.push_back(length);
      }
    }
    require(parts == one, "in parts ", listed(parts), ", not ", listed(one));
  } catch (const std::invalid_argument&) {  // a ValueError in Python
  }
  return 0;
}
