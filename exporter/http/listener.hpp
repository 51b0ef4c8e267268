#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "wgscope/base/result.hpp"
#include "wgscope/os/unique_fd.hpp"

namespace wgscope::exporter::http {

/// A bound and listening TCP socket.
struct Listener {
  os::UniqueFd socket;
  bool ipv6 = false;
  std::uint16_t port = 0;
  std::string address;  ///< such as "127.0.0.1:9586" and "[::1]:9586"
};

/// Listens on "ADDRESS:PORT", "[ADDRESS]:PORT", "NAME:PORT", or ":PORT" and "[::]:PORT" (every address); port 0
/// takes a free one. A connection is handed on only once it has sent something (TCP_DEFER_ACCEPT),
/// so clients that connect and say nothing take no thread.
/// @returns bad_value for an invalid address; io or access_denied with what to do.
Result<Listener> listen_on(const std::string& address);

/// All of them, as listen_on() does. @returns the first error.
Result<std::vector<Listener>> open_listeners(const std::vector<std::string>& addresses);

/// The sockets systemd passed (sd_listen_fds(3)): LISTEN_PID must be this process, descriptors
/// start at 3.
/// @returns bad_value when there are none, or one is not a listening TCP socket.
Result<std::vector<Listener>> take_systemd_listeners();

}  // namespace wgscope::exporter::http
