#include "decode/token_logprob.h"

#include <cmath>

#include "core/check.h"
#include "core/parallel.h"
#include "kernels/kernels.h"

namespace gpte {

void token_logprob(float* logprobs, const float* logits, const int32_t* ids, int64_t B, int64_t V) {
  for (int64_t b = 0; b < B; ++b)
    check(ids[b] >= 0 && ids[b] < V, "token_logprob: ids[", b, "] = ", ids[b], " must be below ", V,
          " and not negative");
  parallel_for(B, 1, [&](int64_t b, int64_t) {
    float lse;
    kernels().logprob.f32->logprob(logprobs + b, &lse, logits + b * V, V, ids + b, 1, V);
    if (!std::isfinite(lse)) logprobs[b] = NAN;
  });
  for (int64_t b = 0; b < B; ++b)
    check(!std::isnan(logprobs[b]), "token_logprob: logits[", b, "] must be finite");
}

}  // namespace gpte
