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

/// The TCP of one host, from Host::tcp(), which is based on lwIP. The host's events report what
/// happens.
///
/// lwIP has one set of globals per process, which makes three rules. Only one thread at a time may
/// use any of the hosts (os::Turn is for that). All hosts share the TCP timers: once
/// handle_timeout() of one host has run them, next_timeout() of all others is due. And two hosts
/// of a process that have the same address cannot listen on the same port.
///
/// The window is 64 KiB, so a connection carries at most that much in each round trip.
class Tcp {
 public:
  /// All four arguments must outlive this object.
  Tcp(const Host& host, Random& random, PacketQueue& out, EventQueue& events);
  Tcp(const Tcp&) = delete;
  Tcp& operator=(const Tcp&) = delete;
  ~Tcp();  ///< drops open connections without telling the other sides

  [[nodiscard]] std::optional<Instant> next_timeout() const;
  /// How many connections are open, including those that ended and are not closed yet.
  [[nodiscard]] std::size_t connections() const;
  /// The connection of a packet that we sent.
  [[nodiscard]] std::optional<TcpId> find(const wire::QuotedPacket& packet) const;

  /// @param packet  a whole TCP packet to this host from another one.
  /// @returns why it was dropped: tcp_limit, tcp_segment. Nothing: it was not.
  std::optional<Drop> handle_packet(Instant now, const wire::IpPacket& packet);
  void handle_timeout(Instant now);

  /// Starts to connect; TcpConnected or TcpEnded follows. The SYN is repeated after 3 s, 6 s, 12 s.
  /// @param timeout  above 0; TcpEnded{timed_out} follows once it is over.
  /// @returns bad_value for port 0, for one of our own addresses, an unspecified, loopback or
  /// multicast address, or a family of which we have no address; io if no memory or port is free,
  /// or lwIP cannot send.
  Result<TcpId> connect(Instant now, const Endpoint& to,
                        Nanoseconds timeout = std::chrono::seconds{10});

  /// Accepts connections on all our addresses. @returns refused if the port is in use, io if memory
  /// ran out.
  Result<> listen(std::uint16_t port);
  void stop_listening(std::uint16_t port);

  // Call close() or abort() once for every connection, also after TcpEnded. Events of a connection
  // may still be in the queue after that. Unknown ids are ignored.

  /// Takes as much of `data` as there is room for. @returns how many bytes it took; if not all,
  /// TcpWritable follows.
  std::size_t send(TcpId id, std::span<const std::byte> data);
  [[nodiscard]] std::size_t sendable(TcpId id) const;  ///< bytes that send() would take

  /// Reads the next bytes that arrived. @returns how many; 0 if there are none now.
  std::size_t receive(TcpId id, std::span<std::byte> out);
  [[nodiscard]] std::size_t receivable(TcpId id) const;  ///< bytes that receive() would return

  void finish(TcpId id);  ///< ends our direction; receiving goes on
  /// Data that send() took still goes out, and arriving data is discarded. But if received data was
  /// not read, the connection is reset (RFC 2525 §2.17).
  void close(TcpId id);
  void abort(TcpId id);  ///< ends the connection at once, with a reset if it was established

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace wgscope::inner
