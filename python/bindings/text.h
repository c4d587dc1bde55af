// What the bindings of cpp/text share: text comes in as bytes, ids go out as NumPy arrays.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "bindings/bindings.h"
#include "core/check.h"
#include "text/bpe.h"
#include "text/split.h"

namespace gpte {

using MergeArray = nb::ndarray<const uint32_t, nb::shape<-1, 2>, nb::c_contig, nb::device::cpu>;
using Buffer = nb::ndarray<const uint8_t, nb::ndim<1>, nb::c_contig, nb::device::cpu>;

template <class T>
auto to_numpy(std::vector<T> values) {
  auto* owner = new std::vector<T>(std::move(values));
  const nb::capsule deleter(owner,
                            [](void* p) noexcept { delete static_cast<std::vector<T>*>(p); });
  return nb::ndarray<nb::numpy, T, nb::ndim<1>>(owner->data(), {owner->size()}, deleter);
}

inline auto merge_array(const std::vector<Merge>& merges) {
  auto* owner = new std::vector<Merge>(merges);
  const nb::capsule deleter(owner,
                            [](void* p) noexcept { delete static_cast<std::vector<Merge>*>(p); });
  return nb::ndarray<nb::numpy, uint32_t, nb::shape<-1, 2>>(owner->data(), {owner->size(), 2},
                                                            deleter);
}

inline std::string_view view(const nb::bytes& text) {
  return {text.c_str(), text.size()};
}

inline std::vector<std::string> to_strings(const nb::list& items) {
  std::vector<std::string> out;
  for (const nb::handle item : items) out.emplace_back(view(nb::cast<nb::bytes>(item)));
  return out;
}

inline nb::bytes to_bytes(std::string_view text) {
  return nb::bytes(text.data(), text.size());
}

inline const Splitter& splitter_named(const std::string& name) {
  const Splitter* splitter = find_splitter(name);
  check(splitter != nullptr, "tokenizer: the split ", name, " is not known");
  return *splitter;
}

[[noreturn]] inline void refuse_id(const Bpe& bpe, int64_t id, int64_t at) {
  const std::string message = "token id " + std::to_string(id) + " at " + std::to_string(at) +
                              " is not in the vocabulary of " + std::to_string(bpe.vocab_size());
  throw nb::key_error(message.c_str());
}

// Its part of Bpe.
void bind_text_decode(nb::module_& m, nb::class_<Bpe>& bpe);

}  // namespace gpte
