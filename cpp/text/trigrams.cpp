// Most triples of a text are in no model; where a pair of one is not there, it is not looked for.
#include "text/trigrams.h"

namespace gpte {
namespace {

std::vector<int32_t> places_of(const HashTable& table, const uint64_t* hashes, size_t count) {
  std::vector<int32_t> places(count);
  find_hashes(places.data(), table, hashes, count);
  return places;
}

// The places of triples, by the place in the text of their first word; pairs: those of pairs.
std::vector<int32_t> places_of_triples(const HashTable& table, const uint64_t* words, size_t count,
                                       const std::vector<int32_t>& pairs) {
  const std::vector<uint64_t> all = ngram_hashes(words, count, 3);
  std::vector<uint64_t> hashes;
  for (size_t i = 0; i < all.size(); ++i) {
    if (pairs[i] >= 0 && pairs[i + 1] >= 0) hashes.push_back(all[i]);
  }
  const std::vector<int32_t> found = places_of(table, hashes.data(), hashes.size());
  std::vector<int32_t> places(all.size(), -1);
  for (size_t i = 0, next = 0; i < all.size(); ++i) {
    if (pairs[i] >= 0 && pairs[i + 1] >= 0) places[i] = found[next++];
  }
  return places;
}

// Without a branch: which n-grams of a text are there, no processor foresees.
double at(const float* shares, int32_t place, double missing) {
  const double share = double(shares[place < 0 ? 0 : place]);
  return place < 0 ? missing : share;
}

}  // namespace

WordProbabilities word_probabilities(const TrigramModel& model, const uint64_t* words,
                                     size_t count) {
  const std::vector<uint64_t> two = ngram_hashes(words, count, 2);
  const std::vector<int32_t> single = places_of(model.tables[0], words, count);
  const std::vector<int32_t> pairs = places_of(model.tables[1], two.data(), two.size());
  const std::vector<int32_t> triples = places_of_triples(model.tables[2], words, count, pairs);
  WordProbabilities out;
  out.in_context.reserve(count);
  out.alone.reserve(count);
  for (size_t i = 0; i < count; ++i) {
    if (single[i] < 0) continue;
    const double alone = at(model.seen[0], single[i], 0) + model.unseen;
    double p = alone;
    if (i >= 1) p = at(model.seen[1], pairs[i - 1], 0) + at(model.rest[0], single[i - 1], 1) * p;
    if (i >= 2) p = at(model.seen[2], triples[i - 2], 0) + at(model.rest[1], pairs[i - 2], 1) * p;
    out.in_context.push_back(p);
    out.alone.push_back(alone);
  }
  return out;
}

}  // namespace gpte
