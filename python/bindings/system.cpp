// The machine as the engine sees it.
#include "bindings/bindings.h"
#include "core/cpu.h"
#include "core/device_copy.h"
#include "core/memory.h"
#include "core/parallel.h"
#include "core/random.h"
#include "ops/probe.h"

namespace gpte {

void bind_system(nb::module_& m) {
  m.attr("compiler") =
#if defined(__clang__)
      "clang " __clang_version__;
#else
      "gcc " __VERSION__;
#endif
  m.def(
      "isa", [] { return std::string(name_of(chosen_isa())); },
      "The instruction set in use (GPTE_ISA overrides).");
  m.def(
      "isas",
      [] {
        std::vector<std::string> names;
        for (Isa isa : available_isas()) names.push_back(name_of(isa));
        return names;
      },
      "The instruction sets that this processor runs, from base to best.");
  m.def("cpu_name", &cpu_name, "The processor's name for itself.");
  m.def(
      "philox",
      [](uint64_t seed, uint64_t stream, uint64_t index) {
        const Philox p(seed, stream, index);
        return std::make_tuple(p.v[0], p.v[1], p.v[2], p.v[3]);
      },
      "seed"_a, "stream"_a, "index"_a,
      "Four random 32-bit numbers as a function of the arguments.");
  m.def("threads", &num_threads, "Threads that the engine uses.");
  m.def("set_threads", &set_num_threads, "n"_a, "How many threads the engine uses from now on.");
  m.def("cgroup_cpus", &cgroup_cpus, "membership"_a = "/proc/self/cgroup",
        "mount"_a = "/sys/fs/cgroup",
        "How many processors' time the cgroup and its parents grant; 0 for no limit.");
  m.def("available_threads", &available_threads,
        "Threads that affinity and cgroup grant this process.");
  m.def(
      "peak_flops",
      [](const std::string& dtype, int threads, double seconds) {
        check(dtype == "float32" || dtype == "bfloat16", "peak_flops: dtype \"", dtype,
              "\" must be float32 or bfloat16");
        return peak_flops(dtype == "float32" ? DType::f32 : DType::bf16, threads, seconds);
      },
      "dtype"_a, "threads"_a, "seconds"_a = 0.5, no_gil(),
      "Floating-point operations a second that the processor reaches in registers.");
  m.def("memory_bandwidth", &memory_bandwidth, "threads"_a, "seconds"_a = 0.5, no_gil(),
        "Bytes a second read from a buffer larger than the caches.");
  m.def("allocation_count", &allocation_count,
        "Buffers allocated so far: constant over training steps.");
  m.def("allocated_bytes", &allocated_bytes, "Bytes of engine buffers alive now.");
  m.def("cuda_unavailable", &cuda::unavailable,
        "Empty when a CUDA device can be used, else why not.");
}

}  // namespace gpte
