// The log-probability of one token of each row of logits: logprobs[b] = log softmax(z[b])[ids[b]],
// with the bits that linear_logprob and sample give for the same logits.
// logits: (B, V); fails on NaN and +infinity
#pragma once

#include <cstdint>

namespace gpte {

void token_logprob(float* logprobs, const float* logits, const int32_t* ids, int64_t B, int64_t V);

}  // namespace gpte
