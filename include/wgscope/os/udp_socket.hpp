#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>

#include "wgscope/base/result.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/os/unique_fd.hpp"

namespace wgscope::os {

/// Whether datagrams that are too long for a link on their way may be cut up.
enum class Fragmentation : std::uint8_t {
  allow,   ///< by this host, and by IPv4 routers (IP_PMTUDISC_DONT)
  forbid,  ///< by none; one longer than the known path MTU fails with EMSGSIZE (IP_PMTUDISC_DO)
  probe,   ///< by none; what is known of the path MTU is ignored, only the own interface limits
           ///< (IP_PMTUDISC_PROBE)
};

struct UdpOptions {
  std::optional<std::uint32_t> mark;  ///< SO_MARK; needs CAP_NET_ADMIN
  Fragmentation fragmentation = Fragmentation::allow;
  /// Let the kernel cut (UDP_SEGMENT) and merge (UDP_GRO) datagrams, where it can. Off, everything
  /// works the same and costs more.
  bool offload = true;
  /// Report datagrams that arrived in fragments (Received::largest_fragment).
  bool report_fragments = false;
  std::size_t socket_buffer = 4UL << 20U;  ///< bytes asked for, each way; what is allowed is taken
  /// Bytes for one receive(), touched only as far as datagrams fill them. Merged datagrams need
  /// 64 KiB each, single ones `max_datagram`; what is longer is counted as truncated and dropped.
  std::size_t receive_memory = 512UL << 10U;
  std::size_t max_datagram = 9216;  ///< bytes; matters only where the kernel does not merge
};

/// Datagrams for one destination, back to back.
struct SendBatch {
  Endpoint to;
  std::span<const std::byte> bytes;  ///< empty: one empty datagram
  std::size_t segment_size = 0;      ///< of each datagram; the last may be shorter
  std::optional<IpAddress> from;     ///< source address; absent: the kernel chooses
};

/// What one destination's datagrams ran into.
struct SendFailure {
  Endpoint to;
  std::size_t batch = 0;      ///< its index
  int sys_errno = 0;          ///< of the last one, where there was more than one
  std::size_t datagrams = 0;  ///< of the batch that were not sent
};

struct SendReport {
  std::size_t batches = 0;        ///< that are done with: sent, or in `failures`
  std::size_t bytes_of_next = 0;  ///< that already went out of the first batch that is not
  std::size_t datagrams = 0;      ///< that went out
  bool blocked = false;  ///< the socket's buffer is full: go on from there once it is writable
  std::span<const SendFailure> failures;  ///< in the order of batches; valid until the next send()
};

struct Received {
  Endpoint from;
  std::optional<IpAddress> to;    ///< the local address it came to
  std::span<std::byte> datagram;  ///< may be written to; valid until the next receive()
  /// It came in fragments, of which the largest had so many bytes, IP header included: nearly the
  /// MTU of the link that was too small (IP_RECVFRAGSIZE, IPV6_RECVFRAGSIZE). Only where
  /// UdpOptions::report_fragments asks for it.
  std::optional<std::size_t> largest_fragment;
};

struct ReceiveReport {
  std::size_t datagrams = 0;
  std::size_t truncated = 0;  ///< dropped, as they were longer than the buffers
  bool more = false;          ///< every buffer was filled, so more may be waiting
};

/// An error that came back for a datagram sent earlier (IP_RECVERR, ip(7)).
struct SocketError {
  enum class Origin : std::uint8_t { local, icmp, icmpv6 };

  Endpoint destination;  ///< where that datagram was to go
  int sys_errno = 0;     ///< what the kernel makes of it: ECONNREFUSED, EHOSTUNREACH, EMSGSIZE …
  Origin origin = Origin::local;
  std::uint8_t type = 0;              ///< of the ICMP message (RFC 792, RFC 4443)
  std::uint8_t code = 0;              ///< of the ICMP message
  std::uint32_t info = 0;             ///< EMSGSIZE: the MTU that would fit, IP header included
  std::optional<IpAddress> offender;  ///< who sent the ICMP message
  /// The beginning of that datagram's payload, for an ICMP socket of its message, as far as the
  /// ICMP message quotes it: routers need not quote any of UDP's (RFC 792, RFC 1812 §4.3.2.3).
  std::array<std::byte, 16> quoted{};
  std::size_t quoted_size = 0;

  friend bool operator==(const SocketError&, const SocketError&) = default;
};

/// A UDP socket over IPv4 or over IPv6, never both (IPV6_V6ONLY), as WireGuard has one of each.
///
/// Non-blocking and unconnected. It moves many datagrams with one system call, and many at once
/// through the network stack where the kernel has UDP_SEGMENT and UDP_GRO (udp(7)); callers see
/// single datagrams. After open() nothing is allocated, but for the list of failures while it
/// grows. For one thread at a time.
///
/// ICMP errors are not lost among results of calls that have nothing to do with them: they wait in
/// the error queue, poll(2) shows it as POLLERR, and read_errors() empties it. Whoever polls the
/// socket must do so, or poll(2) returns at once for ever.
class UdpSocket {
 public:
  /// @param local  port 0 takes a free one; the family decides the socket's.
  /// @returns not_permitted (the mark), access_denied (a port below 1024), io (EADDRINUSE,
  /// EADDRNOTAVAIL, EAFNOSUPPORT, EMFILE), each saying what was tried.
  static Result<UdpSocket> open(const Endpoint& local, const UdpOptions& options = {});

  UdpSocket(const UdpSocket&) = delete;
  UdpSocket& operator=(const UdpSocket&) = delete;
  UdpSocket(UdpSocket&&) noexcept;
  UdpSocket& operator=(UdpSocket&&) noexcept;
  ~UdpSocket();

  [[nodiscard]] int fd() const { return fd_.get(); }
  [[nodiscard]] const Endpoint& local() const { return local_; }  ///< its port is never 0
  [[nodiscard]] std::uint16_t local_port() const { return local_.port; }
  [[nodiscard]] bool cuts_in_kernel() const;  ///< until a device proves unable to
  [[nodiscard]] bool merges_in_kernel() const;

  /// Costs nothing where it is so already. @returns io.
  Result<> set_fragmentation(Fragmentation fragmentation);
  /// @returns not_permitted, io.
  Result<> set_mark(std::uint32_t mark);
  /// How many routers what is sent from now on may pass (IP_TTL, IPV6_UNICAST_HOPS).
  /// @param limit  at least 1; nothing: as many as is usual. @returns io.
  Result<> set_hop_limit(std::optional<std::uint8_t> limit);

  /// Sends in order, as far as the socket's buffer has room. A destination that cannot be sent to
  /// costs its own datagrams only: EPERM (a local firewall), ENETUNREACH, EHOSTUNREACH, EMSGSIZE,
  /// EINVAL (no source address, port 0), ENOBUFS (an interface's queue is full: what follows in the
  /// batch is still tried), …
  SendReport send(std::span<const SendBatch> batches);

  /// Hands each datagram that one system call can fetch to `visit(Received)`, which must not
  /// receive from this socket. It is not an error if none waits.
  /// @returns io.
  template <class Visit>
  Result<ReceiveReport> receive(Visit&& visit);

  /// The oldest error in the queue; nothing when it is empty.
  std::optional<SocketError> next_error();

  /// Hands what is in the error queue to `visit(const SocketError&)`, at most kErrorsAtOnce.
  /// @returns how many.
  template <class Visit>
  std::size_t read_errors(Visit&& visit);
  static constexpr std::size_t kErrorsAtOnce = 256;

 private:
  class Sender;
  class Receiver;

  /// What one buffer holds: datagrams from one sender, back to back.
  struct Merged {
    Endpoint from;
    std::optional<IpAddress> to;
    std::span<std::byte> bytes;
    std::size_t segment_size = 0;  ///< at least 1
    std::optional<std::size_t> largest_fragment;
    bool whole = false;
  };

  UdpSocket(UniqueFd fd, const Endpoint& local, const UdpOptions& options);
  Result<std::size_t> fill_buffers();
  [[nodiscard]] bool filled_all(std::size_t count) const;
  [[nodiscard]] Merged merged(std::size_t index) const;

  UniqueFd fd_;
  Endpoint local_;
  Fragmentation fragmentation_;
  std::unique_ptr<Sender> sender_;
  std::unique_ptr<Receiver> receiver_;
};

template <class Visit>
Result<ReceiveReport> UdpSocket::receive(Visit&& visit) {
  const auto count = fill_buffers();
  if (!count) return tl::unexpected(count.error());
  ReceiveReport report;
  report.more = filled_all(*count);
  for (std::size_t i = 0; i < *count; ++i) {
    Merged rest = merged(i);
    if (!rest.whole) {
      ++report.truncated;
      continue;
    }
    do {  // an empty datagram is one too
      const auto datagram = rest.bytes.first(std::min(rest.segment_size, rest.bytes.size()));
      rest.bytes = rest.bytes.subspan(datagram.size());
      ++report.datagrams;
      visit(Received{rest.from, rest.to, datagram, rest.largest_fragment});
    } while (!rest.bytes.empty());
  }
  return report;
}

template <class Visit>
std::size_t UdpSocket::read_errors(Visit&& visit) {
  std::size_t count = 0;
  for (; count < kErrorsAtOnce; ++count) {
    const auto error = next_error();
    if (!error) break;
    visit(*error);
  }
  return count;
}

}  // namespace wgscope::os
