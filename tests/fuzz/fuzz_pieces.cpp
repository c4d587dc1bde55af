// SentencePiece's tokens: the ids of each prefix and cut are those of the definition, with a memory
// of pieces and without one; decoding, spans and truncation agree with it.
#include <cstdio>
#include <iterator>

#include "core/check.h"
#include "fuzz/fuzz.h"
#include "fuzz/reference.h"
#include "text/spaces.h"
#include "text/spans.h"

using namespace gpte;

namespace {

constexpr uint32_t kSpace = 256;  // the id of ▁, behind the bytes
const char* const kLetters[] = {"l", "o", "w", "e", "r", "\n", "\xC3\xA9", "\xE6\xBC\xA2"};
const char* const kSpecials[] = {"</s>", "<s>", "lo"};

struct Pieces {
  std::vector<std::string> tokens;
  std::vector<Merge> merges;
  std::vector<uint32_t> specials;
  std::map<std::string_view, uint32_t> plain;  // ids of what is neither special nor a byte

  // Two bytes a merge, each of which is a token above the bytes.
  explicit Pieces(Input& in) {
    char name[8];
    for (unsigned b = 0; b < 256; ++b) {
      std::snprintf(name, sizeof name, "<0x%02X>", b);
      tokens.emplace_back(name);
    }
    tokens.emplace_back(kSpaceLetter);
    for (const char* letter : kLetters) tokens.emplace_back(letter);
    std::map<std::string, uint32_t> ids;
    for (uint32_t id = kSpace; id < tokens.size(); ++id) ids[tokens[id]] = id;
    std::map<std::pair<uint32_t, uint32_t>, bool> known;
    for (size_t n = in.below(40); n > 0; --n) {
      const auto pick = [&] { return kSpace + in.byte() % uint32_t(tokens.size() - kSpace); };
      const uint32_t left = pick(), right = pick();
      const std::string joined = tokens[left] + tokens[right];
      if (joined.size() > 40 || !known.emplace(std::pair(left, right), true).second) continue;
      merges.push_back({left, right});
      if (ids.emplace(joined, uint32_t(tokens.size())).second) tokens.push_back(joined);
    }
    const auto end = uint32_t(tokens.size());
    for (const char* special : kSpecials) {
      specials.push_back(uint32_t(tokens.size()));
      tokens.emplace_back(special);
    }
    for (uint32_t id = kSpace; id < end; ++id) plain[tokens[id]] = id;
  }

  // Where text may be cut: before runs of spaces, before each space, or nowhere.
  const char* cuts() const {
    bool words = true, each = true;
    for (const auto& [token, id] : plain) {
      bool letter = false;
      for (size_t at = 0; at < token.size();) {
        const auto space = size_t(space_at_start(token.substr(at)));
        words = words && !(space && letter);
        each = each && !(space && at > 0);
        letter = space == 0;
        at += space ? space : 1;
      }
    }
    return each ? "each" : words ? "words" : "text";
  }
};

bool is_character(std::string_view part) {
  int64_t starts = 0;
  for (const char c : part) starts += (c & 0xC0) != 0x80;
  return starts == 1 && reference::replace_invalid(part) == part;
}

// What is put before a stretch of text, and how it reads afterwards.
struct Definition {
  const Bpe& bpe;
  const Pieces& pieces;
  Prefix prefix;
  Mode mode;
  reference::Ids ids;
  std::string back;

  void stretch(std::string_view text, bool first) {
    if (text.empty()) return;
    std::string spaced;
    while (!text.empty()) {
      const auto space = size_t(space_at_start(text));
      spaced += space ? " " : text.substr(0, 1);
      text.remove_prefix(space ? space : 1);
    }
    const bool here = prefix != Prefix::none && (first || prefix >= Prefix::always);
    if (here && (prefix == Prefix::every || spaced[0] != ' ')) spaced.insert(0, 1, ' ');
    back += spaced.substr(here ? 1 : 0);
    reference::Ids out;
    for (std::string_view rest = spaced; !rest.empty();) {
      size_t length = std::min<size_t>(4, rest.size());
      while (length > 1 && !is_character(rest.substr(0, length))) --length;
      const std::string_view symbol = rest[0] == ' ' ? kSpaceLetter : rest.substr(0, length);
      const auto found = pieces.plain.find(symbol);
      if (found != pieces.plain.end()) {
        out.push_back(found->second);
      } else {
        for (const char c : rest.substr(0, length)) out.push_back(uint8_t(c));
      }
      rest.remove_prefix(length);
    }
    const auto none_left_out = [](uint64_t) { return uint64_t{0}; };
    const reference::Ids some = reference::join(bpe, pieces.plain, out, mode, none_left_out);
    ids.insert(ids.end(), some.begin(), some.end());
  }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const char* const kPrefixes[] = {"never", "first", "always", "every"};
  Input in(data, size);
  const auto prefix = Prefix(in.below(std::size(kPrefixes)));
  Bpe::Options options;
  options.mode = Mode(in.below(2));
  options.as_text = in.flag();
  const bool cut = in.flag();
  const auto most = int64_t(in.byte());
  const Pieces pieces(in);
  options.allowed = pieces.specials;
  const Exact exact(in.rest());
  const std::string_view text = exact.view();
  const std::string split = std::string("sentencepiece:") + kPrefixes[size_t(prefix)] + ":" +
                            (cut ? pieces.cuts() : "text");
  Bpe bpe(pieces.tokens, pieces.merges, pieces.specials, *find_splitter(split), false,
          Symbols::characters, prefix);

  std::vector<SpecialTokens::Special> specials;
  for (const uint32_t id : pieces.specials) specials.push_back({pieces.tokens[id], id});
  Definition want{bpe, pieces, prefix, options.mode, {}, {}};
  for (size_t at = 0; at < text.size();) {
    SpecialTokens::Match match{0, 0, 0};
    if (!options.as_text) match = reference::find_special(specials, text, at);
    want.stretch(text.substr(at, match.end ? match.start - at : text.npos), at == 0);
    if (!match.end) break;
    want.ids.push_back(match.id);
    want.back += pieces.tokens[match.id];
    at = match.end;
  }

  TokenBuffer ids;
  for (const int64_t cache : {int64_t(0), int64_t(1) << 16}) {
    std::vector<int64_t> offsets;
    bpe.set_cache_bytes(cache);
    for (int pass = 0; pass < 2; ++pass) {
      ids.clear();
      bpe.encode(ids, offsets, {text}, options, false);
      const reference::Ids got(ids.data(), ids.end());
      require(got == want.ids, split, ": ", listed(got), ", not ", listed(want.ids));
    }
  }
  int64_t count = -1;
  bpe.count(count, text, options);
  require(count == ids.size(), "counted ", count, " of ", ids.size());
  std::string back;
  bool fresh = true;
  for (int64_t i = 0; i < count; ++i) back += bpe.read(ids.data()[i], fresh);
  require(back == want.back, "decoded to ", back, ", not ", want.back);
  std::vector<int64_t> spans(size_t(2 * count));
  byte_spans(spans.data(), text, bpe, ids.data(), count);
  int64_t at = 0;
  for (size_t i = 0; i < spans.size(); i += 2) {
    require(spans[i] == at && spans[i + 1] >= at, "bytes ", listed(spans));
    at = spans[i + 1];
  }
  require(at == int64_t(text.size()), "spans end at ", at);
  if (text.size() > 128) return 0;
  int64_t length = -1;
  truncate(length, bpe, text, most, options);
  const auto fits = int64_t(reference::truncated(bpe, text, most, options));
  require(length == fits, "truncated to ", length, " bytes, not ", fits, ", for ", most, " ids");
  return 0;
}
