# Libraries from outside, all from the system but CivetWeb (cmake/CivetWeb.cmake says why).

find_package(Threads REQUIRED)
find_package(PkgConfig REQUIRED)
find_package(fmt REQUIRED)
find_package(spdlog REQUIRED)
find_package(nlohmann_json REQUIRED)
if(WGSCOPE_TESTS)
  find_package(yaml-cpp REQUIRED)
endif()
find_package(CLI11 REQUIRED)
find_package(date REQUIRED)
find_package(OpenSSL 3 REQUIRED)
find_package(tl-expected REQUIRED)
set(ZLIB_USE_STATIC_LIBS ON)  # as below
find_package(ZLIB REQUIRED)
pkg_check_modules(LIBYAML REQUIRED IMPORTED_TARGET yaml-0.1)
pkg_check_modules(LIBSYSTEMD REQUIRED IMPORTED_TARGET libsystemd)
pkg_check_modules(LIBSECCOMP REQUIRED IMPORTED_TARGET libseccomp)
pkg_check_modules(LIBCAP REQUIRED IMPORTED_TARGET libcap)
pkg_check_modules(LIBMNL REQUIRED IMPORTED_TARGET libmnl)
pkg_check_modules(LWIP REQUIRED IMPORTED_TARGET lwip)
pkg_check_modules(MINIUPNPC REQUIRED IMPORTED_TARGET miniupnpc)

# Each shared library takes 0.1 ms of a program's start, which is 3 ms in all: what is small and seldom needed is linked as
# an archive, where the system has one.
foreach(name yaml miniupnpc)
  find_library(${name}_ARCHIVE lib${name}.a)
endforeach()
if(yaml_ARCHIVE)
  set_target_properties(PkgConfig::LIBYAML PROPERTIES INTERFACE_LINK_LIBRARIES ${yaml_ARCHIVE})
endif()
if(miniupnpc_ARCHIVE)
  set_target_properties(PkgConfig::MINIUPNPC PROPERTIES INTERFACE_LINK_LIBRARIES ${miniupnpc_ARCHIVE})
endif()

pkg_check_modules(LIBSODIUM REQUIRED IMPORTED_TARGET libsodium)
pkg_check_modules(LIBCRYPT REQUIRED IMPORTED_TARGET libcrypt)
find_library(ISAL_LIBRARY isal REQUIRED)
find_path(ISAL_INCLUDE isa-l/igzip_lib.h REQUIRED)
add_library(isal::isal UNKNOWN IMPORTED)
set_target_properties(isal::isal PROPERTIES IMPORTED_LOCATION ${ISAL_LIBRARY} INTERFACE_INCLUDE_DIRECTORIES ${ISAL_INCLUDE})

# Only prometheus-cpp's core: `pull` would bring in Debian's CivetWeb binary. Its CMake package drags that in
# (find_dependency(civetweb)), so the library is named directly.
find_library(PROMETHEUS_CORE_LIBRARY prometheus-cpp-core REQUIRED)
find_path(PROMETHEUS_INCLUDE prometheus/registry.h REQUIRED)
add_library(wgscope_prometheus_core UNKNOWN IMPORTED)
set_target_properties(wgscope_prometheus_core PROPERTIES
  IMPORTED_LOCATION ${PROMETHEUS_CORE_LIBRARY} INTERFACE_INCLUDE_DIRECTORIES ${PROMETHEUS_INCLUDE})

include(CivetWeb)
