#pragma once

#include <cstddef>
#include <optional>
#include <type_traits>
#include <utility>

#include "wgscope/base/result.hpp"
#include "wgscope/base/time.hpp"
#include "wgscope/os/unique_fd.hpp"

namespace wgscope::exporter {

struct SocketPair {
  os::UniqueFd ours;
  os::UniqueFd theirs;
};

/// Two ends of a unix(7) connection that keeps packets whole (SOCK_SEQPACKET). @returns io.
Result<SocketPair> make_socket_pair();

/// Sends one packet, and a descriptor with it unless it is -1. @returns whether that was possible:
/// not, if the other end is closed.
bool send_packet(int socket, const void* data, std::size_t size, int descriptor = -1);

enum class Arrival { packet, late, ended };

/// Waits for a packet of exactly this size until the deadline, whatever else arrives is the end.
/// A descriptor that came with it replaces `descriptor`.
/// @param deadline  nothing: waits as long as it takes.
Arrival receive_packet(int socket, void* data, std::size_t size, os::UniqueFd& descriptor,
                       std::optional<Instant> deadline);

template <class T>
bool send_packet(int socket, const T& packet, int descriptor = -1) {
  static_assert(std::has_unique_object_representations_v<T>);
  return send_packet(socket, &packet, sizeof packet, descriptor);
}

template <class T>
Arrival receive_packet(int socket, T& packet, os::UniqueFd& descriptor,
                       std::optional<Instant> deadline) {
  static_assert(std::has_unique_object_representations_v<T>);
  return receive_packet(socket, &packet, sizeof packet, descriptor, deadline);
}

}  // namespace wgscope::exporter
