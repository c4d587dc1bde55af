// Draws the next token of each row of logits z. With p = softmax(z / temperature) sorted from the
// largest, equal ones by id, the tokens kept are
//   1. the first top_k (0: all),
//   2. of these the fewest first ones whose sum reaches top_p times the sum of 1,
//   3. of these those with p >= min_p * (the largest p).
// The draw among them has probabilities proportional to p and is a function of the seed, the sample
// and the position alone. Temperature 0 takes the first of the order, with no draw.
#pragma once

#include <cstdint>

namespace gpte {

struct Sampling {
  float temperature = 1;
  int64_t top_k = 0;
  float top_p = 1, min_p = 0;
  uint64_t seed = 0;
};

// ids[b] is drawn from the row logits[b] for position positions[b] of sample samples[b];
// logprobs[b] = log softmax(z)[ids[b]] is the model's own, before temperature and cuts, with the
// bits that linear_logprob gives for the same logits.
// logits: (B, V); fails on NaN and +infinity; -infinity excludes a token
void sample(int32_t* ids, float* logprobs, const float* logits, const int32_t* samples,
            const int32_t* positions, int64_t B, int64_t V, const Sampling& options);

}  // namespace gpte
