// Binds what curation counts and compares of texts.
#include <system_error>

#include "bindings/text.h"
#include "bindings/text_input.h"
#include "bindings/watched.h"
#include "core/parallel.h"
#include "text/external_sort.h"
#include "text/line_hashes.h"
#include "text/list_lines.h"
#include "text/minhash.h"
#include "text/near.h"
#include "text/ngram_hashes.h"
#include "text/personal_places.h"
#include "text/phrase_set.h"
#include "text/text_hash.h"
#include "text/text_statistics.h"
#include "text/trigrams.h"
#include "text/unicode.h"

namespace gpte {
namespace {

template <class T>
using Vector = nb::ndarray<const T, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
template <class T>
using Matrix = nb::ndarray<const T, nb::ndim<2>, nb::c_contig, nb::device::cpu>;

template <class T>
auto matrix(std::vector<T> values, size_t columns) {
  auto* owner = new std::vector<T>(std::move(values));
  const nb::capsule deleter(owner,
                            [](void* p) noexcept { delete static_cast<std::vector<T>*>(p); });
  return nb::ndarray<nb::numpy, T, nb::ndim<2>>(owner->data(), {owner->size() / columns, columns},
                                                deleter);
}

// Lone surrogates, which no text should hold, count as U+FFFD.
constexpr bool kStrict = false;

// Calls see(i, text) for each text, on all threads.
template <class See>
void each_text(const nb::list& texts, const See& see) {
  std::vector<TextInput> inputs;
  inputs.reserve(texts.size());
  for (const nb::handle text : texts) inputs.emplace_back(text, kStrict);
  const ReleasedGil released;
  parallel_for(int64_t(inputs.size()), 8, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) see(size_t(i), inputs[size_t(i)].view());
  });
}

nb::tuple statistics(const CountedText& text, const WordSet* stop_words) {
  const TextStatistics counts = text.statistics(stop_words);
  nb::dict top, repeated;
  for (int n = kTopFirst; n <= kTopLast; ++n) {
    top[nb::int_(n)] = counts.repeats.top_characters[n - kTopFirst];
  }
  for (int n = kRepeatFirst; n <= kRepeatLast; ++n) {
    repeated[nb::int_(n)] = counts.repeats.repeated_characters[n - kRepeatFirst];
  }
#define GPTE_FIELD(name) counts.name,
  return nb::make_tuple(GPTE_TEXT_STATISTICS(GPTE_FIELD) top, repeated);
#undef GPTE_FIELD
}

auto signatures(const MinHash& minhash, const nb::list& texts) {
  const auto places = size_t(minhash.permutations());
  std::vector<uint32_t> out(texts.size() * places);
  each_text(texts, [&](size_t i, std::string_view text) {
    minhash.signature(out.data() + i * places, text);
  });
  return matrix(std::move(out), places);
}

nb::tuple groups(const Matrix<uint32_t>& signatures, const Vector<int64_t>& order, int64_t bands,
                 int64_t rows, double jaccard, int64_t memory, const std::string& folder) {
  check(int64_t(signatures.shape(1)) == bands * rows, "near_groups: signatures of ",
        signatures.shape(1), " places, not ", bands, " x ", rows);
  check(order.size() == signatures.shape(0), "near_groups: order has ", order.size(), " texts, ",
        signatures.shape(0), " have signatures");
  NearGroups found;
  {
    Watched watched;
    found = near_groups(signatures.data(), int64_t(signatures.shape(0)), order.data(),
                        {bands, rows, jaccard, memory, folder}, watched.interrupt());
  }
  std::vector<int64_t> pairs;
  std::vector<double> shares;
  for (const NearPair& pair : found.pairs) {
    pairs.insert(pairs.end(), {pair.earlier, pair.later});
    shares.push_back(pair.jaccard);
  }
  return nb::make_tuple(to_numpy(std::move(found.keeper)), matrix(std::move(pairs), 2),
                        to_numpy(std::move(shares)), found.candidates, found.crowded);
}

auto text_hashes(const nb::list& texts) {
  std::vector<uint64_t> out(2 * texts.size());
  each_text(texts, [&](size_t i, std::string_view text) {
    const Hash128 hash = text_hash(text);
    out[2 * i] = hash.high;
    out[2 * i + 1] = hash.low;
  });
  return matrix(std::move(out), 2);
}

nb::tuple parts(nb::handle text, bool paragraphs) {
  const TextInput input(text, kStrict);
  std::vector<int64_t> lines;
  std::vector<uint64_t> hashes;
  {
    const ReleasedGil released;
    for (const TextPart& part :
         paragraphs ? paragraph_parts(input.view()) : line_parts(input.view())) {
      lines.insert(lines.end(), {part.first_line, part.end_line});
      hashes.insert(hashes.end(), {part.hash.high, part.hash.low});
    }
  }
  return nb::make_tuple(matrix(std::move(lines), 2), matrix(std::move(hashes), 2));
}

std::vector<int64_t> found_phrases(const PhraseSet& phrases, nb::handle text) {
  const TextInput input(text, kStrict);
  const ReleasedGil released;
  return phrases.find(input.view());
}

nb::tuple list_lines(nb::handle text) {
  const TextInput input(text, kStrict);
  ListLines lines{};
  {
    const ReleasedGil released;
    lines = count_list_lines(input.view());
  }
  return nb::make_tuple(lines.characters, lines.listed);
}

nb::tuple lines_hashed(nb::handle text, const std::string& host, int64_t longest) {
  const TextInput input(text, kStrict);
  LineHashes lines;
  {
    const ReleasedGil released;
    lines = line_hashes(input.view(), host, longest);
  }
  return nb::make_tuple(to_numpy(std::move(lines.hashes)), lines.exact);
}

nb::tuple places(nb::handle text) {
  const TextInput input(text, kStrict);
  PersonalPlaces found;
  {
    const ReleasedGil released;
    found = personal_places(input.view());
  }
  return nb::make_tuple(found.at_signs, found.spelled, found.colons, found.schemes, found.paths,
                        found.ibans, found.groups);
}

auto words_hashed(nb::handle text, const Vector<uint32_t>& values) {
  check(values.size() == kCodePoints, "word_hashes: ", values.size(), " values, not ", kCodePoints);
  const TextInput input(text, kStrict);
  std::vector<uint64_t> hashes;
  {
    const ReleasedGil released;
    hashes = word_hashes(input.view(), values.data());
  }
  return to_numpy(std::move(hashes));
}

auto ngrams_hashed(const Vector<uint64_t>& words, int64_t n) {
  check(n >= 1, "ngram_hashes: ", n, " words, at least 1");
  std::vector<uint64_t> hashes;
  {
    const ReleasedGil released;
    hashes = ngram_hashes(words.data(), words.size(), size_t(n));
  }
  return to_numpy(std::move(hashes));
}

// A table as curate/hash_table.py has it: slots as pairs of uint64, and the homes.
HashTable table_of(const Vector<uint64_t>& slots, int64_t homes) {
  const size_t size = slots.size() / 2;
  bool fits = homes >= 1 && size >= size_t(homes) + kGaps && size <= size_t(INT32_MAX) &&
              slots.size() % 2 == 0;
  for (size_t i = 1; fits && i <= kGaps; ++i) fits = ~slots.data()[2 * (size - i)] == 0;
  check(fits, "hash table: ", slots.size(), " numbers are no slots of ", homes, " homes and ",
        kGaps, " gaps behind");
  return {reinterpret_cast<const HashSlot*>(slots.data()), size, uint64_t(homes)};
}

auto hashes_found(const Vector<uint64_t>& slots, int64_t homes, const Vector<uint64_t>& hashes) {
  const HashTable table = table_of(slots, homes);
  std::vector<int32_t> places(hashes.size());
  {
    const ReleasedGil released;
    find_hashes(places.data(), table, hashes.data(), hashes.size());
  }
  return to_numpy(std::move(places));
}

nb::tuple probabilities(const nb::list& tables, double unseen, const Vector<uint64_t>& words) {
  check(tables.size() == 3, "word_probabilities: ", tables.size(), " tables, not 3");
  TrigramModel model{};
  model.unseen = unseen;
  std::vector<Vector<uint64_t>> slots;  // held while they are read
  for (size_t n = 0; n < 3; ++n) {
    const auto table = nb::cast<nb::tuple>(tables[n]);
    slots.push_back(nb::cast<Vector<uint64_t>>(table[0], false));
    model.tables[n] = table_of(slots.back(), nb::cast<int64_t>(table[1]));
  }
  WordProbabilities found;
  {
    const ReleasedGil released;
    found = word_probabilities(model, words.data(), words.size());
  }
  return nb::make_tuple(to_numpy(std::move(found.in_context)), to_numpy(std::move(found.alone)));
}

struct HashEntry {
  Hash128 hash;
  uint64_t number;
  bool operator<(const HashEntry& other) const {
    return hash == other.hash ? number < other.number : hash < other.hash;
  }
};

// Hashes go in with numbers; out come the numbers whose hash a lower number has as well.
class Duplicates {
 public:
  Duplicates(int64_t memory, const std::string& folder) : sorted_(memory, folder) {}

  void add(const Matrix<uint64_t>& hashes, const Vector<uint64_t>& numbers) {
    check(hashes.shape(1) == 2 && hashes.shape(0) == numbers.size(), "duplicates: hashes (",
          hashes.shape(0), ", ", hashes.shape(1), ") for ", numbers.size(), " numbers");
    check(!finished_, "duplicates: added to after the first were taken out");
    const ReleasedGil released;
    for (size_t i = 0; i < numbers.size(); ++i) {
      sorted_.add({{hashes.data()[2 * i], hashes.data()[2 * i + 1]}, numbers.data()[i]});
    }
  }

  // The next of them (n, 2), at most so many: number and the lowest number of that hash.
  auto take(size_t most) {
    std::vector<uint64_t> out;
    {
      const ReleasedGil released;
      if (!finished_) {
        sorted_.finish();
        finished_ = true;
      }
      HashEntry entry;
      while (out.size() < 2 * most && sorted_.next(entry)) {
        if (any_ && entry.hash == keeper_.hash) {
          out.insert(out.end(), {entry.number, keeper_.number});
        } else {
          keeper_ = entry;
          any_ = true;
        }
      }
    }
    return matrix(std::move(out), 2);
  }

 private:
  ExternalSort<HashEntry> sorted_;
  HashEntry keeper_{};
  bool finished_ = false, any_ = false;
};

}  // namespace

void bind_text_curate(nb::module_& m) {
  // A disk that is full, a folder that is not there: an OSError with its number.
  nb::register_exception_translator([](const std::exception_ptr& thrown, void*) {
    try {
      std::rethrow_exception(thrown);
    } catch (const std::system_error& e) {
      const nb::object says = nb::make_tuple(e.code().value(), e.what());
      PyErr_SetObject(PyExc_OSError, says.ptr());
    }
  });
  nb::class_<WordSet>(m, "WordSet", "Words to count in texts; see cpp/text/text_statistics.h.")
      .def(
          "__init__",
          [](WordSet* self, const nb::list& words) { new (self) WordSet(to_strings(words)); },
          "words"_a, "Of words as UTF-8.")
      .def("__len__", [](const WordSet& words) { return words.hashes().size(); });
  nb::class_<CountedText>(m, "CountedText",
                          "A text that was counted; see cpp/text/text_statistics.h.")
      .def(
          "__init__",
          [](CountedText* self, nb::handle text) {
            const TextInput input(text, kStrict);
            const ReleasedGil released;
            new (self) CountedText(input.view());
          },
          "text"_a.none(), "Of str or bytes.")
      .def("statistics", &statistics, "stop_words"_a.none(),
           "Counts in the order of text_statistics_fields().");
  m.def(
      "text_statistics_fields",
      [] {
#define GPTE_FIELD(name) #name,
        return std::vector<std::string>{GPTE_TEXT_STATISTICS(GPTE_FIELD) "top_ngram_characters",
                                        "duplicate_ngram_characters"};
#undef GPTE_FIELD
      },
      "The names of what CountedText.statistics returns.");
  nb::class_<MinHash>(m, "MinHash", "Signatures of texts; see cpp/text/minhash.h.")
      .def(nb::init<int64_t, int64_t, uint64_t>(), "permutations"_a, "width"_a, "seed"_a)
      .def("signatures", &signatures, "texts"_a, "(N, permutations) of texts, str or bytes.");
  m.def("near_groups", &groups, "signatures"_a, "order"_a, "bands"_a, "rows"_a, "jaccard"_a,
        "memory"_a, "folder"_a,
        "Keeper of each text, pairs and their Jaccard, candidates, crowded; see cpp/text/near.h.");
  m.def("text_hashes", &text_hashes, "texts"_a, "128-bit hashes (N, 2) of texts, str or bytes.");
  m.def("text_parts", &parts, "text"_a.none(), "paragraphs"_a,
        "First and end line (n, 2) of each paragraph, or of each line, and their hashes (n, 2).");
  nb::class_<PhraseSet>(m, "PhraseSet", "Phrases to find in texts; see cpp/text/phrase_set.h.")
      .def(
          "__init__",
          [](PhraseSet* self, const nb::list& phrases) {
            new (self) PhraseSet(to_strings(phrases));
          },
          "phrases"_a, "Of phrases as UTF-8.")
      .def("find", &found_phrases, "text"_a.none(), "The places of those in a text, str or bytes.");
  m.def("list_lines", &list_lines, "text"_a.none(),
        "Characters of a text's lines, and of those that are lists; see cpp/text/list_lines.h.");
  m.def("line_hashes", &lines_hashed, "text"_a.none(), "host"_a, "longest"_a,
        "Of each line of a text from a host, and if exact; see cpp/text/line_hashes.h.");
  m.def("personal_places", &places, "text"_a.none(),
        "Where personal data may begin, in the order of cpp/text/personal_places.h.");
  m.def("word_hashes", &words_hashed, "text"_a.none(), "values"_a,
        "Of the words of a text; values (0x110000,) of code points; see cpp/text/ngram_hashes.h.");
  m.def("ngram_hashes", &ngrams_hashed, "words"_a, "n"_a, "Of each n words of hashes in a row.");
  m.def("find_hashes", &hashes_found, "slots"_a, "homes"_a, "hashes"_a,
        "The slot of each hash in a table, or the last; see cpp/text/ngram_hashes.h.");
  m.def("word_probabilities", &probabilities, "tables"_a, "unseen"_a, "words"_a,
        "Of the words a model knows, after those before and alone; see cpp/text/trigrams.h.");
  nb::class_<Duplicates>(m, "Duplicates", "Equal hashes among many, by an external sort.")
      .def(nb::init<int64_t, const std::string&>(), "memory"_a, "folder"_a)
      .def("add", &Duplicates::add, "hashes"_a, "numbers"_a, "Hashes (n, 2) and numbers (n,).")
      .def("take", &Duplicates::take, "most"_a,
           "The next numbers that are not the lowest of their hash, and the lowest, (n, 2).");
}

}  // namespace gpte
