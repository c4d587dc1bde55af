// Binds splitting and the classes of characters, for tests and for looking at them.
#include "bindings/text.h"
#include "text/unicode.h"

namespace gpte {

void bind_text_split(nb::module_& m) {
  m.def(
      "split",
      [](const nb::bytes& text, const std::string& split) {
        const Splitter& splitter = splitter_named(split);
        std::vector<uint32_t> lengths(text.size());
        const int64_t count =
            text.size() ? splitter.split(view(text), lengths.data(), int64_t(text.size())) : 0;
        lengths.resize(size_t(count));
        return to_numpy(std::move(lengths));
      },
      "text"_a, "split"_a, "The lengths in bytes of the pieces of a text.");
  m.def(
      "char_classes",
      [] {
        std::vector<uint8_t> classes(kCodePoints);
        for (uint32_t code = 0; code < kCodePoints; ++code) {
          classes[code] = uint8_t(CharClasses::get().of(code));
        }
        return to_numpy(std::move(classes));
      },
      "Of every code point: 0 other, 1 letter, 2 number, 3 white space.");
}

}  // namespace gpte
