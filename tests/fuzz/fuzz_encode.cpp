// Encoding: the ids of every mode are those of the definition, with a memory of pieces of any size
// and without one; decoding gives the text back; counts, spans, truncation and dropout agree.
#include "core/check.h"
#include "fuzz/fuzz.h"
#include "fuzz/reference.h"
#include "fuzz/vocabulary.h"
#include "text/spans.h"

using namespace gpte;

namespace {

reference::Ids encode(const Bpe& bpe, std::string_view text, const Bpe::Options& options) {
  TokenBuffer ids;
  std::vector<int64_t> offsets;
  const Bpe::Refusal refusal = bpe.encode(ids, offsets, {text}, options, false);
  require(refusal.match.end == 0, "text was refused");
  require(offsets == std::vector<int64_t>{ids.size()}, "offsets ", listed(offsets));
  return {ids.data(), ids.end()};
}

void check_round_trip(const Bpe& bpe, std::string_view text, const reference::Ids& ids) {
  const auto count = int64_t(ids.size());
  int64_t bad;
  const int64_t size = bpe.bytes().size(ids.data(), count, bad);
  require(bad == -1, "id ", bad, " is bad");
  const Exact out(static_cast<size_t>(size));
  bpe.bytes().write(out.data(), size, ids.data(), count);
  require(out.view() == text, "decoding does not give the text back");
}

void check_spans(const Bpe& bpe, std::string_view text, const reference::Ids& ids) {
  const auto count = int64_t(ids.size());
  std::vector<int64_t> spans(2 * ids.size());
  byte_spans(spans.data(), text, bpe, ids.data(), count);
  int64_t at = 0;
  for (size_t i = 0; i < ids.size(); ++i) {
    require(spans[2 * i] == at && spans[2 * i + 1] > at, "bytes ", listed(spans));
    at = spans[2 * i + 1];
  }
  require(at == int64_t(text.size()), "spans end at ", at);
  char_spans(spans.data(), text, count);
  at = 0;
  for (size_t i = 0; i < ids.size(); ++i) {
    const bool joins = spans[2 * i] == at || spans[2 * i] == at - 1;
    require(joins && spans[2 * i + 1] > spans[2 * i] && spans[2 * i + 1] >= at, "characters ",
            listed(spans));
    at = spans[2 * i + 1];
  }
  int64_t characters = 0;
  for (const char c : reference::replace_invalid(text)) characters += (c & 0xC0) != 0x80;
  require(at == characters, "spans end at character ", at, " of ", characters);
}

void check_truncation(const Bpe& bpe, std::string_view text, int64_t most,
                      const Bpe::Options& options) {
  const auto want = int64_t(reference::truncated(bpe, text, most, options));
  int64_t length = -1;
  truncate(length, bpe, text, most, options);
  require(length == want, "truncated to ", length, " bytes, not ", want, ", for ", most, " ids");
}

// Where a byte stands that no token stands for, in a piece that may not be one; or the text's size.
size_t unknown_byte(const std::map<std::string_view, uint32_t>& ids, const Splitter& plain,
                    std::string_view text, bool whole) {
  size_t at = 0;
  for (const std::string_view piece : reference::split(plain, text)) {
    const bool token = whole && ids.count(piece);
    for (size_t i = 0; i < piece.size() && !token; ++i) {
      if (!ids.count(piece.substr(i, 1))) return at + i;
    }
    at += piece.size();
  }
  return text.size();
}

void check_refusal(const Bpe& bpe, std::string_view text, const Bpe::Options& options,
                   size_t place) {
  const bool none = place == text.size();
  const SpecialTokens::Match want{none ? 0 : place, none ? 0 : place + 1, TokenMap::kNone};
  TokenBuffer ids;
  std::vector<int64_t> offsets;
  int64_t count;
  for (const Bpe::Refusal& refusal :
       {bpe.encode(ids, offsets, {text}, options, false), bpe.count(count, text, options)}) {
    const SpecialTokens::Match& match = refusal.match;
    require(match.start == want.start && match.end == want.end && (none || match.id == want.id),
            "refused bytes ", match.start, " to ", match.end, ", not from ", place);
  }
}

void check_dropout(const Bpe& bpe, const std::map<std::string_view, uint32_t>& ids,
                   const Splitter& plain, std::string_view text, Bpe::Options options) {
  for (const double dropout : {0.5, 0.97, 1.0}) {
    options.dropout = dropout;
    const reference::Ids got = encode(bpe, text, options);
    const reference::Ids want = reference::encode_with_dropout(bpe, ids, plain, text, options);
    require(got == want, "dropout ", dropout, ": ", listed(got), ", not ", listed(want));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  Input in(data, size);
  const size_t split = in.byte();
  const auto mode = Mode(in.below(3));
  const int64_t kCaches[] = {0, 1, 4096, int64_t(1) << 16, int64_t(64) << 20};
  const int64_t cache = kCaches[in.below(5)];
  const auto most = int64_t(in.byte());
  Bpe::Options options;
  options.mode = mode;
  options.as_text = true;
  options.seed = in.byte();
  const Vocabulary vocabulary(in);
  const Exact exact(in.rest());
  const std::string_view text = exact.view();
  const auto bpe = vocabulary.bpe(*find_splitter(split_name(split)));

  const auto ids = vocabulary.plain_ids();
  const Splitter& plain = *find_splitter(split_name(split, true));
  const bool whole = mode != Mode::merges || vocabulary.ignore_merges;
  const size_t unknown = unknown_byte(ids, plain, text, whole);
  check_refusal(*bpe, text, options, unknown);
  if (unknown < text.size()) return 0;
  if (text.size() <= 128) check_truncation(*bpe, text, most, options);
  const reference::Ids want =
      reference::encode(*bpe, ids, plain, text, mode, vocabulary.ignore_merges);
  bpe->set_cache_bytes(cache);
  for (int pass = 0; pass < 2; ++pass) {  // what was not known, then what is
    const reference::Ids got = encode(*bpe, text, options);
    require(got == want, "cache ", cache, ", pass ", pass, ": ", listed(got), ", not ",
            listed(want));
  }
  int64_t count = -1;
  bpe->count(count, text, options);
  require(count == int64_t(want.size()), "counted ", count, " of ", want.size());
  check_round_trip(*bpe, text, want);
  check_spans(*bpe, text, want);
  const bool every = unknown_byte(ids, plain, text, false) == text.size();
  if (every && mode != Mode::greedy && text.size() <= 512) {
    check_dropout(*bpe, ids, plain, text, options);
  }
  return 0;
}
