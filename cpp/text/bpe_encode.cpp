// The way of a text through the encoder: special tokens, pieces, the memory of pieces, threads.
#include <algorithm>
#include <atomic>
#include <optional>
#include <utility>

#include "core/check.h"
#include "core/parallel.h"
#include "text/bpe.h"
#include "text/mode_state.h"
#include "text/ordered_tokens.h"
#include "text/shared_poll.h"

namespace gpte {
namespace {

constexpr uint32_t kNone = TokenMap::kNone;
constexpr int64_t kItem = int64_t(1) << 16;  // bytes of text that a worker takes at a time

const uint8_t* bytes_of(std::string_view text) {
  return reinterpret_cast<const uint8_t*>(text.data());
}

}  // namespace

// A stretch of a text between special tokens and cuts, or one special token.
struct Bpe::Range {
  size_t text;             // index
  size_t start;            // in that text
  std::string_view bytes;  // empty for a special token
  uint32_t special;
  bool prefixed;  // a space is put before it
};

// Encodes range by range, with a memory of pieces of its own.
class Bpe::Worker {
 public:
  Worker(const Bpe& bpe, const Options& options, const std::function<void()>& poll,
         int64_t text_bytes)
      : bpe_(bpe), options_(options), pulse_(poll), state_(bpe.state(options.mode, poll)) {
    const uint64_t generation = state_.caches.generation();  // before the limit that it stands for
    const int64_t limit = bpe.cache_bytes_;
    if (options.dropout > 0) dropout_.emplace(options.dropout);
    if (limit == 0 || dropout_) return;
    cache_ = state_.caches.take();
    if (!cache_) cache_ = std::make_unique<PieceCache>(state_.seed, limit, generation);
    cache_->expect(text_bytes);
  }
  ~Worker() {
    if (cache_) state_.caches.give_back(std::move(cache_));
  }
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  void encode(TokenBuffer& ids, const Range& range);

  // Ids are counted and forgotten, block by block; none are left behind.
  void only_count() { only_count_ = true; }
  int64_t counted() const { return counted_; }

 private:
  void forget(TokenBuffer& ids) {
    counted_ += ids.size();
    ids.clear();
  }

  static constexpr int kPieces = 1024, kBlock = 128;  // a call of the splitter; ahead of the cache

  void encode_block(TokenBuffer& ids, const uint8_t* p, const uint8_t* end, const uint32_t* lengths,
                    int pieces);
  uint32_t* encode_missing(uint32_t* out, const uint8_t* p, int64_t length, int i);
  void encode_uncached(TokenBuffer& ids, const Range& range, size_t at, const uint8_t* p,
                       const uint32_t* lengths, int pieces);
  void encode_prefixed(TokenBuffer& ids, const Range& range, uint32_t length);

  const Bpe& bpe_;
  const Options& options_;
  Pulse pulse_;
  const ModeState& state_;
  std::unique_ptr<PieceCache> cache_;  // none with dropout
  std::optional<Dropout> dropout_;
  bool only_count_ = false;
  int64_t counted_ = 0;
  uint32_t lengths_[kPieces];
  PieceCache::Key keys_[kBlock];
  uint64_t hashes_[kBlock];
};

void Bpe::Worker::encode(TokenBuffer& ids, const Range& range) {
  if (range.bytes.empty()) {
    if (only_count_) {
      ++counted_;
    } else {
      ids.push_back(range.special);
    }
    return;
  }
  const uint8_t *p = bytes_of(range.bytes), *end = p + range.bytes.size();
  const auto state = bpe_.splitter_.start();
  bool prefixed = range.prefixed;
  while (p < end) {
    const std::string_view rest(reinterpret_cast<const char*>(p), size_t(end - p));
    const auto pieces = int(bpe_.splitter_.split(rest, lengths_, kPieces, state.get()));
    int done = 0;
    if (prefixed) {
      encode_prefixed(ids, range, lengths_[0]);
      p += lengths_[done++];
      prefixed = false;
    }
    for (; done < pieces; done += kBlock) {
      const int now = std::min(kBlock, pieces - done);
      const uint32_t* lengths = lengths_ + done;
      int64_t bytes = 0;
      for (int i = 0; i < now; ++i) bytes += lengths[i];
      ids.reserve(bytes + PieceCache::kShortTokens);
      if (cache_) {
        encode_block(ids, p, end, lengths, now);
      } else {
        encode_uncached(ids, range, size_t(p - bytes_of(range.bytes)), p, lengths, now);
      }
      p += bytes;
      pulse_.beat(bytes);
      if (only_count_) forget(ids);
    }
    if (only_count_) forget(ids);
  }
}

// The first piece of a range is another with the prefix, which no memory of the text has before it.
void Bpe::Worker::encode_prefixed(TokenBuffer& ids, const Range& range, uint32_t length) {
  std::string piece(1, ' ');
  piece.append(range.bytes.substr(0, length));
  const uint8_t* p = bytes_of(piece);
  check(length < UINT32_MAX, "tokenizer: a piece of ", length, " bytes is too long");
  ++length;
  ids.reserve(int64_t(length) + PieceCache::kShortTokens);
  if (cache_) {
    encode_block(ids, p, p + length, &length, 1);
  } else {
    encode_uncached(ids, range, 0, p, &length, 1);
  }
  pulse_.beat(length);
}

// First all keys, so that the cache's lines are on their way when they are looked at.
void Bpe::Worker::encode_block(TokenBuffer& ids, const uint8_t* p, const uint8_t* end,
                               const uint32_t* lengths, int pieces) {
  PieceCache& cache = *cache_;
  const uint8_t* q = p;
  for (int i = 0; i < pieces; q += lengths[i++]) {
    const int64_t length = lengths[i];
    if (__builtin_expect(length <= PieceCache::kShortBytes, 1)) {
      const bool readable = end - q >= int64_t(sizeof(PieceCache::Key));
      keys_[i] = __builtin_expect(readable, 1) ? PieceCache::key_of_readable(q, length)
                                               : PieceCache::key(q, length);
      hashes_[i] = keys_[i].hash();
      __builtin_prefetch(cache.line(hashes_[i]));
    } else {
      hashes_[i] = length <= PieceCache::kLongBytes ? hash_bytes(q, size_t(length)) : 0;
      __builtin_prefetch(cache.long_line(hashes_[i]));
    }
  }
  uint32_t* out = ids.end();
  for (int i = 0; i < pieces; p += lengths[i++]) {
    const int64_t length = lengths[i];
    if (__builtin_expect(length <= PieceCache::kShortBytes, 1)) {
      if (const PieceCache::Entry* entry = cache.find(keys_[i], hashes_[i])) {
        std::memcpy(out, entry->ids, sizeof entry->ids);
        out += entry->count();
        continue;
      }
    }
    out = encode_missing(out, p, length, i);
  }
  ids.end_at(out);
}

uint32_t* Bpe::Worker::encode_missing(uint32_t* out, const uint8_t* p, int64_t length, int i) {
  if (length <= PieceCache::kLongBytes) {
    const PieceCache::Tokens known = cache_->find_long(p, length, hashes_[i]);
    if (known.ids) {
      std::memcpy(out, known.ids, known.count * sizeof *out);
      return out + known.count;
    }
  }
  const int64_t count = state_.encoder->encode(out, p, length, pulse_);
  if (length <= PieceCache::kShortBytes) {
    cache_->add(keys_[i], hashes_[i], out, count);
  } else {
    cache_->add_long(p, length, hashes_[i], out, count);
  }
  return out + count;
}

// at: where p stands in the range, which the draws of dropout go by.
void Bpe::Worker::encode_uncached(TokenBuffer& ids, const Range& range, size_t at, const uint8_t* p,
                                  const uint32_t* lengths, int pieces) {
  uint32_t* out = ids.end();
  for (int i = 0; i < pieces; at += lengths[i], p += lengths[i++]) {
    if (dropout_) {
      const auto& merging = static_cast<const MergeEncoder&>(*state_.encoder);
      out += merging.encode_with_dropout(out, p, lengths[i], *dropout_, options_.seed,
                                         uint64_t(range.text) << 40 | uint64_t(range.start + at),
                                         pulse_);
    } else {
      out += state_.encoder->encode(out, p, lengths[i], pulse_);
    }
  }
  ids.end_at(out);
}

// Where in a stretch of a text a byte stands that no token stands for, neither alone nor, where
// pieces may be tokens, in its piece; else its size.
size_t Bpe::unknown_byte(std::string_view text, const Options& options) const {
  const auto in = [this](std::string_view part) {
    const auto unknown = [this](char c) { return byte_id_[uint8_t(c)] == kNone; };
    return size_t(std::find_if(part.begin(), part.end(), unknown) - part.begin());
  };
  const bool whole = options.dropout == 0 && (options.mode != Mode::merges || ignore_merges_);
  const size_t first = in(text);
  if (first == text.size() || !whole) return first;
  const auto state = splitter_.start();
  uint32_t length = 0;
  for (size_t at = 0; at < text.size(); at += length) {
    splitter_.split(text.substr(at), &length, 1, state.get());
    const std::string_view piece = text.substr(at, length);
    const size_t bad = in(piece);
    if (bad < length && id_of_.find(piece) == kNone) return at + bad;
  }
  return text.size();
}

// Calls f(range) from left to right, until the end or what cannot be encoded.
template <class F>
Bpe::Refusal Bpe::for_each_range(const std::vector<std::string_view>& texts, const Options& options,
                                 bool in_parts, const F& f) const {
  const bool look = !options.as_text && !specials_.empty();
  const std::vector<uint32_t>& allowed = options.allowed;
  Pulse pulse(options.poll);
  for (size_t i = 0; i < texts.size(); ++i) {
    const std::string_view text = texts[i];
    SpecialTokens::Finder finder(specials_, text, 0, pulse);
    for (size_t at = 0;;) {
      const SpecialTokens::Match match = look ? finder.next(at) : SpecialTokens::Match{0, 0, 0};
      const bool found = match.end != 0;
      if (found && !std::binary_search(allowed.begin(), allowed.end(), match.id)) return {i, match};
      const size_t end = found ? match.start : text.size();
      const bool starts = at == 0 ? !options.continued : prefix_ >= Prefix::always;
      bool prefixed = starts && puts_prefix(text.substr(at, end - at));
      while (at < end) {
        size_t stop = end;
        if (in_parts && end - at > size_t(2 * kItem)) {
          stop = at + splitter_.cut(text.substr(at, end - at), size_t(kItem));
        }
        const Range range{i, at, text.substr(at, stop - at), kNone, prefixed};
        const size_t bad = all_bytes_ ? stop : at + unknown_byte(range.bytes, options);
        if (bad < stop) return {i, {bad, bad + 1, kNone}};
        f(range);
        prefixed = false;
        at = stop;
      }
      if (!found) break;
      f(Range{i, match.start, {}, match.id, false});
      at = match.end;
    }
  }
  return {0, {0, 0, 0}};
}

Bpe::Refusal Bpe::encode(TokenBuffer& ids, std::vector<int64_t>& offsets,
                         const std::vector<std::string_view>& texts, const Options& options,
                         bool parallel) const {
  int64_t bytes = 0;
  for (const std::string_view text : texts) bytes += int64_t(text.size());
  const int workers = parallel ? int(std::min<int64_t>(num_threads(), bytes / kItem)) : 1;
  offsets.assign(texts.size(), 0);  // first how many ids each text has
  Refusal refusal;
  if (workers > 1) {
    std::vector<Range> ranges;
    refusal =
        for_each_range(texts, options, true, [&](const Range& range) { ranges.push_back(range); });
    if (refusal.match.end != 0) return refusal;
    encode_parallel(ids, offsets, ranges, options, workers, bytes);
  } else {
    ids.reserve(bytes < kItem ? bytes + PieceCache::kShortTokens : bytes / 3);
    Worker worker(*this, options, options.poll, bytes);
    refusal = for_each_range(texts, options, false, [&](const Range& range) {
      const int64_t before = ids.size();
      worker.encode(ids, range);
      offsets[range.text] += ids.size() - before;
    });
  }
  int64_t sum = 0;
  for (int64_t& offset : offsets) offset = sum += offset;
  return refusal;
}

// Workers take runs of ranges in turn.
void Bpe::encode_parallel(TokenBuffer& ids, std::vector<int64_t>& offsets,
                          const std::vector<Range>& ranges, const Options& options, int workers,
                          int64_t bytes) const {
  std::vector<size_t> ends;  // of the items: the range after the last of each
  for (size_t i = 0, size = 0; i < ranges.size(); ++i) {
    size += ranges[i].bytes.size() + 1;
    if (size < size_t(kItem) && i + 1 < ranges.size()) continue;
    ends.push_back(i + 1);
    size = 0;
  }
  std::vector<int64_t> counts(ranges.size());
  ids.reserve(bytes / 3);
  OrderedTokens ordered(ids, ends.size());
  std::atomic<size_t> next{0};
  SharedPoll shared(options.poll);
  shared.run(workers, [&](int64_t, const auto& poll) {
    Worker worker(*this, options, poll, bytes / workers);
    for (size_t i; (i = next.fetch_add(1)) < ends.size();) {
      TokenBuffer own = ordered.take();
      for (size_t r = i > 0 ? ends[i - 1] : 0; r < ends[i]; ++r) {
        const int64_t before = own.size();
        worker.encode(own, ranges[r]);
        counts[r] = own.size() - before;
      }
      ordered.put(i, std::move(own));
    }
  });
  for (size_t r = 0; r < ranges.size(); ++r) offsets[ranges[r].text] += counts[r];
}

Bpe::Refusal Bpe::count(int64_t& count, std::string_view text, const Options& options) const {
  TokenBuffer ids;
  Worker worker(*this, options, options.poll, int64_t(text.size()));
  worker.only_count();
  const Refusal refusal = for_each_range({text}, options, false,
                                         [&](const Range& range) { worker.encode(ids, range); });
  count = worker.counted();
  return refusal;
}

}  // namespace gpte
