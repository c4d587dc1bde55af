// Groups of near-duplicates: texts that share a band of their signatures (locality-sensitive
// hashing), and whose signatures agree in enough places to be copies of each other.
//
// Texts are taken in the order of their rank, and a group is kept by its first. Within a band's
// bucket a text joins the first of the earlier ones that lead there and agree with it, or leads
// itself; so the outcome depends on signatures and ranks alone. Groups that meet become one.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace gpte {

struct NearOptions {
  int64_t bands, rows;  // a signature has bands * rows places
  double jaccard;       // least share of places that agree
  int64_t memory;       // bytes for sorting; the texts take 12 more each
  std::string folder;   // for what does not fit
};

struct NearPair {
  int64_t earlier, later;  // texts by number, in the order of their ranks
  double jaccard;          // estimated
};

struct NearGroups {
  std::vector<int64_t> keeper;  // of each text, its own number if it is kept or has no words
  std::vector<NearPair> pairs;  // those that made the groups: one fewer than a group has texts
  int64_t candidates = 0;       // comparisons of signatures
  int64_t crowded = 0;          // texts that met kMostLeaders others in a bucket, none like them
};

// Leaders of a bucket with which a text is compared: bounds the work of a crowded one.
constexpr size_t kMostLeaders = 64;

// signatures (n, bands * rows); order (n,): the texts by rank, each once.
NearGroups near_groups(const uint32_t* signatures, int64_t n, const int64_t* order,
                       const NearOptions& options, const std::function<void()>& poll);

}  // namespace gpte
