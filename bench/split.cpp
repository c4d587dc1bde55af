// Splitting into pieces, on one thread: GB of text a second, by the scanner of the instruction set
// and by the plain one.
// Run: bench_split [seconds a case = 0.5] [file of text]. Without a file: English-like words. The
// last line is JSON.
#include "text/split.h"

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "core/check.h"
#include "core/random.h"
#include "measure.h"

using namespace gpte;

namespace {

constexpr size_t kBytes = 4 << 20, kRoom = 4096;

// Words of 1 to 9 letters, and now and then what stands between them in a novel.
std::string words() {
  std::string text;
  for (uint64_t i = 0; text.size() < kBytes; ++i) {
    const auto draw = Philox(1, 0, i).v;
    for (uint32_t n = draw[0] % 9 + 1; n; --n) text += char('a' + (draw[1] >> n) % 26);
    const char* const between[] = {", ", ". ", "'s ", "\n", " 12 ", "\n\n", "; ", "\" "};
    text += draw[2] % 6 ? " " : between[draw[3] % 8];
  }
  return text;
}

void split_all(const Splitter& splitter, const std::string& text) {
  uint32_t lengths[kRoom];
  size_t at = 0;
  while (at < text.size()) {
    const std::string_view rest = std::string_view(text).substr(at);
    const int64_t count = splitter.split(rest, lengths, kRoom);
    for (int64_t i = 0; i < count; ++i) at += lengths[i];
  }
}

}  // namespace

int main(int argc, char** argv) {
  const double budget = argc > 1 ? std::atof(argv[1]) : 0.5;
  std::string text = words();
  if (argc > 2) {
    std::ifstream file(argv[2], std::ios::binary);
    text.assign(std::istreambuf_iterator<char>(file), {});
    if (text.empty()) return std::fprintf(stderr, "bench_split: %s has no text\n", argv[2]), 2;
  }
  bench::Results results;
  for (const std::string name :
       {"gpt2", "smollm", "cl100k", "o200k", "llama3", "qwen2", "tekken", "words"}) {
    double rate[2];
    for (const bool plain : {false, true}) {
      const std::string full = name + (plain ? " plain" : "");
      const Splitter& splitter = *find_splitter(full);
      rate[plain] =
          double(text.size()) / bench::best_seconds([&] { split_all(splitter, text); }, budget);
      results.add(full, rate[plain] / 1e9);
    }
    std::printf("%-8s %6.2f GB/s  plain %5.2f  ratio %5.2f\n", name.c_str(), rate[0] / 1e9,
                rate[1] / 1e9, rate[0] / rate[1]);
    std::fflush(stdout);
  }
  results.print("split", "GB/s");
}
