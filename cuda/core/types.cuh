// The device's own name of an element type: gpte::bf16 holds the bits of __nv_bfloat16.
#pragma once

#include <cuda_bf16.h>

#include "core/tensor.h"

namespace gpte::cuda {

template <class T>
struct OnDevice {
  using type = T;
};
template <>
struct OnDevice<bf16> {
  using type = __nv_bfloat16;
};
static_assert(sizeof(bf16) == sizeof(__nv_bfloat16), "one layout on both sides");

template <class T>
typename OnDevice<T>::type* data(Tensor& t) {
  return reinterpret_cast<typename OnDevice<T>::type*>(t.data<T>());
}
template <class T>
const typename OnDevice<T>::type* data(const Tensor& t) {
  return reinterpret_cast<const typename OnDevice<T>::type*>(t.data<T>());
}

}  // namespace gpte::cuda
