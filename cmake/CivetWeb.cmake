# CivetWeb, compiled from Debian's source package.
#
# Debian 12's binary opens libssl at run time and calls a function that OpenSSL 3 made a macro: it crashes at the first
# TLS handshake. Compiled here, the code for TLS, files, CGI and caching is not in it at all: exporter/http/ has its own TLS.
# script/bootstrap puts the source under build/deps/civetweb; other systems set WGSCOPE_CIVETWEB_SOURCE.

set(WGSCOPE_CIVETWEB_SOURCE "${CMAKE_SOURCE_DIR}/build/deps/civetweb" CACHE PATH "CivetWeb 1.15 source tree")
if(NOT EXISTS ${WGSCOPE_CIVETWEB_SOURCE}/src/civetweb.c)
  message(FATAL_ERROR "No CivetWeb source in ${WGSCOPE_CIVETWEB_SOURCE}: run script/bootstrap, "
                      "or give -DWGSCOPE_CIVETWEB_SOURCE=<folder with src/civetweb.c>")
endif()

add_library(wgscope_civetweb STATIC ${WGSCOPE_CIVETWEB_SOURCE}/src/civetweb.c)
target_include_directories(wgscope_civetweb SYSTEM PUBLIC ${WGSCOPE_CIVETWEB_SOURCE}/include)
target_compile_definitions(wgscope_civetweb PRIVATE
  NO_SSL NO_FILES NO_CGI NO_CACHING USE_IPV6 NDEBUG
  REENTRANT_TIME  # its threads would share the memory of gmtime(3)
  SOCKET_TIMEOUT_QUANTUM=200  # ms between its threads' looks at the order to stop: 2000 would be the least a stop takes
  # exporter/http/door.cpp accepts connections, and hands over those whose request has arrived.
  socket=wgscope_civetweb_socket bind=wgscope_civetweb_bind listen=wgscope_civetweb_listen accept=wgscope_civetweb_accept
  getsockname=wgscope_civetweb_getsockname close=wgscope_civetweb_close
  recv=wgscope_civetweb_recv send=wgscope_civetweb_send poll=wgscope_civetweb_poll shutdown=wgscope_civetweb_shutdown)
# Fortified headers define recv() and poll() inline, where the names above would only rename the wrappers.
target_compile_options(wgscope_civetweb PRIVATE -w -U_FORTIFY_SOURCE)
target_link_libraries(wgscope_civetweb PRIVATE Threads::Threads)
