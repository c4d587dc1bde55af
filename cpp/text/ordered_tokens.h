// The ids of items that several threads make, put one after the other in the order of the items.
//
// An item's ids go to their place as soon as it is known, while they lie in a core's cache: so
// memory is written once, and holds them once.
#pragma once

#include <cstdint>
#include <cstring>
#include <mutex>
#include <shared_mutex>
#include <utility>
#include <vector>

#include "text/token_buffer.h"

namespace gpte {

class OrderedTokens {
 public:
  // They follow what `all` has, which nobody else may touch until every item was put.
  OrderedTokens(TokenBuffer& all, size_t items) : all_(all), waiting_(items), is_there_(items) {}

  // An empty buffer to write an item's ids to, often one that was put before.
  TokenBuffer take() {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (free_.empty()) return {};
    TokenBuffer buffer = std::move(free_.back());
    free_.pop_back();
    return buffer;
  }

  // To be called once for each item, in any order. Copies that item's ids, and those of items
  // after it that waited for it.
  void put(size_t item, TokenBuffer ids) {
    std::vector<Placed> placed = place(item, std::move(ids));
    if (placed.empty()) return;
    {
      const std::shared_lock<std::shared_mutex> lock(memory_);
      for (const Placed& p : placed) {
        std::memcpy(all_.data() + p.at, p.ids.data(), size_t(p.ids.size()) * sizeof(uint32_t));
      }
    }
    const std::lock_guard<std::mutex> lock(mutex_);
    for (Placed& p : placed) {
      p.ids.clear();
      free_.push_back(std::move(p.ids));
    }
  }

 private:
  struct Placed {
    int64_t at;
    TokenBuffer ids;
  };

  // Gives places to all items from the next one on that are there.
  std::vector<Placed> place(size_t item, TokenBuffer ids) {
    std::vector<Placed> placed;
    const std::lock_guard<std::mutex> lock(mutex_);
    waiting_[item] = std::move(ids);
    is_there_[item] = true;
    for (; next_ < waiting_.size() && is_there_[next_]; ++next_) {
      const int64_t at = all_.size(), count = waiting_[next_].size();
      if (!all_.has_room(count)) {
        const std::unique_lock<std::shared_mutex> alone(memory_);  // its memory may move
        all_.reserve(count);
      }
      all_.end_at(all_.data() + at + count);
      placed.push_back({at, std::move(waiting_[next_])});
    }
    return placed;
  }

  TokenBuffer& all_;
  std::mutex mutex_;          // of all that is below, and of the size of all_
  std::shared_mutex memory_;  // of all_: shared while it is written to
  std::vector<TokenBuffer> waiting_, free_;
  std::vector<bool> is_there_;
  size_t next_ = 0;
};

}  // namespace gpte
