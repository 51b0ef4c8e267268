# Compiler settings of our own code: warnings as errors, sanitizers, ccache.
# Third-party targets do not link wgscope_flags and so keep their own.

find_program(CCACHE_PROGRAM ccache)
if(CCACHE_PROGRAM)
  # Paths below this folder count as relative ones, so that another checkout finds what this one compiled.
  set(CMAKE_CXX_COMPILER_LAUNCHER
    ${CMAKE_COMMAND} -E env CCACHE_BASEDIR=${CMAKE_SOURCE_DIR} CCACHE_NOHASHDIR=1
    CCACHE_SLOPPINESS=pch_defines,time_macros  # what it wants before it takes precompiled headers
    ${CCACHE_PROGRAM})
  set(CMAKE_C_COMPILER_LAUNCHER ${CMAKE_CXX_COMPILER_LAUNCHER})
endif()

find_program(MOLD_PROGRAM mold)
if(MOLD_PROGRAM)
  add_link_options(-fuse-ld=mold)
endif()

add_library(wgscope_flags INTERFACE)
target_compile_options(wgscope_flags INTERFACE
  -Wall -Wextra -Wpedantic -Werror -Wshadow -Wconversion -Wsign-conversion -Wcast-qual -Wformat=2
  # GoogleTest's macros, inlined, look like null dereferences to GCC 12; test data leaves fields out on purpose.
  $<IF:$<BOOL:$<TARGET_PROPERTY:WGSCOPE_IS_TEST>>,-Wno-missing-field-initializers,-Wnull-dereference>
  $<$<COMPILE_LANGUAGE:CXX>:-Wold-style-cast -Wnon-virtual-dtor -Woverloaded-virtual>
  $<$<CXX_COMPILER_ID:GNU>:-Wduplicated-cond -Wlogical-op>
  # clang blames us for what libstdc++ 12's own std::ranges::stable_sort calls.
  $<$<CXX_COMPILER_ID:Clang>:-Wno-deprecated-declarations>)

# Optimizing the tests themselves costs as much as compiling them; what they test is optimized all the same. Those that
# compute for long (WGSCOPE_COMPUTES) are optimized too.
set(WGSCOPE_TEST_FLAGS "" CACHE STRING "Compiler flags of test code alone, such as -O0")
if(WGSCOPE_TEST_FLAGS)
  target_compile_options(wgscope_flags INTERFACE
    $<$<AND:$<BOOL:$<TARGET_PROPERTY:WGSCOPE_IS_TEST>>,$<NOT:$<BOOL:$<TARGET_PROPERTY:WGSCOPE_COMPUTES>>>>:${WGSCOPE_TEST_FLAGS}>)
endif()

if(WGSCOPE_SANITIZE)
  add_compile_options(-fsanitize=${WGSCOPE_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${WGSCOPE_SANITIZE})
  # GCC reports false maybe-uninitialized and null-dereference findings in instrumented code.
  target_compile_options(wgscope_flags INTERFACE
    $<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized -Wno-null-dereference>)
endif()
