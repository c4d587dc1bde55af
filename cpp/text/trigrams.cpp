// A few words at a time, so that what is fetched of the tables, which are larger than caches, is
// there when it is needed. Most triples of a text are in no model; one is looked for only where
// both of its pairs are there.
#include "text/trigrams.h"

#include <algorithm>
#include <array>

namespace gpte {
namespace {

// Places of n-grams, by the last word of each; first come those of the word before the few.
using Places = std::array<int32_t, kLookedUp + 1>;

void fetch(const float* shares, const Places& places, size_t count) {
  for (size_t i = 1; i <= count; ++i) __builtin_prefetch(shares + std::max(places[i], 0));
}

// Without a branch: which n-grams of a text are there, no processor foresees.
double at(const float* shares, int32_t place, double missing) {
  const double share = double(shares[std::max(place, 0)]);
  return place < 0 ? missing : share;
}

// pairs: their places, and those of the pair before.
void find_triples(Places& triples, const HashTable& table, const uint64_t* hashes, size_t count,
                  const Places& pairs) {
  std::array<uint64_t, kLookedUp> some;
  std::array<int32_t, kLookedUp> found;
  size_t wanted = 0;
  const auto is_wanted = [&](size_t i) { return pairs[i - 1] >= 0 && pairs[i] >= 0; };
  for (size_t i = 1; i <= count; ++i) {
    some[wanted] = hashes[i - 1];
    wanted += is_wanted(i);
  }
  find_hashes(found.data(), table, some.data(), wanted);
  for (size_t i = 1, next = 0; i <= count; ++i) triples[i] = is_wanted(i) ? found[next++] : -1;
}

}  // namespace

WordProbabilities word_probabilities(const TrigramModel& model, const uint64_t* words,
                                     size_t count) {
  // By the last word of each, as if there were some before the first.
  std::vector<uint64_t> two(1), three(2);
  for (const uint64_t hash : ngram_hashes(words, count, 2)) two.push_back(hash);
  for (const uint64_t hash : ngram_hashes(words, count, 3)) three.push_back(hash);
  three.resize(std::max<size_t>(count, 2));
  WordProbabilities out;
  out.in_context.reserve(count);
  out.alone.reserve(count);
  Places single, pairs, triples;
  single[0] = pairs[0] = -1;
  for (size_t from = 0; from < count; from += kLookedUp) {
    const size_t n = std::min(kLookedUp, count - from);
    find_hashes(&single[1], model.tables[0], words + from, n);
    find_hashes(&pairs[1], model.tables[1], two.data() + from, n);
    if (from == 0) pairs[1] = -1;
    find_triples(triples, model.tables[2], three.data() + from, n, pairs);
    fetch(model.seen[0], single, n);
    fetch(model.rest[0], single, n);
    fetch(model.seen[1], pairs, n);
    fetch(model.rest[1], pairs, n);
    fetch(model.seen[2], triples, n);
    for (size_t i = 1; i <= n; ++i) {
      if (single[i] < 0) continue;
      const double alone = at(model.seen[0], single[i], 0) + model.unseen;
      double p = alone;
      p = at(model.seen[1], pairs[i], 0) + at(model.rest[0], single[i - 1], 1) * p;
      p = at(model.seen[2], triples[i], 0) + at(model.rest[1], pairs[i - 1], 1) * p;
      out.in_context.push_back(p);
      out.alone.push_back(alone);
    }
    single[0] = single[n];
    pairs[0] = pairs[n];
  }
  return out;
}

}  // namespace gpte
