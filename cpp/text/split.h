// Splits text into the pieces that merges never cross. The pieces tile the text; bytes that are not
// UTF-8 are characters of class kOther, one for each maximal invalid part.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

namespace gpte {

class Splitter {
 public:
  virtual ~Splitter() = default;

  // What is known of a text from one call to the next: rules may look far ahead of a piece, and
  // would look there again for each.
  class State {
   public:
    virtual ~State() = default;
  };
  // At the start of a text; null where there is nothing to know.
  virtual std::unique_ptr<State> start() const { return nullptr; }

  // Writes the lengths in bytes of the next pieces of a text that is not empty, at most `room` of
  // them, and returns how many, at least one. The state may be null; one is for the calls that go
  // through one text, in order.
  virtual int64_t split(std::string_view text, uint32_t* lengths, int64_t room,
                        State* state) const = 0;
  int64_t split(std::string_view text, uint32_t* lengths, int64_t room) const {
    return split(text, lengths, room, nullptr);
  }

  // The first place from `at` on that this finds where the text can be cut in two without changing
  // its pieces, or text.size(). It looks at three characters only, so places may be passed over.
  virtual size_t cut(std::string_view text, size_t at) const = 0;
};

// By name: gpt2, smollm, cl100k, o200k, llama3, qwen2, tekken, words, the same with " plain" for
// the scanner of every machine, "rules:" with what rule_split.h reads, and the names in spaces.h.
// Null for a name that is not known.
const Splitter* find_splitter(std::string_view name);

}  // namespace gpte
