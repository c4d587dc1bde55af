// Draws the next token of each row of logits z, by that row's own settings. The row is adjusted
// first (decode/adjust.h). With p = softmax(z / temperature) sorted from the largest, equal ones by
// id, the tokens kept are
//   1. the first top_k (0: all),
//   2. of these the fewest first ones whose sum reaches top_p times the sum of 1,
//   3. of these those with p >= min_p * (the largest p),
//   4. of these the fewest most typical ones (Meister et al., "Locally Typical Sampling", 2022)
//      whose sum reaches typical times the sum of 3: those whose -log p is closest to its mean
//      over 3, equally close ones by id.
// The draw among them has probabilities proportional to p and is a function of the seed, the sample
// and the position alone. Temperature 0 takes the first of the order, with no draw.
#pragma once

#include <cstdint>

#include "decode/adjust.h"

namespace gpte {

struct Sampling {
  float temperature = 1;
  int64_t top_k = 0;
  float top_p = 1, min_p = 0, typical = 1;
  uint64_t seed = 0;
  Adjustment adjustment;
};

void check_sampling(const Sampling& settings);

// One row of a batch; its draw depends on nothing else.
struct SampledRow {
  const float* logits;   // (V) of the model: fails on NaN and +infinity; -infinity excludes
  const float* changed;  // (V) to draw from instead, or null
  const Sampling* settings;
  int32_t sample, position;  // which key the draw
  History history;           // what its penalties look at
  const int32_t* mask;       // of allowed tokens, or null; see decode/adjust.h
};

// For each row b, ids[b] is drawn and logprobs[b] = log softmax(logits)[ids[b]] is the model's own,
// before any change and cut, with the bits that linear_logprob gives for the same logits.
// top_ids, top_logprobs: (B, top) the model's own most likely tokens, equal ones by id.
void sample(int32_t* ids, float* logprobs, int32_t* top_ids, float* top_logprobs,
            const SampledRow* rows, int64_t B, int64_t V, int64_t top);

// p: (B, V) how likely `sample` is to draw each token, if it drew again and again.
void probabilities(double* p, const SampledRow* rows, int64_t B, int64_t V);

}  // namespace gpte
