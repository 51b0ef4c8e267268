#pragma once

#include <cstddef>
#include <cstdint>
#include <unordered_map>
#include <vector>

#include "wgscope/base/result.hpp"
#include "wgscope/inner/event.hpp"
#include "wgscope/inner/host.hpp"
#include "wgscope/inner/tcp.hpp"

namespace wgscope::endpoint {

/// What peers can try a tunnel on, on the ports of old, UDP and TCP each: echo (7, RFC 862),
/// discard (9, RFC 863) and a source of bytes (19, RFC 864: TCP sends for as long as it is read;
/// UDP answers each datagram with one of 512 bytes). Echo requests the host answers itself.
///
/// Owns no socket and no clock. Hand it every event of the host; what it does in turn moves with
/// the endpoint's next pump().
class Services {
 public:
  static constexpr std::uint16_t kEcho = 7;
  static constexpr std::uint16_t kDiscard = 9;
  static constexpr std::uint16_t kSource = 19;

  /// @param host  must outlive the services, and have none of their ports in use.
  /// @returns refused (a port is taken), io.
  static Result<Services> open(inner::Host& host);

  /// @returns whether the endpoint needs a pump().
  bool handle_event(const inner::Event& event);

  [[nodiscard]] std::size_t connections() const { return connections_.size(); }

 private:
  explicit Services(inner::Host& host) : host_(&host) {}

  void answer(const inner::UdpReceived& received);
  void serve(inner::TcpId id);
  void echo(inner::TcpId id, std::vector<std::byte>& waiting);
  void discard(inner::TcpId id);
  void pour(inner::TcpId id);

  struct Connection {
    std::uint16_t port = 0;
    bool finished = false;           ///< the peer sends nothing more
    std::vector<std::byte> waiting;  ///< to be echoed
  };
  struct IdHash {
    std::size_t operator()(const inner::TcpId& id) const { return id.value; }
  };

  inner::Host* host_;
  std::unordered_map<inner::TcpId, Connection, IdHash> connections_;
};

}  // namespace wgscope::endpoint
