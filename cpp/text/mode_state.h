// What encoding in one mode needs: the encoder, and memories of pieces that never mix modes.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/parallel.h"
#include "text/piece_cache.h"
#include "text/piece_encoder.h"

namespace gpte {

// Memories that nobody uses now, no more than threads run at a time. Each has one user at a time;
// there is no lock, so that a fork while another thread encodes loses what that thread holds, and
// nothing else.
class CachePool {
 public:
  ~CachePool() { clear(); }

  // Changes with every clear(): what was made before is not kept any more.
  uint64_t generation() const { return generation_; }

  // Null where there is none.
  std::unique_ptr<PieceCache> take() {
    for (auto& slot : slots_) {
      if (!slot.load(std::memory_order_relaxed)) continue;
      std::unique_ptr<PieceCache> cache(slot.exchange(nullptr));
      if (cache && cache->generation() == generation_) return cache;
    }
    return nullptr;
  }

  void give_back(std::unique_ptr<PieceCache> cache) {
    static std::atomic<int> available{0};
    if (available == 0) available = available_threads();
    const uint64_t made = cache->generation();
    if (made != generation_) return;
    const size_t most = std::min(slots_.size(), size_t(std::max<int>(available, num_threads())));
    for (size_t i = 0; i < most; ++i) {
      auto& slot = slots_[i];
      PieceCache* none = nullptr;
      if (slot.compare_exchange_strong(none, cache.get())) {
        cache.release();
        if (made != generation_) delete slot.exchange(nullptr);  // clear() may have been too early
        return;
      }
    }
  }

  int64_t size() const {
    return std::count_if(slots_.begin(), slots_.end(),
                         [](const auto& slot) { return slot.load(); });
  }

  void clear() {
    ++generation_;
    for (auto& slot : slots_) delete slot.exchange(nullptr);
  }

 private:
  std::array<std::atomic<PieceCache*>, 64> slots_{};
  std::atomic<uint64_t> generation_{0};
};

struct ModeState {
  explicit ModeState(std::unique_ptr<const PieceEncoder> e) : encoder(std::move(e)) {}

  // Seeds the memories with the short tokens that are their own encoding.
  void sow(const std::vector<std::string>& tokens, const std::vector<bool>& is_special) {
    uint32_t ids[PieceCache::kShortBytes];
    const std::function<void()> no_poll;
    Pulse pulse(no_poll);
    for (uint32_t id = 0; id < tokens.size(); ++id) {
      const std::string& token = tokens[id];
      if (is_special[id] || token.size() > PieceCache::kShortBytes) continue;
      const auto* p = reinterpret_cast<const uint8_t*>(token.data());
      const auto length = int64_t(token.size());
      if (encoder->encode(ids, p, length, pulse) != 1) continue;
      const PieceCache::Key key = PieceCache::key(p, length);
      seed.push_back({key.low, key.high | uint64_t{1} << 60, {ids[0], 0, 0, 0}});
    }
  }

  const std::unique_ptr<const PieceEncoder> encoder;
  std::vector<PieceCache::Entry> seed;
  mutable CachePool caches;
};

}  // namespace gpte
