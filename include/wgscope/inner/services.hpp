#pragma once

#include <cstddef>
#include <cstdint>
#include <unordered_map>
#include <vector>

#include "wgscope/base/result.hpp"
#include "wgscope/base/time.hpp"
#include "wgscope/inner/event.hpp"
#include "wgscope/inner/host.hpp"

namespace wgscope::inner {

// The ports of RFC 862, 863 and 864.
inline constexpr std::uint16_t kEchoPort = 7;
inline constexpr std::uint16_t kDiscardPort = 9;
inline constexpr std::uint16_t kSourcePort = 19;

struct ServicesStats {
  std::uint64_t udp_datagrams = 0;
  std::uint64_t tcp_connections = 0;
  std::uint64_t echoed_bytes = 0;
  std::uint64_t discarded_bytes = 0;
  std::uint64_t sourced_bytes = 0;
};

/// Services over UDP and TCP with which the other side can test the tunnel:
///
/// - port 7, echo: sends back what it receives;
/// - port 9, discard: takes everything and never answers;
/// - port 19, source: over UDP, answers each datagram with one of as many bytes as its first four
///   bytes say (big-endian; 512 without them), at most what fits the MTU, and at most 16 KiB. Over
///   TCP, sends bytes until the other side closes.
///
/// Datagrams from one of these ports are not answered, because two echo services would go on for
/// ever (RFC 862 does not mention that, CERT CA-1996-01 does).
class Services {
 public:
  /// Binds the ports. @param host  must outlive this object.
  /// @returns refused if one is in use, and the other errors of Tcp::listen().
  static Result<Services> start(Host& host);
  Services(Services&& other) noexcept;
  Services& operator=(Services&&) = delete;
  Services(const Services&) = delete;
  Services& operator=(const Services&) = delete;
  ~Services();  ///< releases the ports and breaks off the connections

  /// @returns whether the event was about a service.
  bool handle_event(Instant now, const Event& event);

  [[nodiscard]] const ServicesStats& stats() const { return stats_; }

 private:
  explicit Services(Host& host) : host_(&host) {}
  Result<> take_ports();
  bool handle_datagram(const UdpReceived& received);
  bool handle_accepted(const TcpAccepted& accepted);

  struct Served {
    std::uint16_t port = 0;
    bool peer_finished = false;
    std::vector<std::byte> unsent;  ///< echo only: bytes still to be sent back
  };
  /// Continues with a connection as far as is possible now.
  void serve(TcpId id, Served& served);
  void echo(TcpId id, Served& served);
  void discard(TcpId id, const Served& served);
  void source(TcpId id, const Served& served);
  Served* find(TcpId id);
  bool end(TcpId id);

  Host* host_;  ///< null after a move
  std::unordered_map<std::uint32_t, Served> served_;
  ServicesStats stats_;
};

}  // namespace wgscope::inner
