// Most triples of a text are in no model; one is looked for only where both of its pairs are there.
#include "text/trigrams.h"

#include <algorithm>
#include <array>
#include <cstring>

namespace gpte {
namespace {

// The slots of a few n-grams, by the last word of each; the first is that of the word before them.
using Places = std::array<int32_t, kLookedUp + 1>;

struct Shares {
  float seen, rest;
};

Shares shares(const HashTable& table, int32_t place) {
  Shares out;
  std::memcpy(&out, &table.slots[place].values, sizeof(out));
  return out;
}

int32_t missing(const HashTable& table) {
  return int32_t(table.size - 1);
}

// pairs: those of table `of`, for the same words.
void find_triples(Places& triples, const HashTable& table, const uint64_t* hashes, size_t count,
                  const Places& pairs, const HashTable& of) {
  std::array<uint64_t, kLookedUp> some;
  std::array<int32_t, kLookedUp + 1> found;
  size_t wanted = 0;
  const auto is_wanted = [&](size_t i) {
    return (pairs[i - 1] != missing(of)) & (pairs[i] != missing(of));
  };
  for (size_t i = 1; i <= count; ++i) {
    some[wanted] = hashes[i - 1];
    wanted += is_wanted(i);
  }
  find_hashes(found.data(), table, some.data(), wanted);
  size_t next = 0;
  for (size_t i = 1; i <= count; ++i) {
    triples[i] = is_wanted(i) ? found[next] : missing(table);
    next += is_wanted(i);
  }
}

}  // namespace

WordProbabilities word_probabilities(const TrigramModel& model, const uint64_t* words,
                                     size_t count) {
  const HashTable &one = model.tables[0], &two = model.tables[1], &three = model.tables[2];
  WordProbabilities out;
  out.in_context.reserve(count);
  out.alone.reserve(count);
  Places single, pairs, triples;
  std::array<uint64_t, kLookedUp> hashes;
  single[0] = missing(one);
  pairs[0] = missing(two);
  for (size_t from = 0; from < count; from += kLookedUp) {
    const size_t n = std::min(kLookedUp, count - from);
    const auto word = [&](size_t i, size_t before) {  // 0 before the first
      return from + i < before ? 0 : words[from + i - before];
    };
    find_hashes(&single[1], one, words + from, n);
    for (size_t i = 0; i < n; ++i) hashes[i] = spread(word(i, 1) * kNgramBase + word(i, 0));
    find_hashes(&pairs[1], two, hashes.data(), n);
    if (from == 0) pairs[1] = missing(two);
    for (size_t i = 0; i < n; ++i) {
      hashes[i] = spread((word(i, 2) * kNgramBase + word(i, 1)) * kNgramBase + word(i, 0));
    }
    find_triples(triples, three, hashes.data(), n, pairs, two);
    for (size_t i = 1; i <= n; ++i) {
      if (single[i] == missing(one)) continue;
      const double alone = double(shares(one, single[i]).seen) + model.unseen;
      double p = alone;
      p = double(shares(two, pairs[i]).seen) + double(shares(one, single[i - 1]).rest) * p;
      p = double(shares(three, triples[i]).seen) + double(shares(two, pairs[i - 1]).rest) * p;
      out.in_context.push_back(p);
      out.alone.push_back(alone);
    }
    single[0] = single[n];
    pairs[0] = pairs[n];
  }
  return out;
}

}  // namespace gpte
