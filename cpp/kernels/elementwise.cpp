#include "kernels/elementwise.h"

#include "kernels/vec.h"

namespace gpte {
namespace GPTE_ISA_NAMESPACE {
namespace {

template <class T>
void add(T* y, const T* x, int64_t n) {
  for (int64_t i = 0; i < n; i += kLanes)
    store_n(y + i, load_n(y + i, n - i) + load_n(x + i, n - i), n - i);
}

template <class T>
void scale(T* y, float factor, int64_t n) {
  for (int64_t i = 0; i < n; i += kLanes) store_n(y + i, load_n(y + i, n - i) * factor, n - i);
}

template <class T, class To>
void convert(To* y, const T* x, int64_t n) {
  for (int64_t i = 0; i < n; i += kLanes) store_n(y + i, load_n(x + i, n - i), n - i);
}

}  // namespace

extern const ElementwiseKernels<float> elementwise_f32 = {
    add<float>, scale<float>, convert<float, float>, convert<float, bf16>};
extern const ElementwiseKernels<bf16> elementwise_bf16 = {
    add<bf16>, scale<bf16>, convert<bf16, float>, convert<bf16, bf16>};

}  // namespace GPTE_ISA_NAMESPACE
}  // namespace gpte
