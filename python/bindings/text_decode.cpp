// Binds decoding: all ids at once, or as they come.
#include <algorithm>
#include <tuple>
#include <utility>
#include <vector>

#include "bindings/text.h"
#include "text/bpe.h"
#include "text/stream_decoder.h"

namespace gpte {
namespace {

using Ids = nb::ndarray<const uint32_t, nb::ndim<1>, nb::c_contig, nb::device::cpu>;

// The bytes of a token without the prefix, and the space that stands before another one only.
std::string_view unspaced(const Bpe& bpe, uint32_t id, bool& fresh) {
  std::string_view bytes = bpe.read(id, fresh);
  if (bpe.spaced(id)) bytes.remove_suffix(1);
  return bytes;
}

// Which of the ids lose the space that they start with, as it is a prefix; and whether a stretch of
// text starts behind them.
std::pair<std::vector<size_t>, bool> prefixed(const Bpe& bpe, const std::vector<uint32_t>& ids,
                                              bool fresh) {
  std::vector<size_t> places;
  const bool again = bpe.prefix() >= Prefix::always;  // behind special tokens
  for (size_t i = 0; i < ids.size() && (fresh || again); ++i) {
    if (!fresh) {
      fresh = bpe.restarts(ids[i]);
    } else if (bpe.read(ids[i], fresh).size() < bpe.bytes().size_of(ids[i])) {
      places.push_back(i);
    }
  }
  return {std::move(places), fresh};
}

// Writes the bytes of the tokens to what allocate(size) gives, without prefixes and a space at the
// end of the last one of a word; returns whether there was such a space. From a copy of the ids:
// another thread or process may write to the array between the check and the use.
template <class Allocate>
bool decode_into(const Bpe& bpe, const Ids& shared, bool& fresh, const Allocate& allocate) {
  std::vector<uint32_t> ids;
  std::vector<size_t> places;
  int64_t bad, size;
  {
    const ReleasedGil released;
    ids.assign(shared.data(), shared.data() + shared.size());
    size = bpe.bytes().size(ids.data(), int64_t(ids.size()), bad);
    if (bad < 0 && bpe.prefix() != Prefix::none) {
      std::tie(places, fresh) = prefixed(bpe, ids, fresh);
    }
  }
  if (bad >= 0) refuse_id(bpe, ids[size_t(bad)], bad);
  const bool spaced = !ids.empty() && bpe.spaced(ids.back());
  size -= int64_t(places.size()) + spaced;
  auto* out = reinterpret_cast<uint8_t*>(allocate(size));
  const ReleasedGil released;
  const uint8_t* end = out + size;
  std::string_view last;
  if (spaced) {
    last = unspaced(bpe, ids.back(), fresh);
    ids.pop_back();
  }
  size_t at = 0;
  for (const size_t place : places) {
    out = bpe.bytes().write(out, end - out, ids.data() + at, int64_t(place - at));
    const std::string_view token = bpe.bytes().of(ids[place]).substr(1);
    out = std::copy(token.begin(), token.end(), out);
    at = place + 1;
  }
  out = bpe.bytes().write(out, end - out, ids.data() + at, int64_t(ids.size() - at));
  std::copy(last.begin(), last.end(), out);
  return spaced;
}

nb::bytes decode_bytes(const Bpe& bpe, const Ids& ids, bool& spaced, bool& fresh) {
  nb::object bytes;
  spaced = decode_into(bpe, ids, fresh, [&](int64_t size) {
    bytes = nb::steal(PyBytes_FromStringAndSize(nullptr, Py_ssize_t(size)));
    if (!bytes.is_valid()) throw nb::python_error();
    return PyBytes_AsString(bytes.ptr());
  });
  return nb::borrow<nb::bytes>(bytes);
}

nb::str decode(const Bpe& bpe, const Ids& ids, const char* errors) {
  bool spaced, fresh = true;
  const nb::bytes bytes = decode_bytes(bpe, ids, spaced, fresh);
  PyObject* text = PyUnicode_DecodeUTF8(bytes.c_str(), Py_ssize_t(bytes.size()), errors);
  if (!text) throw nb::python_error();
  return nb::steal<nb::str>(text);
}

void bind_stream_decoder(nb::module_& m) {
  nb::class_<StreamDecoder>(m, "StreamDecoder", "Whole characters out of a stream of bytes.")
      .def(nb::init<>())
      .def_rw("fresh", &StreamDecoder::fresh, "Whether a prefix of a text may come next.")
      .def(
          "push",
          [](StreamDecoder& decoder, const nb::bytes& bytes) { return decoder.push(view(bytes)); },
          "bytes"_a, "The characters that are complete now.")
      .def(
          "push_ids",
          [](StreamDecoder& decoder, const Bpe& bpe, const Ids& ids) {
            bool spaced;
            const nb::bytes bytes = decode_bytes(bpe, ids, spaced, decoder.fresh);
            return decoder.push(view(bytes), spaced);
          },
          "bpe"_a, "ids"_a, "The same of the bytes of tokens.")
      .def(
          "push_id",
          [](StreamDecoder& decoder, const Bpe& bpe, int64_t id) {
            if (id < 0 || id >= bpe.vocab_size()) refuse_id(bpe, id, 0);
            const std::string_view bytes = unspaced(bpe, uint32_t(id), decoder.fresh);
            return decoder.push(bytes, bpe.spaced(uint32_t(id)));
          },
          "bpe"_a, "id"_a, "The same of one.")
      .def("flush", &StreamDecoder::flush, "What is left, with U+FFFD for what is no character.");
}

}  // namespace

void bind_text_decode(nb::module_& m, nb::class_<Bpe>& bpe) {
  bpe.def(
         "decode_bytes",
         [](const Bpe& bpe, const Ids& ids) {
           bool spaced, fresh = true;
           return decode_bytes(bpe, ids, spaced, fresh);
         },
         "ids"_a, "The bytes of these tokens, end to end.")
      .def(
          "spaced",
          [](const Bpe& bpe, int64_t id) {
            if (id < 0 || id >= bpe.vocab_size()) refuse_id(bpe, id, 0);
            return bpe.spaced(uint32_t(id));
          },
          "id"_a, "Whether a space stands between the token and a next one.")
      .def(
          "decode",
          [](const Bpe& bpe, const Ids& ids, const std::string& errors) {
            return decode(bpe, ids, errors.c_str());
          },
          "ids"_a, "errors"_a, "Their text.");
  bind_stream_decoder(m);
}

}  // namespace gpte
