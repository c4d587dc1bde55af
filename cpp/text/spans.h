// Where tokens stand in their text, in bytes and in characters; and where to cut a text.
#pragma once

#include <cstdint>
#include <string_view>

#include "text/bpe.h"

namespace gpte {

// The start and end of each token, (count, 2). The tokens tile the text; that of nothing but a
// prefix has none of it. continued: as in Bpe::Options.
void byte_spans(int64_t* spans, std::string_view text, const Bpe& bpe, const uint32_t* ids,
                int64_t count, bool continued = false);

// Counts the spans in characters: one that is spread over several tokens belongs to each of them.
// What is not UTF-8 counts as Python's "replace" counts it.
void char_spans(int64_t* spans, std::string_view text, int64_t count);

// The length of the longest prefix that ends with a whole character and whose own encoding has at
// most n ids. A single piece above 1,024 bytes is only cut where one of its tokens ends.
Bpe::Refusal truncate(int64_t& length, const Bpe& bpe, std::string_view text, int64_t n,
                      const Bpe::Options& options);

}  // namespace gpte
