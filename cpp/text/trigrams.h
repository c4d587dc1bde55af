// The probabilities of words by a trigram model over their hashes.
//
// p(w | u v) = seen(u v w) + rest(u v) * (seen(v w) + rest(v) * (seen(w) + unseen)); seen is 0 and
// rest 1 of what the model does not have. Of each triple that it has, it has both pairs.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "text/ngram_hashes.h"

namespace gpte {

struct TrigramModel {
  HashTable tables[3];  // of words, pairs, triples; values: seen and rest, two floats
  double unseen;
};

struct WordProbabilities {
  std::vector<double> in_context, alone;  // p(w | u v), as far as there is a u and v, and p(w)
};

// Of those words of a text that the model knows, in order. words: their hashes.
WordProbabilities word_probabilities(const TrigramModel& model, const uint64_t* words,
                                     size_t count);

}  // namespace gpte
