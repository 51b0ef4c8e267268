#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "wgscope/os/unique_fd.hpp"

#include "netns.hpp"

namespace wgscope::test {

/// When a host sends to a gateway's port 51820 by IPv4, as a router on the way sees it.
class SenderWatch {
 public:
  using Time = std::chrono::system_clock::time_point;  ///< of the kernel's timestamps

  /// Datagrams of which each comes within a second after the one before.
  struct Burst {
    Time begin;
    Time end;
  };

  /// @param interface  of the router, on the host's side. Throws std::system_error.
  SenderWatch(const NetworkNamespace& router, const std::string& interface);

  /// Waits for the first burst that begins after `since`, and for its end.
  /// @returns nothing if none begins within `timeout`.
  std::optional<Burst> next(Time since, std::chrono::milliseconds timeout);

 private:
  /// @returns when a datagram came; nothing if none comes within `timeout`.
  std::optional<Time> datagram(std::chrono::milliseconds timeout);

  os::UniqueFd socket_;
  std::optional<Time> early_;  ///< of the next burst's first datagram, if it was read already
};

}  // namespace wgscope::test
