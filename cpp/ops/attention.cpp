#include "ops/attention.h"

#include "core/scratch.h"
#include "kernels/kernels.h"
#include "ops/attention_checks.h"

namespace gpte {

void attention_forward(Tensor& y, Tensor& lse, const Tensor& qkv, const Tensor& segments,
                       const Tensor& slopes, int64_t heads, int64_t kv_heads, float scale,
                       bool causal, int64_t window) {
  const char* op = "attention_forward";
  const HeadSizes s = check_heads(op, qkv, heads, kv_heads);
  check_scale(op, scale);
  check_window(op, window, causal);
  const int64_t N = qkv.dim(0);
  check_tensor(op, "y", y, Shape{N, s.H * s.D}, qkv.dtype());
  if (lse.defined()) check_tensor(op, "lse", lse, Shape{N, s.H}, DType::f32);
  if (slopes.defined()) check_tensor(op, "slopes", slopes, Shape{s.H}, DType::f32);
  check_same_device(op, qkv, y, lse, segments, slopes);
  check_segments(op, segments, N);
  GPTE_DISPATCH_CPU(
      op, qkv.device(),
      attention_forward(y, lse, qkv, segments, slopes, heads, kv_heads, scale, causal, window));
}

void attention_backward(Tensor& dqkv, const Tensor& dy, const Tensor& qkv, const Tensor& y,
                        const Tensor& lse, const Tensor& segments, const Tensor& slopes,
                        int64_t heads, int64_t kv_heads, float scale, bool causal, int64_t window) {
  const char* op = "attention_backward";
  const HeadSizes s = check_heads(op, qkv, heads, kv_heads);
  check_scale(op, scale);
  check_window(op, window, causal);
  const int64_t N = qkv.dim(0);
  check_tensor(op, "dqkv", dqkv, qkv.shape(), qkv.dtype());
  check_tensor(op, "dy", dy, Shape{N, s.H * s.D}, qkv.dtype());
  check_tensor(op, "y", y, Shape{N, s.H * s.D}, qkv.dtype());
  check_tensor(op, "lse", lse, Shape{N, s.H}, DType::f32);
  if (slopes.defined()) check_tensor(op, "slopes", slopes, Shape{s.H}, DType::f32);
  check_same_device(op, qkv, dqkv, dy, y, lse, segments, slopes);
  check_segments(op, segments, N);
  GPTE_DISPATCH_CPU(op, qkv.device(),
                    attention_backward(dqkv, dy, qkv, y, lse, segments, slopes, heads, kv_heads,
                                       scale, causal, window));
}

namespace cpu {

void attention_forward(Tensor& y, Tensor& lse, const Tensor& qkv, const Tensor& segments,
                       const Tensor& slopes, int64_t heads, int64_t kv_heads, float scale,
                       bool causal, int64_t window) {
  const HeadSizes s = check_heads("attention_forward", qkv, heads, kv_heads);
  const int32_t* at = segments.data<int32_t>();
  visit_float("attention_forward", qkv.dtype(), [&](auto type) {
    using T = typename decltype(type)::type;
    const auto& kernel = kernels().attention.get<T>();
    for_each_run(segments, s, [&](int64_t b, int64_t begin, int64_t end, int64_t head, int64_t n) {
      const T* first = qkv.data<T>() + at[b] * s.width;
      const T* key = first + (s.H + head / s.group) * s.D;
      AttentionTask<T> task;
      task.y = y.data<T>() + (begin * s.H + head) * s.D;
      task.lse = lse.defined() ? lse.data<float>() + begin * s.H + head : nullptr;
      task.q = first + (begin - at[b]) * s.width + head * s.D;
      task.k = key;
      task.v = key + s.K * s.D;
      task.blocks = nullptr;
      task.widen = nullptr;
      task.slopes = slopes.defined() ? slopes.data<float>() + head : nullptr;
      task.y_stride = s.H * s.D;
      task.lse_stride = s.H;
      task.q_stride = task.kv_stride = s.width;
      task.queries = end - begin;
      task.first = begin - at[b];
      task.keys = at[b + 1] - at[b];
      task.heads = n;
      task.D = s.D;
      task.scale = scale;
      task.causal = causal;
      task.window = window;
      kernel.forward(task, scratch<float>(Scratch::attention, attention_forward_scratch(s.D)));
    });
  });
}

void attention_backward(Tensor& dqkv, const Tensor& dy, const Tensor& qkv, const Tensor& y,
                        const Tensor& lse, const Tensor& segments, const Tensor& slopes,
                        int64_t heads, int64_t kv_heads, float scale, bool causal, int64_t window) {
  const HeadSizes s = check_heads("attention_backward", qkv, heads, kv_heads);
  const int32_t* at = segments.data<int32_t>();
  visit_float("attention_backward", qkv.dtype(), [&](auto type) {
    using T = typename decltype(type)::type;
    const auto& kernel = kernels().attention.get<T>();
    // A key head's gradient sums over the queries of its segment, in their order.
    parallel_chunks((segments.dim(0) - 1) * s.K, [&](int64_t chunk) {
      const int64_t b = chunk / s.K, k = chunk % s.K, h = k * s.group;
      const int64_t q = at[b] * s.width + h * s.D, key = at[b] * s.width + (s.H + k) * s.D;
      const int64_t value = key + s.K * s.D, out = (at[b] * s.H + h) * s.D;
      AttentionBackwardTask<T> task;
      task.dq = dqkv.data<T>() + q;
      task.dk = dqkv.data<T>() + key;
      task.dv = dqkv.data<T>() + value;
      task.dy = dy.data<T>() + out;
      task.q = qkv.data<T>() + q;
      task.k = qkv.data<T>() + key;
      task.v = qkv.data<T>() + value;
      task.y = y.data<T>() + out;
      task.lse = lse.data<float>() + at[b] * s.H + h;
      task.slopes = slopes.defined() ? slopes.data<float>() + h : nullptr;
      task.qkv_stride = s.width;
      task.y_stride = s.H * s.D;
      task.lse_stride = s.H;
      task.tokens = at[b + 1] - at[b];
      task.heads = s.group;
      task.D = s.D;
      task.scale = scale;
      task.causal = causal;
      task.window = window;
      kernel.backward(task, scratch<float>(Scratch::attention,
                                           attention_backward_scratch(task.tokens * s.group, s.D)));
    });
  });
}

}  // namespace cpu
}  // namespace gpte
