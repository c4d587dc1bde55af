// Turns tokens' bytes into text piece by piece, never emitting a broken character.
#pragma once

#include <string>
#include <string_view>

namespace gpte {

// The pieces joined equal the whole decoded at once, with U+FFFD for what is not UTF-8. At most
// three bytes wait for the rest of their character.
class StreamDecoder {
 public:
  // With `spaced`, a space follows the bytes as soon as something follows the space.
  std::string push(std::string_view bytes, bool spaced = false);
  std::string flush();

  // Whether a stretch of text starts with the next token: see Bpe::read.
  bool fresh = true;

 private:
  std::string pending_;
  bool spaced_ = false;
};

}  // namespace gpte
