// Sorted band keys bring the texts of a bucket together; a union-find joins them.
#include "text/near.h"

#include <algorithm>

#include "core/check.h"
#include "text/external_sort.h"
#include "text/minhash.h"
#include "text/pulse.h"

namespace gpte {
namespace {

struct Entry {
  uint64_t key;
  uint32_t rank;
  uint32_t unused;
  bool operator<(const Entry& other) const {
    return key != other.key ? key < other.key : rank < other.rank;
  }
};

// Over ranks; the root of a set is its least member.
class UnionFind {
 public:
  explicit UnionFind(int64_t n) : parent_(size_t(n)) {
    for (uint32_t i = 0; i < n; ++i) parent_[i] = i;
  }
  uint32_t find(uint32_t i) {
    while (parent_[i] != i) i = parent_[i] = parent_[parent_[i]];
    return i;
  }
  void join(uint32_t a, uint32_t b) {
    a = find(a);
    b = find(b);
    parent_[std::max(a, b)] = std::min(a, b);
  }

 private:
  std::vector<uint32_t> parent_;
};

int64_t agreeing(const uint32_t* a, const uint32_t* b, int64_t places) {
  int64_t count = 0;
  for (int64_t i = 0; i < places; ++i) count += a[i] == b[i];
  return count;
}

bool is_empty(const uint32_t* signature, int64_t places) {
  return std::all_of(signature, signature + places,
                     [](uint32_t place) { return place == MinHash::kEmpty; });
}

void check_order(const int64_t* order, int64_t n) {
  std::vector<bool> seen(static_cast<size_t>(n));
  for (int64_t rank = 0; rank < n; ++rank) {
    check(order[rank] >= 0 && order[rank] < n, "near_groups: order[", rank, "] is ", order[rank],
          ", but there are ", n, " texts");
    check(!seen[size_t(order[rank])], "near_groups: order has ", order[rank], " twice");
    seen[size_t(order[rank])] = true;
  }
}

}  // namespace

NearGroups near_groups(const uint32_t* signatures, int64_t n, const int64_t* order,
                       const NearOptions& options, const std::function<void()>& poll) {
  const int64_t places = options.bands * options.rows;
  check(options.bands >= 1 && options.rows >= 1, "near_groups: ", options.bands, " bands of ",
        options.rows, " rows, not 1 or more");
  check(options.jaccard >= 0 && options.jaccard <= 1, "near_groups: jaccard ", options.jaccard,
        " must be from 0 to 1");
  check(n < int64_t(UINT32_MAX), "near_groups: ", n, " texts, at most ", UINT32_MAX - 1);
  check_order(order, n);
  Pulse pulse(poll);
  const auto signature = [&](uint32_t rank) { return signatures + order[rank] * places; };

  ExternalSort<Entry> sorted(options.memory, options.folder);
  std::vector<uint64_t> keys(static_cast<size_t>(options.bands));
  for (uint32_t rank = 0; rank < n; ++rank) {
    pulse.beat(places);
    if (is_empty(signature(rank), places)) continue;
    band_keys(keys.data(), signature(rank), options.bands, options.rows);
    for (const uint64_t key : keys) sorted.add({key, rank, 0});
  }
  sorted.finish();

  NearGroups groups;
  UnionFind sets(n);
  std::vector<uint32_t> leaders;
  Entry entry, last{};
  while (sorted.next(entry)) {
    if (leaders.empty() || entry.key != last.key) leaders.clear();
    last = entry;
    bool joined = false;
    for (size_t i = 0; i < leaders.size() && !joined; ++i) {
      joined = sets.find(leaders[i]) == sets.find(entry.rank);
      if (joined) continue;
      pulse.beat(places);
      ++groups.candidates;
      const double share =
          double(agreeing(signature(leaders[i]), signature(entry.rank), places)) / double(places);
      if (share < options.jaccard) continue;
      joined = true;
      sets.join(leaders[i], entry.rank);
      groups.pairs.push_back({order[leaders[i]], order[entry.rank], share});
    }
    if (joined) continue;
    if (leaders.size() < kMostLeaders) {
      leaders.push_back(entry.rank);
    } else {
      ++groups.crowded;
    }
  }

  groups.keeper.resize(size_t(n));
  for (uint32_t rank = 0; rank < n; ++rank) {
    groups.keeper[size_t(order[rank])] = order[sets.find(rank)];
  }
  return groups;
}

}  // namespace gpte
