// Checks a vocabulary and keeps what each mode needs, made when it is first asked for.
#include "text/bpe.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "core/check.h"
#include "text/mode_state.h"
#include "text/word_end.h"

namespace gpte {
namespace {

constexpr uint32_t kNone = TokenMap::kNone;
// Of tokens that are not special. A file may say anything, and joining longer ones would take
// gigabytes and minutes.
constexpr size_t kMostBytes = size_t(1) << 16, kMostTogether = size_t(1) << 24;
constexpr double kUsualLength = 64;  // of a token at the most, in bytes, weighted by them

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

// What tokens are when they are read: the end of a word is a space.
std::vector<std::string> as_read(std::vector<std::string> tokens, Symbols symbols,
                                 const std::vector<uint32_t>& specials) {
  const std::vector<std::string> spelled = tokens;
  for (std::string& token : tokens) {
    if (symbols == Symbols::characters) token = spaces_as_read(token);
    if (symbols != Symbols::words || !ends_word(token)) continue;
    token.replace(token.size() - kEndOfWord.size(), kEndOfWord.size(), " ");
  }
  for (const uint32_t id : specials) {
    if (symbols == Symbols::characters) tokens[id] = spelled[id];
  }
  return tokens;
}

}  // namespace

Bpe::Bpe(std::vector<std::string> tokens, std::vector<Merge> merges, std::vector<uint32_t> specials,
         const Splitter& splitter, bool ignore_merges, Symbols symbols, Prefix prefix,
         const std::function<void()>& poll)
    : tokens_(std::move(tokens)),
      merges_(std::move(merges)),
      is_special_(tokens_.size()),
      id_of_(tokens_),
      specials_(named(tokens_, specials)),
      bytes_(symbols == Symbols::bytes ? tokens_ : as_read(tokens_, symbols, specials)),
      splitter_(splitter),
      ignore_merges_(ignore_merges),
      symbols_(symbols),
      prefix_(prefix) {
  check(tokens_.size() < kNone, "tokenizer: ", tokens_.size(), " tokens do not fit 32-bit ids");
  byte_id_.fill(kNone);
  for (const uint32_t id : specials) is_special_[id] = true;
  apart_ = is_special_;
  size_t together = 0;
  for (uint32_t id = 0; id < tokens_.size(); ++id) {
    if (is_special_[id]) continue;
    const size_t size = tokens_[id].size();
    check(size > 0, "tokenizer: token ", id, " is empty");
    check(size <= kMostBytes, "tokenizer: token ", id, " has ", size, " bytes; at most ",
          kMostBytes);
    together += size;
    const uint32_t known = id_of_.insert(id);
    check(known == id, "tokenizer: tokens ", known, " and ", id, " have the same bytes");
    if (symbols == Symbols::characters) {
      const auto byte = byte_spelled(tokens_[id]);
      apart_[id] = byte.has_value();
      if (byte) byte_id_[*byte] = id;
    } else if (tokens_[id].size() == 1) {
      byte_id_[uint8_t(tokens_[id][0])] = id;
    }
  }
  check(together <= kMostTogether, "tokenizer: the tokens have ", together,
        " bytes together; at most ", kMostTogether);
  // Some vocabularies (SmolLM's) have no token for bytes that their training text did not have;
  // then texts with them are refused. Without letters it is no vocabulary of bytes.
  for (int byte = 0; byte < 256 && symbols != Symbols::words; ++byte) {
    const bool known = byte_id_[size_t(byte)] != kNone;
    const bool spared = symbols == Symbols::bytes && (byte < ' ' || byte > '~');
    check(known || spared, "tokenizer: no token for byte ", byte);
    all_bytes_ = all_bytes_ && known;
  }
  check(symbols != Symbols::characters || id_of_.find(kSpaceLetter) != kNone,
        "tokenizer: no token for the space, ", kSpaceLetter);
  for (size_t rank = 0; rank < merges_.size(); ++rank) {
    const auto [left, right] = merges_[rank];
    check(left < tokens_.size() && right < tokens_.size(), "tokenizer: merge ", rank, " joins ",
          left, " and ", right, " but the vocabulary size is ", tokens_.size());
    check(!apart_[left] && !apart_[right], "tokenizer: merge ", rank, " joins ", left, " and ",
          right, ", of which one is a special token or stands for a byte");
  }
  if (!merges_.empty()) state(Mode::merges, poll);  // checks that no merge repeats
}

Bpe::~Bpe() {
  for (auto& state : states_) delete state.load();
}

MergeTable Bpe::merge_table(Mode mode, const std::function<void()>& poll) const {
  Pulse pulse(poll);
  if (mode == Mode::merges) {
    MergeTable table(merges_.size());
    std::string joined;
    for (uint32_t rank = 0; rank < merges_.size(); ++rank) {
      const auto [left, right] = merges_[rank];
      // Letters of a text that join to the mark of a word's end do not become it.
      const bool letters = tokens_[right].size() < kEndOfWord.size();
      joined.assign(tokens_[left]).append(tokens_[right]);
      const uint32_t id = id_of_.find(joined);
      pulse.beat(int64_t(joined.size()));
      check(id != kNone && !apart_[id], "tokenizer: merge ", rank, " joins ", left, " and ", right,
            " into a token that is not in the vocabulary");
      if (symbols_ == Symbols::words && letters && ends_with(joined, kEndOfWord)) continue;
      const uint32_t known = table.insert(left, right, rank, id);
      check(known == rank, "tokenizer: merge ", rank, " repeats merge ", known);
    }
    return table;
  }
  // Every cut of a token into two tokens is a join; the id of what it makes is its rank. A walk
  // along the trie of all tokens finds the left parts. The right parts are looked up, or found by
  // another walk from the end where tokens are so long that hashing each part would take long.
  MergeTable table(2 * tokens_.size());
  const TokenTrie trie(tokens_, apart_);
  std::optional<TokenTrie> from_end;
  double bytes = 0, squares = 0;
  for (const std::string& token : tokens_) {
    bytes += double(token.size());
    squares += double(token.size()) * double(token.size());
  }
  if (squares > kUsualLength * bytes) from_end.emplace(tokens_, apart_, true);
  std::vector<uint32_t> rights;  // by cut
  for (uint32_t id = 0; id < tokens_.size(); ++id) {
    if (apart_[id]) continue;
    const std::string_view token = tokens_[id];
    uint32_t node = 0;
    if (from_end) {
      rights.resize(token.size());
      for (size_t cut = token.size(); --cut > 0;) {
        node = from_end->step(node, uint8_t(token[cut]));
        rights[cut] = from_end->token(node);
      }
      node = 0;
    }
    for (size_t cut = 1; cut < token.size(); ++cut) {
      pulse.beat(1);
      node = trie.step(node, uint8_t(token[cut - 1]));
      const uint32_t left = trie.token(node);
      if (left == kNone) continue;
      const uint32_t right = from_end ? rights[cut] : id_of_.find(token.substr(cut));
      if (right != kNone && !apart_[right]) table.insert(left, right, id, id);
    }
  }
  return table;
}

const ModeState& Bpe::state(Mode mode, const std::function<void()>& poll) const {
  std::atomic<ModeState*>& slot = states_[size_t(mode)];
  if (const ModeState* made = slot.load(std::memory_order_acquire)) return *made;
  check(symbols_ != Symbols::words || mode == Mode::merges,
        "tokenizer: a vocabulary of words has the mode merges and no other");
  check(symbols_ == Symbols::bytes || mode != Mode::greedy,
        "tokenizer: a vocabulary of SentencePiece has no mode greedy");
  // Two threads may both make one: no lock, which a fork could leave behind locked.
  std::unique_ptr<ModeState> fresh;
  if (mode == Mode::greedy) {
    fresh = std::make_unique<ModeState>(
        std::make_unique<GreedyEncoder>(TokenTrie(tokens_, is_special_)));
  } else if (symbols_ == Symbols::characters) {
    fresh = std::make_unique<ModeState>(
        std::make_unique<CharacterEncoder>(merge_table(mode, poll), id_of_, byte_id_.data()));
  } else if (symbols_ == Symbols::words) {
    uint32_t unknown = kNone;
    for (uint32_t id = 0; id < tokens_.size(); ++id) {
      if (tokens_[id] == "<unk>") unknown = id;
    }
    fresh = std::make_unique<ModeState>(
        std::make_unique<WordEncoder>(merge_table(mode, poll), id_of_, unknown));
  } else {
    const bool whole = mode == Mode::bpe || ignore_merges_;
    fresh = std::make_unique<ModeState>(std::make_unique<MergeEncoder>(
        merge_table(mode, poll), byte_id_.data(), whole ? &id_of_ : nullptr));
  }
  if (symbols_ == Symbols::bytes) fresh->sow(tokens_, is_special_);
  ModeState* none = nullptr;
  if (slot.compare_exchange_strong(none, fresh.get())) return *fresh.release();
  return *none;
}

std::vector<Join> Bpe::joins(std::vector<uint32_t>& ids, std::string_view piece, Mode mode,
                             const std::function<void()>& poll) const {
  check(mode != Mode::greedy, "tokenizer: the mode greedy joins nothing");
  const auto& encoder = static_cast<const MergeEncoder&>(*state(mode, poll).encoder);
  Pulse pulse(poll);
  return encoder.joins(ids, piece, pulse);
}

void Bpe::set_cache_bytes(int64_t bytes) {
  check(bytes >= 0, "tokenizer: cache_bytes ", bytes, " must not be negative");
  check(bytes <= PieceCache::kMostBytes, "tokenizer: cache_bytes ", bytes, " must be at most ",
        PieceCache::kMostBytes);
  cache_bytes_ = bytes;
  clear_cache();
}

void Bpe::clear_cache() const {
  for (auto& slot : states_) {
    if (const ModeState* state = slot.load(std::memory_order_acquire)) state->caches.clear();
  }
}

int64_t Bpe::idle_caches() const {
  int64_t sum = 0;
  for (auto& slot : states_) {
    if (const ModeState* state = slot.load(std::memory_order_acquire)) sum += state->caches.size();
  }
  return sum;
}

}  // namespace gpte
