// 64 bytes as vectors, what a byte is as a 64-bit mask, and masks of bytes as masks of characters.
#pragma once

#include <stdint.h>
#include <string.h>

#include "kernels/vec.h"

namespace gpte {
namespace GPTE_ISA_NAMESPACE {

#if defined(__AVX512BW__)
struct Block {
  __m512i v;
};
GPTE_INLINE Block load_block(const uint8_t* p) {
  return {_mm512_loadu_si512(p)};
}
GPTE_INLINE uint64_t equal(Block b, uint8_t c) {
  return _mm512_cmpeq_epi8_mask(b.v, _mm512_set1_epi8(char(c)));
}
// first <= byte < first + n
GPTE_INLINE uint64_t range(Block b, uint8_t first, uint8_t n) {
  const __m512i from = _mm512_sub_epi8(b.v, _mm512_set1_epi8(char(first)));
  return _mm512_cmplt_epu8_mask(from, _mm512_set1_epi8(char(n)));
}
GPTE_INLINE uint64_t high(Block b) {
  return _mm512_movepi8_mask(b.v);
}
#else
#if defined(__AVX2__)
constexpr int kBytes = 32;
#else
constexpr int kBytes = 16;
#endif
typedef uint8_t ByteVec __attribute__((vector_size(kBytes)));

struct Block {
  ByteVec v[64 / kBytes];
};

GPTE_INLINE Block load_block(const uint8_t* p) {
  Block b;
  memcpy(&b, p, sizeof(b));
  return b;
}

// The top bits of the bytes, which are 0 or 255 where no instruction gathers them.
GPTE_INLINE uint64_t gather(ByteVec v) {
#if defined(__AVX2__)
  return uint32_t(_mm256_movemask_epi8((__m256i)v));
#elif defined(__SSE2__)
  return uint32_t(__builtin_ia32_pmovmskb128((char __attribute__((vector_size(16))))v));
#else
  uint64_t half[2];
  memcpy(half, &v, sizeof(half));
  for (uint64_t& h : half) h = (h & 0x8040201008040201u) * 0x0101010101010101u >> 56;
  return half[0] | half[1] << 8;
#endif
}

GPTE_INLINE uint64_t equal(const Block& b, uint8_t c) {
  uint64_t mask = 0;
  for (int i = 0; i < 64 / kBytes; ++i) mask |= gather((ByteVec)(b.v[i] == c)) << (i * kBytes);
  return mask;
}
GPTE_INLINE uint64_t range(const Block& b, uint8_t first, uint8_t n) {
  uint64_t mask = 0;
  for (int i = 0; i < 64 / kBytes; ++i) {
    mask |= gather((ByteVec)(b.v[i] - first < n)) << (i * kBytes);
  }
  return mask;
}
GPTE_INLINE uint64_t high(const Block& b) {
  uint64_t mask = 0;
  for (int i = 0; i < 64 / kBytes; ++i) mask |= gather((ByteVec)(b.v[i] > 127)) << (i * kBytes);
  return mask;
}
#endif

#if defined(__BMI2__)
struct Squeeze {
  uint64_t keep;
};
GPTE_INLINE Squeeze squeeze_to(uint64_t keep) {
  return {keep};
}
GPTE_INLINE uint64_t squeeze(const Squeeze& s, uint64_t mask) {
  return _pext_u64(mask, s.keep);
}
GPTE_INLINE uint64_t spread(const Squeeze& s, uint64_t mask) {
  return _pdep_u64(mask, s.keep);
}
#else
// Hacker's Delight, 7-4 and 7-5: six moves by powers of two.
struct Squeeze {
  uint64_t keep, moves[6];
};
GPTE_INLINE Squeeze squeeze_to(uint64_t keep) {
  Squeeze s;
  s.keep = keep;
  uint64_t left = ~keep << 1;
  for (int i = 0; i < 6; ++i) {
    uint64_t parity = left;
    for (int shift = 1; shift < 64; shift *= 2) parity ^= parity << shift;
    s.moves[i] = parity & keep;
    keep = (keep ^ s.moves[i]) | (s.moves[i] >> (1 << i));
    left &= ~parity;
  }
  return s;
}
GPTE_INLINE uint64_t squeeze(const Squeeze& s, uint64_t mask) {
  mask &= s.keep;
  for (int i = 0; i < 6; ++i) {
    const uint64_t moved = mask & s.moves[i];
    mask = (mask ^ moved) | (moved >> (1 << i));
  }
  return mask;
}
GPTE_INLINE uint64_t spread(const Squeeze& s, uint64_t mask) {
  for (int i = 5; i >= 0; --i) {
    const uint64_t moved = mask << (1 << i);
    mask = (mask & ~s.moves[i]) | (moved & s.moves[i]);
  }
  return mask & s.keep;
}
#endif

}  // namespace GPTE_ISA_NAMESPACE
}  // namespace gpte
