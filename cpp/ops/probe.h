// The peaks of this machine, measured: what every speed is stated as a share of. A shared machine
// changes from minute to minute, so the probe belongs into the process that measures something.
#pragma once

#include "core/dtype.h"

namespace gpte {

// Floating-point operations a second that `threads` threads reach in registers, the best of short
// slices of `seconds`. bf16 counts what the engine would use: pairs, or float32 after widening.
double peak_flops(DType dtype, int threads, double seconds);

// Bytes a second that `threads` threads read from a buffer larger than the caches.
double memory_bandwidth(int threads, double seconds);

}  // namespace gpte
