// Binds decoding: all ids at once, or as they come.
#include <algorithm>

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

// Writes the bytes of the tokens to what allocate(size) gives, without a space at the end of the
// last one of a word; returns whether there was one. From a copy of the ids: another
// thread or process may write to the array between the check and the use.
template <class Allocate>
bool decode_into(const Bpe& bpe, const Ids& shared, bool& fresh, const Allocate& allocate) {
  std::vector<uint32_t> ids;
  int64_t bad, size;
  {
    const ReleasedGil released;
    ids.assign(shared.data(), shared.data() + shared.size());
    size = bpe.bytes().size(ids.data(), int64_t(ids.size()), bad);
  }
  if (bad >= 0) refuse_id(bpe, ids[size_t(bad)], bad);
  if (bpe.prefix() != Prefix::none) {
    std::string text;
    for (const uint32_t id : ids) text += bpe.read(id, fresh);
    std::copy(text.begin(), text.end(), allocate(int64_t(text.size())));
    return false;
  }
  const bool spaced = !ids.empty() && bpe.spaced(ids.back());
  auto* out = reinterpret_cast<uint8_t*>(allocate(size - spaced));
  const ReleasedGil released;
  if (spaced) {
    const std::string_view last = unspaced(bpe, ids.back(), fresh);
    ids.pop_back();
    size -= 1 + int64_t(last.size());
    std::copy(last.begin(), last.end(), out + size);
  }
  bpe.bytes().write(out, size, ids.data(), int64_t(ids.size()));
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
