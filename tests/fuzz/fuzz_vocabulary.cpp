// A vocabulary as a hostile file may give it: it is refused by name or it encodes and decodes.
#include <algorithm>
#include <cstring>
#include <iterator>
#include <stdexcept>

#include "fuzz/fuzz.h"
#include "text/bpe.h"

using namespace gpte;

namespace {

// Tokens of the input, behind the bytes or among them.
std::vector<std::string> tokens_of(Input& in) {
  std::vector<std::string> tokens;
  const size_t bytes = in.flag() ? 256 : in.byte();
  for (size_t b = 0; b < bytes; ++b) tokens.emplace_back(1, char(b));
  for (size_t n = in.below(40); n > 0; --n) {
    const size_t place = in.below(4) ? tokens.size() : in.byte() % (tokens.size() + 1);
    tokens.insert(tokens.begin() + int64_t(place), std::string(in.bytes(in.below(24))));
  }
  return tokens;
}

// Mostly an id, now and then any number.
uint32_t id_of(Input& in, size_t tokens) {
  const uint32_t id = in.byte();
  if (id >= 250 || tokens == 0) return in.word();
  return uint32_t(id < 200 ? id : tokens - 1 - (id - 200) % tokens);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const char* const kSplits[] = {"gpt2",  "cl100k", "o200k", "llama3",
                                        "qwen2", "tekken", "words", "smollm"};
  Input in(data, size);
  const char* split = kSplits[in.below(std::size(kSplits))];
  const bool ignore_merges = in.flag(), words = std::strcmp(split, "words") == 0;
  const std::vector<std::string> tokens = tokens_of(in);
  std::vector<Merge> merges;
  for (size_t n = in.below(40); n > 0; --n) {
    const uint32_t left = id_of(in, tokens.size()), right = id_of(in, tokens.size());
    merges.push_back({left, right});
  }
  std::vector<uint32_t> specials;
  for (size_t n = in.below(8); n > 0; --n) specials.push_back(id_of(in, tokens.size()));
  Bpe::Options options;
  options.mode = Mode(in.below(3));
  options.as_text = in.flag();
  options.allowed = specials;
  std::sort(options.allowed.begin(), options.allowed.end());
  const Exact exact(in.rest());
  try {
    const Bpe bpe(tokens, merges, specials, *find_splitter(split), ignore_merges,
                  words ? Symbols::words : Symbols::bytes);
    TokenBuffer ids;
    std::vector<int64_t> offsets;
    const Bpe::Refusal refused =
        bpe.encode(ids, offsets, {exact.view(), exact.view()}, options, true);
    int64_t bad;
    const int64_t length = bpe.bytes().size(ids.data(), ids.size(), bad);
    require(bad == -1, "encoding gave the id ", bad, ", which is none");
    const Exact out(static_cast<size_t>(length));
    bpe.bytes().write(out.data(), length, ids.data(), ids.size());
    if (refused.match.end == 0 && !words) {
      const std::string twice = std::string(exact.view()) + std::string(exact.view());
      require(out.view() == twice, "decoding does not give the text back");
    }
  } catch (const std::invalid_argument&) {  // a ValueError in Python
  }
  return 0;
}
