// A few vectors of permutations stay in registers while all shingles pass by.
#include "kernels/minhash.h"

#include "kernels/vec.h"

namespace gpte {
namespace GPTE_ISA_NAMESPACE {
namespace {

typedef uint32_t Words __attribute__((vector_size(kLanes * 4)));

// The instruction of that name where there is one; the compilers see it.
GPTE_INLINE IntVec lesser(IntVec a, IntVec b) {
  return a < b ? a : b;
}

template <int kVectors>
GPTE_INLINE void lower_some(int32_t* least, const uint32_t* shingles, int64_t count,
                            const uint32_t* times, const uint32_t* plus) {
  Words a[kVectors], b[kVectors];
  IntVec m[kVectors];
  for (int i = 0; i < kVectors; ++i) {
    memcpy(&a[i], times + i * kLanes, sizeof(Words));
    memcpy(&b[i], plus + i * kLanes, sizeof(Words));
    memcpy(&m[i], least + i * kLanes, sizeof(Words));
  }
  for (int64_t s = 0; s < count; ++s) {
    const uint32_t x = shingles[s];
    for (int i = 0; i < kVectors; ++i) m[i] = lesser((IntVec)(a[i] * x + b[i]), m[i]);
  }
  for (int i = 0; i < kVectors; ++i) memcpy(least + i * kLanes, &m[i], sizeof(Words));
}

void lower(int32_t* least, const uint32_t* shingles, int64_t count, const uint32_t* times,
           const uint32_t* plus, int64_t permutations) {
  int64_t k = 0;
  for (; k + 4 * kLanes <= permutations; k += 4 * kLanes) {
    lower_some<4>(least + k, shingles, count, times + k, plus + k);
  }
  for (; k < permutations; k += kLanes) {
    lower_some<1>(least + k, shingles, count, times + k, plus + k);
  }
}

}  // namespace

extern const MinHashKernels minhash;
const MinHashKernels minhash = {lower};

}  // namespace GPTE_ISA_NAMESPACE
}  // namespace gpte
