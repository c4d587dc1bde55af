// Splitting: pieces tile the text, every instruction set finds those of the plain scanner, any room
// for them gives the same, and a text cut at cut() has the pieces of the whole.
#include <algorithm>
#include <iterator>
#include <numeric>

#include "fuzz/fuzz.h"
#include "fuzz/text_kernels.h"
#include "text/split.h"
#include "text/unicode.h"

using namespace gpte;

namespace {

using Lengths = std::vector<uint32_t>;

Lengths split(const Splitter& splitter, std::string_view text, size_t room) {
  Lengths all;
  while (!text.empty()) {
    Lengths some(room);
    const int64_t count = splitter.split(text, some.data(), int64_t(room));
    require(count > 0 && size_t(count) <= room, count, " pieces in a room of ", room);
    some.resize(size_t(count));
    for (const uint32_t length : some) {
      require(length > 0 && length <= text.size(), "a piece of ", length, " of ", text.size());
      text.remove_prefix(length);
    }
    all.insert(all.end(), some.begin(), some.end());
  }
  return all;
}

// As ScanSplitter, with the kernel of any instruction set.
Lengths split_by(SplitText fast, const Splitter& plain, std::string_view text) {
  Lengths all;
  const CharTable table = CharClasses::get().table();
  while (!text.empty()) {
    if (text.size() >= size_t(kTextWindow)) {
      Lengths some(text.size() + size_t(kTextWindow));
      int64_t done = -1;
      const auto* p = reinterpret_cast<const uint8_t*>(text.data());
      const int64_t count =
          fast(p, int64_t(text.size()), some.data(), int64_t(some.size()), table, &done);
      require(done >= 0 && size_t(done) <= text.size(), done, " bytes done of ", text.size());
      require(std::accumulate(some.begin(), some.begin() + count, int64_t(0)) == done,
              "the pieces' lengths are not ", done, " together");
      all.insert(all.end(), some.begin(), some.begin() + count);
      text.remove_prefix(size_t(done));
      if (text.empty()) break;
    }
    uint32_t length;
    plain.split(text, &length, 1);
    all.push_back(length);
    text.remove_prefix(length);
  }
  return all;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const struct {
    const char *name, *plain;
    SplitText TextKernels::* fast;
  } kSplits[] = {
      {"gpt2", "gpt2 plain", &TextKernels::gpt2},
      {"cl100k", "cl100k plain", &TextKernels::llama3},
      {"o200k", "o200k plain", &TextKernels::o200k},
      {"llama3", "llama3 plain", &TextKernels::llama3},
      {"qwen2", "qwen2 plain", &TextKernels::qwen2},
      {"smollm", "smollm plain", &TextKernels::smollm},
      {"tekken", "tekken plain", &TextKernels::tekken},
      {"words", "words plain", &TextKernels::words},
  };
  Input in(data, size);
  const auto& which = kSplits[in.below(std::size(kSplits))];
  const size_t room = 1 + in.below(200);
  const size_t at = in.byte();
  const Exact exact(in.rest());
  const std::string_view text = exact.view();
  const Splitter &splitter = *find_splitter(which.name), &plain = *find_splitter(which.plain);

  const Lengths want = split(plain, text, text.size() + 1);
  for (const size_t r : {room, text.size() + size_t(2 * kTextWindow)}) {
    const Lengths got = split(splitter, text, r);
    require(got == want, which.name, ", room ", r, ": ", listed(got), ", not ", listed(want));
  }
  for (const Isa isa : available_isas()) {
    SplitText fast = text_kernels(isa).*which.fast;
    // The end of a text is not the kernel's: cl100k differs from llama3 there alone.
    const Lengths got = split_by(fast, plain, text);
    require(got == want, which.name, " on ", name_of(isa), ": ", listed(got), ", not ",
            listed(want));
  }

  if (text.empty()) return 0;
  const size_t cut = splitter.cut(text, std::min(at, text.size()));
  require(cut >= std::min(at, text.size()) && cut <= text.size(), "cut ", cut, " from ", at);
  const Exact left(text.substr(0, cut)), right(text.substr(cut));
  Lengths both = split(splitter, left.view(), 256);
  const Lengths after = split(splitter, right.view(), 256);
  both.insert(both.end(), after.begin(), after.end());
  require(both == want, which.name, " cut at ", cut, ": ", listed(both), ", not ", listed(want));
  return 0;
}
