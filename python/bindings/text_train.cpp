// Binds the training of a vocabulary.
#include "bindings/text.h"
#include "text/bpe_train.h"

namespace gpte {

void bind_text_train(nb::module_& m) {
  nb::class_<BpeTrainer>(m, "BpeTrainer", "Learns merges from texts; see cpp/text/bpe_train.h.")
      .def(
          "__init__",
          [](BpeTrainer* self, const nb::list& specials, const std::string& split) {
            new (self) BpeTrainer(to_strings(specials), splitter_named(split));
          },
          "specials"_a, "split"_a,
          "With the names of tokens that are cut out of the texts, and the split by name.")
      .def_prop_ro("bytes", &BpeTrainer::bytes, "Bytes of text added so far.")
      .def(
          "add",
          [](BpeTrainer& trainer, const nb::bytes& text) {
            const ReleasedGil released;
            trainer.add(view(text));
          },
          "text"_a, "Counts the pieces of a text.")
      .def(
          "add_buffer",
          [](BpeTrainer& trainer, const Buffer& text) {
            const ReleasedGil released;
            trainer.add({reinterpret_cast<const char*>(text.data()), text.size()});
          },
          "text"_a, "The same of an array of bytes, such as a mapped file.")
      .def(
          "train",
          [](const BpeTrainer& trainer, int64_t count, int64_t min_frequency) {
            std::vector<Merge> merges;
            {
              const ReleasedGil released;
              merges = trainer.train(count, min_frequency);
            }
            return merge_array(merges);
          },
          "count"_a, "min_frequency"_a,
          "The next merges (at most count, 2), each of a pair that occurs often enough.");
}

}  // namespace gpte
