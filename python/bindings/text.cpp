// Binds a vocabulary and encoding; decoding is in text_decode.cpp.
#include "bindings/text.h"

#include <nanobind/stl/string_view.h>

#include <algorithm>
#include <cstdlib>

#include "bindings/text_input.h"
#include "bindings/watched.h"
#include "core/check.h"
#include "text/bpe.h"
#include "text/spans.h"

namespace gpte {
namespace {

Mode mode_named(std::string_view name) {
  if (name == "merges") return Mode::merges;
  if (name == "bpe") return Mode::bpe;
  check(name == "greedy", "tokenizer: mode ", name, " must be merges, bpe or greedy");
  return Mode::greedy;
}

std::vector<uint32_t> in_order(std::vector<uint32_t> ids) {
  std::sort(ids.begin(), ids.end());
  return ids;
}

// How to encode, as Python says it in one tuple: whether specials are text, those that are allowed,
// the mode, dropout, its seed, whether lone surrogates are refused.
struct Request {
  using Tuple = std::tuple<bool, std::vector<uint32_t>, std::string_view, double, uint64_t, bool>;
  explicit Request(const Tuple& t) : strict(std::get<5>(t)) {
    options.as_text = std::get<0>(t);
    options.allowed = in_order(std::get<1>(t));
    options.mode = mode_named(std::get<2>(t));
    options.dropout = std::get<3>(t);
    options.seed = std::get<4>(t);
    check(options.dropout >= 0 && options.dropout <= 1, "tokenizer: dropout ", options.dropout,
          " must be from 0 to 1");
    check(options.dropout == 0 || options.mode != Mode::greedy,
          "tokenizer: mode greedy joins nothing, so dropout ", options.dropout, " must be 0");
  }
  Bpe::Options options;
  bool strict;
};

// start: where the first text stands in what it goes on from.
void check_refusal(const Bpe& bpe, const std::vector<std::string_view>& texts,
                   const Bpe::Refusal& refusal, size_t start = 0) {
  const SpecialTokens::Match& match = refusal.match;
  if (match.end == 0) return;
  const std::string_view text = texts[refusal.text];
  std::string place = "byte " + std::to_string(start + match.start);
  if (start == 0) {
    int64_t characters = 0;
    for (size_t i = 0; i < match.start; ++i) characters += (text[i] & 0xC0) != 0x80;
    place = "character " + std::to_string(characters) + " (" + place + ")";
  }
  if (texts.size() > 1) place += " of text " + std::to_string(refusal.text);
  check(match.id != TokenMap::kNone, "encode: no token for the byte ",
        int(uint8_t(text[match.start])), ", which stands at ", place);
  fail("encode: the special token ", bpe.tokens()[match.id], " stands at ", place,
       R"(; specials="text" takes it as text, "allow" as a control token)");
}

auto to_numpy(TokenBuffer ids) {
  const auto size = size_t(ids.size());
  uint32_t* data = ids.release();
  const nb::capsule owner(data, [](void* p) noexcept { std::free(p); });
  return nb::ndarray<nb::numpy, uint32_t, nb::ndim<1>>(data, {size}, owner);
}

auto encode_all(const Bpe& bpe, const std::vector<std::string_view>& texts, Request& request,
                bool parallel, size_t start = 0) {
  TokenBuffer ids;
  std::vector<int64_t> offsets;
  {
    Watched watched;
    request.options.poll = watched.interrupt();
    check_refusal(bpe, texts, bpe.encode(ids, offsets, texts, request.options, parallel), start);
  }
  return std::make_pair(std::move(ids), std::move(offsets));
}

}  // namespace

void bind_text(nb::module_& m) {
  nb::class_<Bpe> bpe(m, "Bpe", "Byte-pair encoding with a fixed vocabulary; see cpp/text/bpe.h.");
  bpe.def(
         "__init__",
         [](Bpe* self, const nb::list& tokens, const MergeArray& merges,
            std::vector<uint32_t> specials, const std::string& split, bool ignore_merges) {
           std::vector<Merge> pairs;
           for (size_t i = 0; i < merges.shape(0); ++i) {
             pairs.push_back({merges.data()[2 * i], merges.data()[2 * i + 1]});
           }
           std::vector<std::string> strings = to_strings(tokens);
           const Splitter& splitter = splitter_named(split);
           Watched watched;
           const std::optional<Prefix> prefix = prefix_of(split);
           const Symbols symbols = prefix             ? Symbols::characters
                                   : split == "words" ? Symbols::words
                                                      : Symbols::bytes;
           new (self)
               Bpe(std::move(strings), std::move(pairs), std::move(specials), splitter,
                   ignore_merges, symbols, prefix.value_or(Prefix::none), watched.interrupt());
         },
         "tokens"_a, "merges"_a, "specials"_a, "split"_a, "ignore_merges"_a = false,
         "Tokens as bytes in order of their ids, merges (M, 2) by rank, ids of special tokens, "
         "split by name, whether a piece that is a token is never merged.")
      .def_prop_ro("vocab_size", &Bpe::vocab_size, "How many tokens there are.")
      .def(
          "token",
          [](const Bpe& bpe, int64_t id) {
            if (id < 0 || id >= bpe.vocab_size()) refuse_id(bpe, id, 0);
            const bool read = bpe.symbols() == Symbols::characters;
            return to_bytes(read ? bpe.bytes().of(uint32_t(id)) : bpe.tokens()[size_t(id)]);
          },
          "id"_a, "The bytes of a token; the end of a word is spelled.")
      .def_prop_ro(
          "prefixed", [](const Bpe& bpe) { return bpe.prefix() != Prefix::none; },
          "Whether a space may be put before a text.")
      .def(
          "puts_prefix",
          [](const Bpe& bpe, const nb::bytes& text) {
            return text.size() > 0 && bpe.puts_prefix(view(text));
          },
          "text"_a, "Whether one is put before this one.")
      .def(
          "restarts",
          [](const Bpe& bpe, int64_t id) {
            if (id < 0 || id >= bpe.vocab_size()) refuse_id(bpe, id, 0);
            return bpe.restarts(uint32_t(id));
          },
          "id"_a, "Whether a space may be put behind the token.")
      .def(
          "id",
          [](const Bpe& bpe, const nb::bytes& token) -> nb::object {
            const uint32_t id = bpe.id(view(token));
            return id == TokenMap::kNone ? nb::none() : nb::cast(id);
          },
          "token"_a, "The id of a token that is not special, by its bytes, or None.")
      .def_prop_rw("cache_bytes", &Bpe::cache_bytes, &Bpe::set_cache_bytes,
                   "The most memory that a worker's cache of pieces takes; 0 for none.")
      .def_prop_ro("idle_caches", &Bpe::idle_caches, "How many such caches wait for a next text.")
      .def("clear_cache", &Bpe::clear_cache, "Gives that memory back.")
      .def(
          "encode",
          [](const Bpe& bpe, nb::handle text, const Request::Tuple& how) {
            Request request(how);
            const TextInput input(text, request.strict);
            return to_numpy(encode_all(bpe, {input.view()}, request, false).first);
          },
          "text"_a.none(), "how"_a, "Ids (n,) of a text, str or bytes.")
      .def(
          "encode_batch",
          [](const Bpe& bpe, const nb::list& texts, const Request::Tuple& how, bool continued,
             size_t start) {
            Request request(how);
            request.options.continued = continued;
            std::vector<TextInput> inputs;
            inputs.reserve(texts.size());
            for (const nb::handle text : texts) inputs.emplace_back(text, request.strict);
            std::vector<std::string_view> views;
            for (const TextInput& input : inputs) views.push_back(input.view());
            auto [ids, offsets] = encode_all(bpe, views, request, true, start);
            offsets.insert(offsets.begin(), 0);
            return std::make_tuple(to_numpy(std::move(ids)), to_numpy(std::move(offsets)));
          },
          "texts"_a, "how"_a, "continued"_a = false, "start"_a = 0,
          "Ids of all texts end to end, and where each text starts and ends. continued: they go on "
          "from others, so no space is put before them. start: where a single one stands in what "
          "it goes on from, for what is said where it is refused.")
      .def(
          "count",
          [](const Bpe& bpe, nb::handle text, const Request::Tuple& how) {
            Request request(how);
            const TextInput input(text, request.strict);
            int64_t count = 0;
            Watched watched;
            request.options.poll = watched.interrupt();
            check_refusal(bpe, {input.view()}, bpe.count(count, input.view(), request.options));
            return count;
          },
          "text"_a.none(), "how"_a, "How many ids a text has.")
      .def(
          "encode_with_spans",
          [](const Bpe& bpe, nb::handle text, const Request::Tuple& how, bool characters) {
            Request request(how);
            const TextInput input(text, request.strict);
            check(bpe.tiles(), "encode: a vocabulary of words has no offsets");
            TokenBuffer ids = encode_all(bpe, {input.view()}, request, false).first;
            std::vector<int64_t> spans;
            {
              const ReleasedGil released;
              spans.resize(size_t(2 * ids.size()));
              byte_spans(spans.data(), input.view(), bpe, ids.data(), ids.size());
              if (characters) char_spans(spans.data(), input.view(), ids.size());
            }
            return std::make_tuple(to_numpy(std::move(ids)), to_numpy(std::move(spans)));
          },
          "text"_a.none(), "how"_a, "characters"_a, "Ids, and the start and end of each.")
      .def(
          "truncate",
          [](const Bpe& bpe, nb::handle text, int64_t n, const Request::Tuple& how) {
            Request request(how);
            const TextInput input(text, request.strict);
            int64_t length = 0;
            {
              Watched watched;
              request.options.poll = watched.interrupt();
              check_refusal(bpe, {input.view()},
                            truncate(length, bpe, input.view(), n, request.options));
            }
            return to_bytes(input.view().substr(0, size_t(length)));
          },
          "text"_a.none(), "n"_a, "how"_a, "The longest prefix of at most n ids.")
      .def(
          "cut",
          [](const Bpe& bpe, const nb::bytes& text, size_t at) {
            const std::string_view letters = view(text);
            const ReleasedGil released;
            return bpe.splitter().cut(letters, at);
          },
          "text"_a, "at"_a, "Where a text can be cut from `at` on without another encoding.")
      .def(
          "find_specials",
          [](const Bpe& bpe, const nb::bytes& text, size_t most) {
            std::vector<int64_t> found;
            const std::string_view letters = view(text);
            {
              Watched watched;
              const std::function<void()> poll = watched.interrupt();
              Pulse pulse(poll);
              SpecialTokens::Finder finder(bpe.specials(), letters, 0, pulse);
              for (SpecialTokens::Match match{0, 0, 0}; found.size() / 3 < most;) {
                match = finder.next(match.end);
                if (match.end == 0) break;
                found.insert(found.end(), {int64_t(match.start), int64_t(match.end), match.id});
              }
            }
            return to_numpy(std::move(found));
          },
          "text"_a, "most"_a = SIZE_MAX,
          "Start, end and id of each special token in a text, of the first so many, end to end.")
      .def(
          "joins",
          [](const Bpe& bpe, const nb::bytes& piece, std::string_view mode) {
            std::vector<uint32_t> ids, steps;
            const std::string_view letters = view(piece);
            {
              Watched watched;
              for (const Join& join :
                   bpe.joins(ids, letters, mode_named(mode), watched.interrupt())) {
                steps.insert(steps.end(), {join.at, join.rank, join.id});
              }
            }
            return std::make_tuple(to_numpy(std::move(ids)), to_numpy(std::move(steps)));
          },
          "piece"_a, "mode"_a,
          "How a piece that is no token becomes tokens: those it begins as, and of each join, end "
          "to "
          "end: with which of these its left one begins, its rank, the id that it makes.")
      .def(
          "find_across",
          [](const Bpe& bpe, const nb::bytes& text, size_t stop,
             const std::vector<uint32_t>& allowed_ids) -> nb::object {
            const std::vector<uint32_t> allowed = in_order(allowed_ids);
            SpecialTokens::Match match{0, 0, 0};
            const std::string_view letters = view(text);
            {
              Watched watched;
              const std::function<void()> poll = watched.interrupt();
              Pulse pulse(poll);
              SpecialTokens::Finder finder(bpe.specials(), letters, 0, pulse);
              do {
                match = finder.next(match.end, stop);
              } while (match.end != 0 && match.end < stop &&
                       std::binary_search(allowed.begin(), allowed.end(), match.id));
            }
            if (match.end == 0) return nb::none();
            return nb::make_tuple(match.start, match.end, match.id);
          },
          "text"_a, "stop"_a, "allowed"_a,
          "Of the special tokens that start before `stop`, the first that is not allowed, or ends "
          "there or behind: start, end and id, or None.");
  bind_text_decode(m, bpe);
}

}  // namespace gpte
