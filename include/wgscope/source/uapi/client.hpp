#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <sys/types.h>
#include <vector>

#include "wgscope/base/result.hpp"
#include "wgscope/base/time.hpp"
#include "wgscope/model/device.hpp"

namespace wgscope::uapi {

/// Where userspace implementations put their sockets.
inline constexpr const char* kDefaultFolder = "/var/run/wireguard";

/// A UAPI socket: `<folder>/<interface>.sock`.
struct SocketFile {
  std::string path;
  std::string interface;
};

/// The sockets in `folder`, by name; empty when the folder does not exist.
/// @returns access_denied, io.
Result<std::vector<SocketFile>> list_sockets(const std::string& folder);

/// One socket to ask, and the result.
struct Query {
  SocketFile socket;
  Device device;             ///< its name is the interface's; netns and link are left to the caller
  Result<> result;           ///< access_denied, refused, timeout, what AnswerReader::feed returns
  std::size_t left_out = 0;  ///< peers that `device` lacks: AnswerReader::left_out
  std::string fault;         ///< why; empty: it lacks none
  /// The process that called listen(2) (SO_PEERCRED). It may have ended since. 0: it is not
  /// visible from this PID namespace.
  pid_t listener = 0;
};

/// Asks all sockets at once and reads until each has answered or the deadline has passed: one that
/// hangs or talks garbage costs only its own interface. Received bytes are wiped. Refused sockets
/// are left where they are.
void ask_all(std::span<Query> queries, WallTime now, Instant deadline);

/// Whether a daemon listens on the socket now; nothing is asked.
bool is_served(const std::string& path);

}  // namespace wgscope::uapi
