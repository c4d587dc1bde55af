// Binds the training of a vocabulary.
#include "bindings/text.h"
#include "bindings/watched.h"
#include "text/bpe_train.h"

namespace gpte {
namespace {

using Weights = nb::ndarray<const int64_t, nb::ndim<1>, nb::c_contig, nb::device::cpu>;

void add_texts(BpeTrainer& trainer, const nb::list& texts, const Weights& weights,
               const nb::object& progress) {
  check(weights.size() == texts.size(), "tokenizer: ", weights.size(), " weights for ",
        texts.size(), " texts");
  std::vector<WordCount::Text> views;
  std::vector<Buffer> arrays;  // keeps what it views alive
  for (const nb::handle text : texts) {
    const int64_t weight = weights.data()[views.size()];
    if (nb::isinstance<nb::bytes>(text)) {
      views.push_back({view(nb::borrow<nb::bytes>(text)), weight});
    } else {
      arrays.push_back(nb::cast<Buffer>(text));
      const auto* letters = reinterpret_cast<const char*>(arrays.back().data());
      views.push_back({{letters, arrays.back().size()}, weight});
    }
  }
  Watched watched(progress);
  trainer.words().add(views, watched.poll());
}

nb::dict report_of(const WordCount::Report& r) {
  nb::dict report;
  report["bytes"] = r.bytes;
  report["words"] = r.words;
  report["dropped_words"] = r.dropped_words;
  report["dropped_pieces"] = r.dropped_pieces;
  report["least_count"] = r.least_count;
  return report;
}

nb::object train(BpeTrainer& trainer, int64_t vocab_size, bool byte_ties, int64_t min_frequency,
                 int64_t max_token_length, const nb::list& forbidden, const MergeArray& base,
                 const nb::object& progress) {
  BpeTrainer::Options options;
  options.ties = byte_ties ? BpeTrainer::Ties::bytes : BpeTrainer::Ties::hugging_face;
  options.limits.min_frequency = min_frequency;
  options.limits.max_token_length = max_token_length;
  for (std::string& token : to_strings(forbidden))
    options.limits.forbidden.insert(std::move(token));
  for (size_t i = 0; i < base.shape(0); ++i) {
    options.base.push_back({base.data()[2 * i], base.data()[2 * i + 1]});
  }
  BpeTrainer::Learned learned;
  {
    Watched watched(progress);
    learned = trainer.train(vocab_size, options, watched.poll());
  }
  nb::list symbols;
  for (const std::string& symbol : learned.symbols) symbols.append(to_bytes(symbol));
  return nb::make_tuple(symbols, merge_array(learned.merges), report_of(learned.report));
}

}  // namespace

void bind_text_train(nb::module_& m) {
  nb::class_<BpeTrainer>(m, "BpeTrainer", "Learns merges from texts; see cpp/text/bpe_train.h.")
      .def(
          "__init__",
          [](BpeTrainer* self, const nb::list& specials, const std::string& split, int64_t memory) {
            new (self)
                BpeTrainer(to_strings(specials), splitter_named(split), split == "words", memory);
          },
          "specials"_a, "split"_a, "memory"_a,
          "With the names of tokens that are cut out of the texts, the split by name, and bytes.")
      .def("add", &add_texts, "texts"_a, "weights"_a, "progress"_a.none(),
           "Counts the pieces of texts, bytes or uint8 arrays, each as often as its weight says.")
      .def(
          "add_file",
          [](BpeTrainer& trainer, int file, const std::string& name, int64_t most, int64_t weight,
             const nb::object& progress) {
            Watched watched(progress);
            trainer.words().add_file(file, name, most, weight, watched.poll());
          },
          "file"_a, "name"_a, "most"_a, "weight"_a, "progress"_a.none(),
          "The same of the first bytes of an open file, by its number; its name is for messages.")
      .def("train", &train, "vocab_size"_a, "byte_ties"_a, "min_frequency"_a, "max_token_length"_a,
           "forbidden"_a, "base"_a, "progress"_a.none(),
           "The symbols, the merges (M, 2) learned after those of the base, and a report. Uses up "
           "the words.");
}

}  // namespace gpte
