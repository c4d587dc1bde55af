// Binds splitting and the classes of characters, for tests and for looking at them.
#include "bindings/text.h"
#include "text/rule_split.h"
#include "text/unicode.h"

namespace gpte {

void bind_text_split(nb::module_& m) {
  m.def(
      "split",
      [](const nb::bytes& text, const std::string& split) {
        const Splitter& splitter = splitter_named(split);
        std::string_view rest = view(text);
        std::vector<uint32_t> lengths(rest.size());
        {
          const ReleasedGil released;
          const auto state = splitter.start();
          size_t count = 0;
          while (!rest.empty()) {
            const auto room = int64_t(lengths.size() - count);
            const int64_t more = splitter.split(rest, lengths.data() + count, room, state.get());
            for (int64_t i = 0; i < more; ++i) rest.remove_prefix(lengths[count++]);
          }
          lengths.resize(count);
        }
        return to_numpy(std::move(lengths));
      },
      "text"_a, "split"_a, "The lengths in bytes of the pieces of a text.");
  m.def(
      "split_cut",
      [](const nb::bytes& text, size_t at, const std::string& split) {
        const std::string_view letters = view(text);
        const Splitter& splitter = splitter_named(split);
        const ReleasedGil released;
        return splitter.cut(letters, at);
      },
      "text"_a, "at"_a, "split"_a,
      "The next place from at on where the text can be cut without changing its pieces.");
  m.def(
      "rule_far_looks",
      [](const nb::bytes& text, const std::string& rules, int64_t room) {
        const RuleSplitter splitter(rules);
        const auto state = splitter.start();
        std::vector<uint32_t> lengths(static_cast<size_t>(room));
        for (std::string_view rest = view(text); !rest.empty();) {
          const int64_t count = splitter.split(rest, lengths.data(), room, state.get());
          for (int64_t i = 0; i < count; ++i) rest.remove_prefix(lengths[size_t(i)]);
        }
        return RuleSplitter::far_looks(*state);
      },
      "text"_a, "rules"_a, "room"_a,
      "How many characters far from a run's start splitting by rules looks at, with so many pieces "
      "a call.");
  m.def(
      "char_classes",
      [] {
        std::vector<uint8_t> classes(kCodePoints);
        for (uint32_t code = 0; code < kCodePoints; ++code) {
          classes[code] = uint8_t(CharClasses::get().of(code));
        }
        return to_numpy(std::move(classes));
      },
      "Of every code point: 0 other, 1 upper or title case, 2 lower case, 3 letter without case, "
      "4 mark, 5 number, 6 white space.");
}

}  // namespace gpte
