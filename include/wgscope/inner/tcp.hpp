#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>

#include "wgscope/base/random.hpp"
#include "wgscope/base/result.hpp"
#include "wgscope/base/time.hpp"
#include "wgscope/inner/event.hpp"
#include "wgscope/inner/event_queue.hpp"
#include "wgscope/inner/packet_queue.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/wire/icmp.hpp"
#include "wgscope/wire/ip.hpp"

namespace wgscope::inner {

class Host;
enum class Drop : std::uint8_t;

/// TCP of one host, made of lwIP; Host::tcp() gives it. What happens comes as events of the host.
///
/// lwIP has one set of globals a process, which brings three rules. One thread at a time uses any
/// of the hosts (os::Turn is for that). Their TCP timers are one: once handle_timeout() of one host
/// has run them, next_timeout() of all others is due. And two hosts of a process that have the same
/// address cannot listen on the same port.
///
/// The window is 64 KiB: a connection carries at most that in a round trip.
class Tcp {
 public:
  /// All four outlive it.
  Tcp(const Host& host, Random& random, PacketQueue& out, EventQueue& events);
  Tcp(const Tcp&) = delete;
  Tcp& operator=(const Tcp&) = delete;
  ~Tcp();  ///< breaks off what is open, without a word to the other sides

  [[nodiscard]] std::optional<Instant> next_timeout() const;
  /// Open connections, those included that ended and were not closed yet.
  [[nodiscard]] std::size_t connections() const;
  /// The connection that a packet we sent belongs to.
  [[nodiscard]] std::optional<TcpId> find(const wire::QuotedPacket& packet) const;

  /// Takes a whole packet of protocol TCP that is for this host and comes from another.
  /// @returns why it was dropped: tcp_limit, tcp_segment.
  std::optional<Drop> handle_packet(Instant now, const wire::IpPacket& packet);
  void handle_timeout(Instant now);

  /// Begins to connect; TcpConnected or TcpEnded follows. The SYN is repeated after 3 s, 6 s, 12 s.
  /// @param timeout  above 0; when it is over, TcpEnded{timed_out}.
  /// @returns bad_value for port 0, an address of our own, a loopback or multicast one, or a family
  /// we have no address of.
  Result<TcpId> connect(Instant now, const Endpoint& to,
                        Nanoseconds timeout = std::chrono::seconds{10});

  /// Accepts connections on all addresses. @returns refused when the port is taken.
  Result<> listen(std::uint16_t port);
  void stop_listening(std::uint16_t port);

  // Every connection is closed once, by close() or abort(), also after TcpEnded; its events may
  // still be in the queue then. Unknown ids are ignored.

  /// Takes as much of `data` as there is room for. @returns how many bytes; when not all, a
  /// TcpWritable follows.
  std::size_t send(TcpId id, std::span<const std::byte> data);
  [[nodiscard]] std::size_t sendable(TcpId id) const;  ///< bytes that send() has room for

  /// Gives what arrived, in order. @returns how many bytes; 0 when there are none now.
  std::size_t receive(TcpId id, std::span<std::byte> out);
  [[nodiscard]] std::size_t receivable(TcpId id) const;  ///< bytes

  void finish(TcpId id);  ///< sends nothing more; goes on receiving
  void close(TcpId id);   ///< data already sent still goes out; arriving data is discarded
  void abort(TcpId id);   ///< at once, with a reset

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace wgscope::inner
