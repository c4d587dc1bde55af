// Encoding by rank with a cache of short pieces, and decoding by concatenation.
#include "text/bpe.h"

#include <algorithm>
#include <functional>
#include <queue>
#include <unordered_map>
#include <utility>

#include "core/check.h"

namespace gpte {
namespace {

constexpr uint32_t kNone = PairMap::kNone;
constexpr int kShort = 64;  // up to here a scan for the lowest rank beats a heap

std::vector<SpecialTokens::Special> named(const std::vector<std::string>& tokens,
                                          const std::vector<uint32_t>& specials) {
  std::vector<SpecialTokens::Special> out;
  for (const uint32_t id : specials) {
    check(id < tokens.size(), "tokenizer: special token ", id,
          " must be below the vocabulary size ", tokens.size());
    out.push_back({tokens[id], id});
  }
  return out;
}

}  // namespace

Bpe::Bpe(std::vector<std::string> tokens, std::vector<Merge> merges, std::vector<uint32_t> specials,
         const Splitter& splitter)
    : tokens_(std::move(tokens)),
      merges_(std::move(merges)),
      byte_id_(256, kNone),
      ranks_(merges_.size()),
      specials_(named(tokens_, specials)),
      splitter_(splitter) {
  check(tokens_.size() < kNone, "tokenizer: ", tokens_.size(), " tokens do not fit 32-bit ids");
  std::vector<bool> is_special(tokens_.size());
  for (const uint32_t id : specials) is_special[id] = true;
  std::unordered_map<std::string_view, uint32_t> id_of;
  for (uint32_t id = 0; id < tokens_.size(); ++id) {
    if (is_special[id]) continue;
    check(!tokens_[id].empty(), "tokenizer: token ", id, " is empty");
    const auto [entry, fresh] = id_of.emplace(tokens_[id], id);
    check(fresh, "tokenizer: tokens ", entry->second, " and ", id, " have the same bytes");
    if (tokens_[id].size() == 1) byte_id_[uint8_t(tokens_[id][0])] = id;
  }
  for (int byte = 0; byte < 256; ++byte) {
    check(byte_id_[size_t(byte)] != kNone, "tokenizer: no token for byte ", byte);
  }
  for (uint32_t rank = 0; rank < merges_.size(); ++rank) {
    const auto [left, right] = merges_[rank];
    check(left < tokens_.size() && right < tokens_.size(), "tokenizer: merge ", rank, " joins ",
          left, " and ", right, " but the vocabulary size is ", tokens_.size());
    check(!is_special[left] && !is_special[right], "tokenizer: merge ", rank, " joins ", left,
          " and ", right, ", of which one is a special token");
    const auto joined = id_of.find(tokens_[left] + tokens_[right]);
    check(joined != id_of.end(), "tokenizer: merge ", rank, " joins ", left, " and ", right,
          " into a token that is not in the vocabulary");
    merged_.push_back(joined->second);
    const uint32_t known = ranks_.insert(left, right, rank);
    check(known == rank, "tokenizer: merge ", rank, " repeats merge ", known);
  }
}

std::unique_ptr<PieceCache> Bpe::take_cache() const {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (!caches_.empty()) {
      auto cache = std::move(caches_.back());
      caches_.pop_back();
      return cache;
    }
  }
  return std::make_unique<PieceCache>();
}

void Bpe::give_back(std::unique_ptr<PieceCache> cache) const {
  const std::lock_guard<std::mutex> lock(mutex_);
  caches_.push_back(std::move(cache));
}

void Bpe::encode(std::vector<uint32_t>& ids, std::string_view text) const {
  const auto* p = reinterpret_cast<const uint8_t*>(text.data());
  const uint8_t* end = p + text.size();
  if (merges_.empty()) {
    for (; p < end; ++p) ids.push_back(byte_id_[*p]);
    return;
  }
  auto cache = take_cache();
  constexpr int64_t kRoom = 256;
  uint32_t lengths[kRoom];
  while (p < end) {
    const int64_t pieces =
        splitter_.split({reinterpret_cast<const char*>(p), size_t(end - p)}, lengths, kRoom);
    for (int64_t i = 0; i < pieces; p += lengths[i++]) encode_cached(ids, p, lengths[i], *cache);
  }
  give_back(std::move(cache));
}

void Bpe::encode_cached(std::vector<uint32_t>& ids, const uint8_t* p, int64_t length,
                        PieceCache& cache) const {
  if (length > PieceCache::kMaxBytes) return encode_piece(ids, p, length);
  const PieceCache::Key key = PieceCache::key(p, length);
  PieceCache::Entry& entry = cache.slot(key);
  if (entry.key.low == key.low && entry.key.high == key.high) {
    ids.insert(ids.end(), entry.ids, entry.ids + entry.count);
    return;
  }
  const size_t before = ids.size();
  encode_piece(ids, p, length);
  const size_t count = ids.size() - before;
  if (count <= PieceCache::kMaxTokens) {
    entry.key = key;
    entry.count = uint32_t(count);
    std::copy(ids.begin() + int64_t(before), ids.end(), entry.ids);
  }
}

SpecialTokens::Match Bpe::encode_with_specials(std::vector<uint32_t>& ids, std::string_view text,
                                               const std::vector<uint32_t>& allowed) const {
  size_t at = 0;
  for (;;) {
    const SpecialTokens::Match match = specials_.find(text, at);
    if (match.end == 0) break;
    if (std::find(allowed.begin(), allowed.end(), match.id) == allowed.end()) return match;
    encode(ids, text.substr(at, match.start - at));
    ids.push_back(match.id);
    at = match.end;
  }
  encode(ids, text.substr(at));
  return {0, 0, 0};
}

std::string Bpe::decode(const uint32_t* ids, int64_t count) const {
  size_t size = 0;
  for (int64_t i = 0; i < count; ++i) {
    check(ids[i] < tokens_.size(), "decode: ids[", i, "] = ", ids[i],
          " must be below the vocabulary size ", tokens_.size());
    size += tokens_[ids[i]].size();
  }
  std::string out;
  out.reserve(size);
  for (int64_t i = 0; i < count; ++i) out.append(tokens_[ids[i]]);
  return out;
}

void Bpe::encode_piece(std::vector<uint32_t>& ids, const uint8_t* p, int64_t length) const {
  if (length <= kShort) {
    merge_short(ids, p, int(length));
  } else {
    merge_long(ids, p, length);
  }
}

void Bpe::merge_short(std::vector<uint32_t>& ids, const uint8_t* p, int length) const {
  uint32_t id[kShort], rank[kShort];  // rank[i] is that of the pair (i, i + 1)
  for (int i = 0; i < length; ++i) id[i] = byte_id_[p[i]];
  for (int i = 0; i + 1 < length; ++i) rank[i] = ranks_.find(id[i], id[i + 1]);
  while (length > 1) {
    const auto best = int(std::min_element(rank, rank + length - 1) - rank);
    if (rank[best] == kNone) break;
    id[best] = merged_[rank[best]];
    --length;
    std::copy(id + best + 2, id + length + 1, id + best + 1);
    if (best + 1 < length) {
      std::copy(rank + best + 2, rank + length, rank + best + 1);
      rank[best] = ranks_.find(id[best], id[best + 1]);
    }
    if (best > 0) rank[best - 1] = ranks_.find(id[best - 1], id[best]);
  }
  ids.insert(ids.end(), id, id + length);
}

// A linked list of tokens and a heap of pairs by (rank, position): O(n log n) for any input. A pair
// whose tokens have changed since it was queued no longer has its rank, and is dropped.
void Bpe::merge_long(std::vector<uint32_t>& ids, const uint8_t* p, int64_t length) const {
  check(length < int64_t(kNone), "tokenizer: a piece of ", length, " bytes is too long");
  const auto n = uint32_t(length);
  struct Node {
    uint32_t id, previous, next;  // id is kNone once the token was joined to its left neighbour
  };
  std::vector<Node> nodes(n);
  for (uint32_t i = 0; i < n; ++i) nodes[i] = {byte_id_[p[i]], i - 1, i + 1};
  using Pair = std::pair<uint32_t, uint32_t>;  // rank, position of the left token
  std::priority_queue<Pair, std::vector<Pair>, std::greater<>> heap;
  const auto rank_at = [&](uint32_t i) {
    return ranks_.find(nodes[i].id, nodes[nodes[i].next].id);
  };
  const auto queue = [&](uint32_t i) {
    const uint32_t rank = rank_at(i);
    if (rank != kNone) heap.push({rank, i});
  };
  for (uint32_t i = 0; i + 1 < n; ++i) queue(i);
  while (!heap.empty()) {
    const auto [rank, i] = heap.top();
    heap.pop();
    if (nodes[i].id == kNone || nodes[i].next >= n || rank_at(i) != rank) continue;
    Node &node = nodes[i], &joined = nodes[node.next];
    node.id = merged_[rank];
    node.next = joined.next;
    joined.id = kNone;
    if (node.next < n) {
      nodes[node.next].previous = i;
      queue(i);
    }
    if (i > 0) queue(node.previous);
  }
  for (uint32_t i = 0; i < n; i = nodes[i].next) ids.push_back(nodes[i].id);
}

}  // namespace gpte
