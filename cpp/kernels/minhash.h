// The least values of many permutations over the shingles of a text.
#pragma once

#include <stdint.h>

namespace gpte {

constexpr int64_t kMinHashStep = 16;  // permutations come in multiples of this

struct MinHashKernels {
  // least[k] = min(least[k], times[k] * shingle + plus[k]) over all shingles, modulo 2^32 and
  // compared as signed numbers, for k < permutations. No memory is aligned.
  void (*lower)(int32_t* least, const uint32_t* shingles, int64_t count, const uint32_t* times,
                const uint32_t* plus, int64_t permutations);
};

}  // namespace gpte
