// Decoding: the sampler.
#include "bindings/bindings.h"
#include "decode/sampler.h"

namespace gpte {
namespace {

using Logits = nb::ndarray<const float, nb::ndim<2>, nb::c_contig, nb::device::cpu>;
using Masks = nb::ndarray<const int32_t, nb::ndim<2>, nb::c_contig, nb::device::cpu>;
using Numbers = nb::ndarray<const int32_t, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
template <class T>
using Result = nb::ndarray<nb::numpy, T>;

template <class T>
Result<T> new_array(std::initializer_list<size_t> shape) {
  size_t n = 1;
  for (size_t size : shape) n *= size;
  T* data = new T[n];
  nb::capsule owner(data, [](void* p) noexcept { delete[] static_cast<T*>(p); });
  return Result<T>(data, shape, owner);
}

void init_sampling(Sampling* self, float temperature, int64_t top_k, float top_p, float min_p,
                   float typical, uint64_t seed, float repetition, float presence, float frequency,
                   const std::map<int32_t, float>& bias) {
  new (self) Sampling{temperature,
                      top_k,
                      top_p,
                      min_p,
                      typical,
                      seed,
                      {repetition, presence, frequency, {bias.begin(), bias.end()}}};
  check_sampling(*self);
}

// Of all rows end to end: row b's history is ids[offsets[b]:offsets[b+1]], and prompts[b] first
// ones of it were not written.
using Histories = std::tuple<Numbers, Numbers, Numbers>;  // ids, offsets, prompts

void add_histories(std::vector<SampledRow>& rows, const Histories& histories) {
  const auto& [ids, offsets, prompts] = histories;
  const size_t B = rows.size();
  check(offsets.shape(0) == B + 1 && prompts.shape(0) == B, "sample: history of ", offsets.shape(0),
        " offsets and ", prompts.shape(0), " prompts must be of ", B + 1, " and ", B);
  const int32_t *at = offsets.data(), *prompt = prompts.data();
  check(at[0] == 0 && size_t(at[B]) == ids.shape(0), "sample: history offsets from ", at[0], " to ",
        at[B], " must go from 0 to ", ids.shape(0));
  for (size_t b = 0; b < B; ++b) {
    const int64_t length = int64_t(at[b + 1]) - at[b];
    check(length >= 0, "sample: history offsets[", b + 1, "] = ", at[b + 1],
          " must not be below offsets[", b, "] = ", at[b]);
    check(prompt[b] >= 0 && prompt[b] <= length, "sample: history prompts[", b, "] = ", prompt[b],
          " must be from 0 to its length ", length);
    rows[b].history = {ids.data() + at[b], length, prompt[b]};
  }
}

// Rows without a key of their draws.
std::vector<SampledRow> rows_of(const Logits& logits, const std::vector<const Sampling*>& settings,
                                const std::optional<Masks>& masks,
                                const std::optional<Histories>& history,
                                const std::optional<Logits>& changed) {
  const size_t B = logits.shape(0), V = logits.shape(1), words = (V + 31) / 32;
  check(settings.size() == B || settings.size() == 1, "sample: settings of ", settings.size(),
        " rows must match ", B, " rows of logits, or be one for all");
  for (const Sampling* s : settings) check(s != nullptr, "sample: settings must not be None");
  check(!masks || (masks->shape(0) == B && masks->shape(1) == words), "sample: masks (",
        masks ? masks->shape(0) : 0, ", ", masks ? masks->shape(1) : 0, ") must be (", B, ", ",
        words, ")");
  check(!changed || (changed->shape(0) == B && changed->shape(1) == V), "sample: changed (",
        changed ? changed->shape(0) : 0, ", ", changed ? changed->shape(1) : 0, ") must be (", B,
        ", ", V, ")");
  std::vector<SampledRow> rows;
  rows.reserve(B);
  for (size_t b = 0; b < B; ++b)
    rows.push_back({logits.data() + b * V, changed ? changed->data() + b * V : nullptr,
                    settings[settings.size() == 1 ? 0 : b], 0, 0, History(),
                    masks ? masks->data() + b * words : nullptr});
  if (history) add_histories(rows, *history);
  return rows;
}

std::tuple<Result<int32_t>, Result<float>, Result<int32_t>, Result<float>> sample_rows(
    const Logits& logits, const Numbers& samples, const Numbers& positions,
    const std::vector<const Sampling*>& settings, const std::optional<Masks>& masks,
    const std::optional<Histories>& history, const std::optional<Logits>& changed, int64_t top) {
  const size_t B = logits.shape(0), V = logits.shape(1);
  check(samples.shape(0) == B, "sample: ", samples.shape(0), " samples must match ", B,
        " rows of logits");
  check(positions.shape(0) == B, "sample: ", positions.shape(0), " positions must match ", B,
        " rows of logits");
  check(top >= 0 && top <= int64_t(V), "sample: the top ", top, " of ", V, " tokens");
  std::vector<SampledRow> rows = rows_of(logits, settings, masks, history, changed);
  for (size_t b = 0; b < B; ++b) {
    rows[b].sample = samples.data()[b];
    rows[b].position = positions.data()[b];
  }
  auto ids = new_array<int32_t>({B}), top_ids = new_array<int32_t>({B, size_t(top)});
  auto logprobs = new_array<float>({B}), top_logprobs = new_array<float>({B, size_t(top)});
  {
    const ReleasedGil released;
    sample(ids.data(), logprobs.data(), top_ids.data(), top_logprobs.data(), rows.data(),
           int64_t(B), int64_t(V), top);
  }
  return {ids, logprobs, top_ids, top_logprobs};
}

Result<double> probabilities_of_rows(const Logits& logits,
                                     const std::vector<const Sampling*>& settings,
                                     const std::optional<Masks>& masks,
                                     const std::optional<Histories>& history,
                                     const std::optional<Logits>& changed) {
  const std::vector<SampledRow> rows = rows_of(logits, settings, masks, history, changed);
  auto p = new_array<double>({logits.shape(0), logits.shape(1)});
  const ReleasedGil released;
  probabilities(p.data(), rows.data(), int64_t(rows.size()), int64_t(logits.shape(1)));
  return p;
}

}  // namespace

void bind_decode(nb::module_& m) {
  nb::class_<Sampling>(m, "Sampling", "How one row is drawn; see cpp/decode/sampler.h.")
      .def("__init__", &init_sampling, "temperature"_a = 1.f, "top_k"_a = 0, "top_p"_a = 1.f,
           "min_p"_a = 0.f, "typical"_a = 1.f, "seed"_a = 0, "repetition_penalty"_a = 1.f,
           "presence_penalty"_a = 0.f, "frequency_penalty"_a = 0.f,
           "logit_bias"_a = std::map<int32_t, float>());
  m.def("sample", &sample_rows, "logits"_a, "samples"_a, "positions"_a, "settings"_a,
        "masks"_a.none() = nb::none(), "history"_a.none() = nb::none(),
        "changed"_a.none() = nb::none(), "top"_a = 0,
        "Of each row of logits (B, V): a token (B,) int32, its log-probability under the model "
        "(B,), and the model's `top` most likely tokens and their log-probabilities (B, top).\n\n"
        "samples and positions (B,) int32 and the settings' seed key the draw. settings: B, or one "
        "for all. masks: (B, ceil(V / 32)) int32, bit v % 32 of word v / 32 allows token v. "
        "history: of all rows end to end the ids, B + 1 offsets, and how many of each row's first "
        "ones were not written (all int32). changed: (B, V), drawn from instead of logits.");
  m.def("probabilities", &probabilities_of_rows, "logits"_a, "settings"_a,
        "masks"_a.none() = nb::none(), "history"_a.none() = nb::none(),
        "changed"_a.none() = nb::none(),
        "How likely `sample` is to draw each token: (B, V) float64, from the same arguments.");
}

}  // namespace gpte
