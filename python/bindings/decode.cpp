// Decoding: the sampler.
#include "bindings/bindings.h"
#include "decode/sampler.h"
#include "decode/token_logprob.h"

namespace gpte {
namespace {

using Logits = nb::ndarray<const float, nb::ndim<2>, nb::c_contig, nb::device::cpu>;
using Numbers = nb::ndarray<const int32_t, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
template <class T>
using Result = nb::ndarray<nb::numpy, T, nb::ndim<1>>;

template <class T>
Result<T> new_array(size_t n) {
  T* data = new T[n];
  nb::capsule owner(data, [](void* p) noexcept { delete[] static_cast<T*>(p); });
  return Result<T>(data, {n}, owner);
}

std::tuple<Result<int32_t>, Result<float>> sample_rows(const Logits& logits, const Numbers& samples,
                                                       const Numbers& positions, uint64_t seed,
                                                       float temperature, int64_t top_k,
                                                       float top_p, float min_p) {
  const size_t B = logits.shape(0);
  check(samples.shape(0) == B, "sample: ", samples.shape(0), " samples must match ", B,
        " rows of logits");
  check(positions.shape(0) == B, "sample: ", positions.shape(0), " positions must match ", B,
        " rows of logits");
  auto ids = new_array<int32_t>(B);
  auto logprobs = new_array<float>(B);
  {
    const ReleasedGil released;
    sample(ids.data(), logprobs.data(), logits.data(), samples.data(), positions.data(), int64_t(B),
           int64_t(logits.shape(1)), {temperature, top_k, top_p, min_p, seed});
  }
  return {ids, logprobs};
}

Result<float> token_logprob_rows(const Logits& logits, const Numbers& ids) {
  const size_t B = logits.shape(0);
  check(ids.shape(0) == B, "token_logprob: ", ids.shape(0), " ids must match ", B,
        " rows of logits");
  auto logprobs = new_array<float>(B);
  const ReleasedGil released;
  token_logprob(logprobs.data(), logits.data(), ids.data(), int64_t(B), int64_t(logits.shape(1)));
  return logprobs;
}

}  // namespace

void bind_decode(nb::module_& m) {
  m.def("sample", &sample_rows, "logits"_a, "samples"_a, "positions"_a, "seed"_a = 0,
        "temperature"_a = 1.f, "top_k"_a = 0, "top_p"_a = 1.f, "min_p"_a = 0.f,
        "A token (int32) and its log-probability under the model for each row of logits (B, V). "
        "samples and positions (B,) int32 and the seed key the draw; temperature 0 takes the most "
        "likely token.");
  m.def("token_logprob", &token_logprob_rows, "logits"_a, "ids"_a,
        "The log-probability (B,) of one token (B,) int32 under each row of logits (B, V).");
}

}  // namespace gpte
