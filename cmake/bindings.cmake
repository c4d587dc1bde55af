# The one extension module, gptengine._core, and its type stubs.
find_package(Python 3.10 REQUIRED COMPONENTS Interpreter Development.Module OPTIONAL_COMPONENTS Development.SABIModule)
execute_process(COMMAND "${Python_EXECUTABLE}" -m nanobind --cmake_dir OUTPUT_STRIP_TRAILING_WHITESPACE
                OUTPUT_VARIABLE nanobind_ROOT)
find_package(nanobind 3.0 CONFIG REQUIRED)

file(GLOB GPTE_BINDINGS CONFIGURE_DEPENDS python/bindings/*.cpp)
nanobind_add_module(_core STABLE_ABI NB_STATIC ${GPTE_BINDINGS} $<TARGET_OBJECTS:gpte_engine>
                    ${GPTE_KERNEL_OBJECTS} ${GPTE_CUDA_OBJECTS})
target_include_directories(_core PRIVATE cpp python)
target_compile_definitions(_core PRIVATE ${GPTE_DEFINITIONS})
target_link_libraries(_core PRIVATE Threads::Threads ${GPTE_CUDA_LIBRARIES})
set_target_properties(_core PROPERTIES CUDA_RESOLVE_DEVICE_SYMBOLS OFF)

if(GPTE_INPLACE)
  set_target_properties(_core PROPERTIES LIBRARY_OUTPUT_DIRECTORY ${CMAKE_CURRENT_SOURCE_DIR}/python/gptengine)
else()
  nanobind_add_stub(_core_stub MODULE _core OUTPUT _core.pyi PYTHON_PATH $<TARGET_FILE_DIR:_core> DEPENDS _core)
  install(TARGETS _core LIBRARY DESTINATION gptengine)
  install(FILES ${CMAKE_CURRENT_BINARY_DIR}/_core.pyi DESTINATION gptengine)
endif()
