# The kernels, compiled once per instruction set into objects of their own.
set(GPTE_KERNEL_OBJECTS)
set(GPTE_DEFINITIONS)
file(GLOB GPTE_KERNELS CONFIGURE_DEPENDS cpp/kernels/*.cpp)
list(FILTER GPTE_KERNELS EXCLUDE REGEX "select\\.cpp$")

function(gpte_add_isa name)
  add_library(gpte_kernels_${name} OBJECT ${GPTE_KERNELS})
  target_include_directories(gpte_kernels_${name} PRIVATE cpp)
  target_compile_definitions(gpte_kernels_${name} PRIVATE GPTE_ISA_NAMESPACE=isa_${name})
  # With sanitizers the optimizer takes minutes and the checks are the same without it.
  target_compile_options(gpte_kernels_${name} PRIVATE ${ARGN} $<IF:$<BOOL:${GPTE_SANITIZE}>,-O1,-O3>
                         -fno-exceptions -fno-rtti)
  set(GPTE_KERNEL_OBJECTS ${GPTE_KERNEL_OBJECTS} $<TARGET_OBJECTS:gpte_kernels_${name}> PARENT_SCOPE)
endfunction()

gpte_add_isa(base)
if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64|amd64")
  set(GPTE_AVX2 -mavx2 -mfma -mbmi2 -mf16c)
  set(GPTE_AVX512 ${GPTE_AVX2} -mavx512f -mavx512bw -mavx512dq -mavx512vl -mprefer-vector-width=512)
  gpte_add_isa(avx2 ${GPTE_AVX2})
  gpte_add_isa(avx512 ${GPTE_AVX512})
  gpte_add_isa(avx512bf16 ${GPTE_AVX512} -mavx512bf16 -mavx512vnni)
  list(APPEND GPTE_DEFINITIONS GPTE_X86_ISAS)
endif()
