// Splits text 64 bytes at a time. What it finds is what text/scan.h defines.
#pragma once

#include <stdint.h>

namespace gpte {

// Of a code point: blocks[index[code >> 7] << 7 | (code & 127)] is its CharClass.
struct CharTable {
  const uint8_t* index;
  const uint8_t* blocks;
};

constexpr int64_t kTextWindow = 64;

// Writes the lengths of the text's first pieces and the bytes that they have together, and returns
// how many. It stops before a piece of which 64 bytes do not show where it ends, before invalid
// UTF-8, and when less than 64 bytes or less room than for 64 pieces is left.
using SplitText = int64_t (*)(const uint8_t* text, int64_t size, uint32_t* lengths, int64_t room,
                              const CharTable& table, int64_t* done);

struct TextKernels {
  SplitText gpt2, smollm, llama3, o200k, qwen2, tekken, words;  // llama3 is cl100k before an end
};

}  // namespace gpte
