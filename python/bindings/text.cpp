// Binds encoding and decoding.
#include "bindings/text.h"

#include "core/check.h"
#include "text/bpe.h"
#include "text/stream_decoder.h"

namespace gpte {
namespace {

using Ids = nb::ndarray<const uint32_t, nb::ndim<1>, nb::c_contig, nb::device::cpu>;

// What to do with the names of special tokens that stand in a text.
struct Policy {
  bool as_text;
  std::vector<uint32_t> allowed;
};

void encode(std::vector<uint32_t>& ids, const Bpe& bpe, std::string_view text,
            const Policy& policy) {
  if (policy.as_text) return bpe.encode(ids, text);
  const SpecialTokens::Match refused = bpe.encode_with_specials(ids, text, policy.allowed);
  if (refused.end == 0) return;
  int64_t characters = 0;
  for (size_t i = 0; i < refused.start; ++i) characters += (text[i] & 0xC0) != 0x80;
  check(false, "encode: the special token ", bpe.tokens()[refused.id], " stands at character ",
        characters, " (byte ", refused.start,
        R"() of the text; specials="text" takes it as text, "allow" as a control token)");
}

}  // namespace

void bind_text(nb::module_& m) {
  nb::class_<Bpe>(m, "Bpe", "Byte-pair encoding with a fixed vocabulary; see cpp/text/bpe.h.")
      .def(
          "__init__",
          [](Bpe* self, const nb::list& tokens, const MergeTable& merges,
             std::vector<uint32_t> specials, const std::string& split) {
            std::vector<Merge> pairs;
            for (size_t i = 0; i < merges.shape(0); ++i) {
              pairs.push_back({merges.data()[2 * i], merges.data()[2 * i + 1]});
            }
            new (self) Bpe(to_strings(tokens), std::move(pairs), std::move(specials),
                           splitter_named(split));
          },
          "tokens"_a, "merges"_a, "specials"_a, "split"_a,
          "Tokens as bytes in order of their ids, merges (M, 2) by rank, ids of special tokens, "
          "split by name.")
      .def_prop_ro("vocab_size", &Bpe::vocab_size, "How many tokens there are.")
      .def(
          "token", [](const Bpe& bpe, uint32_t id) { return to_bytes(bpe.tokens().at(id)); },
          "id"_a, "The bytes of a token.")
      .def(
          "merges", [](const Bpe& bpe) { return merge_array(bpe.merges()); },
          "The merges (M, 2), by rank.")
      .def(
          "encode",
          [](const Bpe& bpe, const nb::bytes& text, bool as_text, std::vector<uint32_t> allowed) {
            const Policy policy{as_text, std::move(allowed)};
            std::vector<uint32_t> ids;
            {
              const ReleasedGil released;
              ids.reserve(text.size() / 3 + 8);
              encode(ids, bpe, view(text), policy);
            }
            return to_numpy(std::move(ids));
          },
          "text"_a, "as_text"_a, "allowed"_a,
          "Ids (n,) of a text; names of special tokens that are not allowed are refused or text.")
      .def(
          "encode_batch",
          [](const Bpe& bpe, const nb::list& texts, bool as_text, std::vector<uint32_t> allowed) {
            const Policy policy{as_text, std::move(allowed)};
            std::vector<std::string_view> views;
            for (const nb::handle text : texts) views.push_back(view(nb::cast<nb::bytes>(text)));
            std::vector<uint32_t> ids;
            std::vector<int64_t> offsets{0};
            {
              const ReleasedGil released;
              for (const std::string_view text : views) {
                encode(ids, bpe, text, policy);
                offsets.push_back(int64_t(ids.size()));
              }
            }
            return std::make_tuple(to_numpy(std::move(ids)), to_numpy(std::move(offsets)));
          },
          "texts"_a, "as_text"_a, "allowed"_a,
          "Ids of all texts end to end, and where each text starts and ends.")
      .def(
          "decode",
          [](const Bpe& bpe, const Ids& ids) {
            std::string text;
            {
              const ReleasedGil released;
              text = bpe.decode(ids.data(), int64_t(ids.size()));
            }
            return to_bytes(text);
          },
          "ids"_a, "The bytes of these tokens, end to end.");

  nb::class_<StreamDecoder>(m, "StreamDecoder", "Whole characters out of a stream of bytes.")
      .def(nb::init<>())
      .def(
          "push",
          [](StreamDecoder& decoder, const nb::bytes& bytes) { return decoder.push(view(bytes)); },
          "bytes"_a, "The characters that are complete now.")
      .def("flush", &StreamDecoder::flush, "What is left, with U+FFFD for what is no character.");
}

}  // namespace gpte
