// Turns tokens' bytes into text piece by piece, never emitting a broken character.
#pragma once

#include <string>
#include <string_view>

namespace gpte {

// The pieces joined equal the whole decoded at once, with U+FFFD for what is not UTF-8. At most
// three bytes wait for the rest of their character.
class StreamDecoder {
 public:
  std::string push(std::string_view bytes);
  std::string flush();

 private:
  std::string pending_;
};

}  // namespace gpte
