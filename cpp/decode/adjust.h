// What is changed about a row of logits z before a token is drawn from it, in this order:
//   1. logit bias: z[id] += bias
//   2. repetition penalty r (Keskar et al., "CTRL", 2019), of each id in the history, prompt and
//      written text: z[id] becomes z[id] / r where it is positive, else z[id] * r
//   3. presence and frequency penalty (OpenAI's), of each id in the written part of the history:
//      z[id] -= presence + frequency * (how often it is there)
//   4. the mask: tokens whose bit is not set are excluded
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace gpte {

struct Adjustment {
  float repetition = 1, presence = 0, frequency = 0;
  std::vector<std::pair<int32_t, float>> bias;  // (id, what is added); -infinity forbids the id

  bool penalizes() const { return repetition != 1 || presence != 0 || frequency != 0; }
};

// The tokens that a row's penalties look at; the first `prompt` of them were not written.
struct History {
  const int32_t* ids = nullptr;
  int64_t length = 0, prompt = 0;
};

// Penalties must be finite, a repetition penalty positive, a bias finite or -infinity.
void check_adjustment(const Adjustment& a);

// Row b's ids of bias and history must be in [0, V).
void check_adjusted_ids(const Adjustment& a, const History& h, int64_t b, int64_t V);

// The adjusted row: z itself where there is nothing to do, else scratch of the calling thread.
// mask: ceil(V / 32) words, bit v % 32 of word v / 32 is token v's; may be null
const float* adjusted(const float* z, int64_t V, const Adjustment& a, const History& h,
                      const int32_t* mask);

// Why `adjusted` left no token that can be drawn.
std::string why_none_is_left(const float* z, int64_t V, const Adjustment& a, const History& h);

}  // namespace gpte
