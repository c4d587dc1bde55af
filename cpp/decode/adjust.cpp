#include "decode/adjust.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "core/check.h"
#include "core/scratch.h"
#include "kernels/kernels.h"

namespace gpte {
namespace {

constexpr int32_t kDone = -1;

// counts: (V) of scratch, whatever is in it; only the entries of the history are touched.
void penalize(float* z, int32_t* counts, const Adjustment& a, const History& h) {
  const int32_t *end = h.ids + h.length, *written = h.ids + h.prompt;
  for (const int32_t* id = h.ids; id != end; ++id) counts[*id] = 0;
  for (const int32_t* id = written; id != end; ++id) ++counts[*id];
  for (const int32_t* id = h.ids; id != end; ++id) {
    const int32_t count = counts[*id];
    if (count == kDone) continue;
    counts[*id] = kDone;
    float& x = z[*id];
    if (a.repetition != 1) x = x > 0 ? x / a.repetition : x * a.repetition;
    if (count > 0) x -= a.presence + a.frequency * float(count);
  }
}

bool allows_all(const int32_t* mask, int64_t V) {
  for (int64_t word = 0; word < V / 32; ++word)
    if (mask[word] != -1) return false;
  const uint32_t rest = (1u << V % 32) - 1;
  return rest == 0 || (uint32_t(mask[V / 32]) & rest) == rest;
}

}  // namespace

void check_adjustment(const Adjustment& a) {
  check(a.repetition > 0 && std::isfinite(a.repetition), "sample: repetition_penalty ",
        a.repetition, " must be above 0 and finite");
  check(std::isfinite(a.presence), "sample: presence_penalty ", a.presence, " must be finite");
  check(std::isfinite(a.frequency), "sample: frequency_penalty ", a.frequency, " must be finite");
  for (const auto& [id, bias] : a.bias)
    check(std::isfinite(bias) || bias == -INFINITY, "sample: logit_bias ", bias, " of token ", id,
          " must be finite, or -inf to forbid it");
}

void check_adjusted_ids(const Adjustment& a, const History& h, int64_t b, int64_t V) {
  for (const auto& [id, bias] : a.bias)
    check(id >= 0 && id < V, "sample: row ", b, ": logit_bias of token ", id, " must be in [0, ", V,
          ")");
  for (int64_t i = 0; i < h.length; ++i)
    check(h.ids[i] >= 0 && h.ids[i] < V, "sample: row ", b, ": history[", i, "] = ", h.ids[i],
          " must be in [0, ", V, ")");
}

const float* adjusted(const float* z, int64_t V, const Adjustment& a, const History& h,
                      const int32_t* mask) {
  const bool penalizes = a.penalizes() && h.length > 0, masks = mask && !allows_all(mask, V);
  if (a.bias.empty() && !penalizes && !masks) return z;
  float* y = scratch<float>(Scratch::adjusting, 2 * V);
  if (a.bias.empty() && !penalizes) {
    kernels().sampling->masked(y, z, mask, V);
    return y;
  }
  std::copy_n(z, V, y);
  for (const auto& [id, bias] : a.bias) y[id] += bias;
  if (penalizes) penalize(y, reinterpret_cast<int32_t*>(y + V), a, h);
  if (masks) kernels().sampling->masked(y, y, mask, V);
  return y;
}

std::string why_none_is_left(const float* z, int64_t V, const Adjustment& a, const History& h) {
  const auto largest = [V](const float* row) { return *std::max_element(row, row + V); };
  if (largest(z) == -INFINITY) return "the changed logits exclude every token";
  const float before_mask = largest(adjusted(z, V, a, h, nullptr));
  if (before_mask == INFINITY) return "logit_bias and penalties make a logit infinite";
  if (before_mask == -INFINITY) return "logit_bias and penalties exclude every token";
  return a.bias.empty() ? "the mask allows no token"
                        : "the mask allows no token that logit_bias leaves";
}

}  // namespace gpte
