// A batch on several threads: a long text that is cut into parts, and short ones, give the ids that
// they give one by one on a single thread.
#include "core/parallel.h"
#include "fuzz/fuzz.h"
#include "fuzz/vocabulary.h"

using namespace gpte;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  constexpr size_t kLong = size_t(9) << 14;  // above what is cut, and for two workers
  Input in(data, size);
  const Splitter& splitter = *find_splitter(split_name(in.byte()));
  Bpe::Options options;
  options.mode = Mode(in.below(3));
  options.as_text = in.flag();
  if (options.mode != Mode::greedy && in.below(4) == 1) options.dropout = 0.25;
  const int64_t cache = in.flag() ? int64_t(1) << 20 : 0;
  const Vocabulary vocabulary(in);
  options.allowed = vocabulary.specials;
  const std::string_view text = in.rest();
  if (text.empty()) return 0;
  std::string many;  // turned by one byte a time, so that cuts fall everywhere
  for (size_t i = 0; many.size() < kLong; ++i) {
    const size_t turn = i % text.size();
    many.append(text.substr(turn)).append(text.substr(0, turn));
  }
  const Exact exact(many);
  const std::vector<std::string_view> texts{text, exact.view(), "", text};
  const auto bpe = vocabulary.bpe(splitter);
  bpe->set_cache_bytes(cache);

  TokenBuffer one, two;
  std::vector<int64_t> one_ends, two_ends;
  set_num_threads(1);
  const Bpe::Refusal refused = bpe->encode(one, one_ends, texts, options, false);
  set_num_threads(2);
  const Bpe::Refusal also = bpe->encode(two, two_ends, texts, options, true);
  require(refused.text == also.text && refused.match.start == also.match.start &&
              refused.match.end == also.match.end && refused.match.id == also.match.id,
          "refused from byte ", also.match.start, ", not ", refused.match.start);
  if (refused.match.end != 0) return 0;
  require(one_ends == two_ends, "offsets ", listed(two_ends), ", not ", listed(one_ends));
  require(std::equal(one.data(), one.end(), two.data(), two.end()), "other ids on two threads");
  return 0;
}
