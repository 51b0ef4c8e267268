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
  allow,  ///< this host and IPv4 routers may fragment them (IP_PMTUDISC_DONT)
  /// Nobody may; one that is longer than the known path MTU fails with EMSGSIZE (IP_PMTUDISC_DO).
  forbid,
  /// Nobody may; the known path MTU is ignored, only the own interface limits (IP_PMTUDISC_PROBE).
  probe,
};

struct UdpOptions {
  std::optional<std::uint32_t> mark;  ///< SO_MARK; needs CAP_NET_ADMIN
  Fragmentation fragmentation = Fragmentation::allow;
  /// Let the kernel cut (UDP_SEGMENT) and merge (UDP_GRO) datagrams, where it can. Off, everything
  /// works the same and costs more.
  bool offload = true;
  /// Report datagrams that arrived in fragments (Received::largest_fragment).
  bool report_fragments = false;
  /// Bytes to ask the kernel for, for each direction; it may give less.
  std::size_t socket_buffer = 4UL << 20U;
  /// Bytes for one receive(), touched only as far as datagrams fill them. Merged datagrams need
  /// 64 KiB each, single ones `max_datagram`; what is longer is counted as truncated and dropped.
  std::size_t receive_memory = 512UL << 10U;
  /// Bytes; this only matters where the kernel does not merge datagrams.
  std::size_t max_datagram = 9216;
};

/// Datagrams for one destination, back to back.
struct SendBatch {
  Endpoint to;
  std::span<const std::byte> bytes;  ///< the payloads; empty: one datagram without payload
  std::size_t segment_size = 0;      ///< bytes of each datagram; the last one may be shorter
  std::optional<IpAddress> from;     ///< the source address; nothing: the kernel chooses it
};

/// What one destination's datagrams ran into.
struct SendFailure {
  Endpoint to;
  std::size_t batch = 0;      ///< index of the batch
  int sys_errno = 0;          ///< errno of the last failure, where there was more than one
  std::size_t datagrams = 0;  ///< how many datagrams of the batch were not sent
};

struct SendReport {
  std::size_t batches = 0;        ///< batches that are finished: sent, or listed in `failures`
  std::size_t bytes_of_next = 0;  ///< bytes of the first unfinished batch that were sent already
  std::size_t datagrams = 0;      ///< datagrams that were sent
  bool blocked = false;  ///< the socket's buffer is full: go on once the socket is writable
  std::span<const SendFailure> failures;  ///< ordered by batch; valid until the next send()
};

struct Received {
  Endpoint from;
  std::optional<IpAddress> to;    ///< the local address that the datagram came to
  std::span<std::byte> datagram;  ///< may be written to; valid until the next receive()
  /// Bytes of the largest fragment, IP header included, if the datagram came in fragments: nearly
  /// the MTU of the link that was too small (IP_RECVFRAGSIZE, IPV6_RECVFRAGSIZE). Nothing: it came
  /// whole, or UdpOptions::report_fragments is off.
  std::optional<std::size_t> largest_fragment;
};

struct ReceiveReport {
  std::size_t datagrams = 0;
  /// Datagrams that were dropped, because they were longer than the buffers.
  std::size_t truncated = 0;
  bool more = false;  ///< every buffer was filled, so more may be waiting
};

/// An error that came back for a datagram sent earlier (IP_RECVERR, ip(7)).
struct SocketError {
  enum class Origin : std::uint8_t { local, icmp, icmpv6 };

  Endpoint destination;  ///< where the datagram that the error is about was to go
  int sys_errno = 0;  ///< what the kernel calls the error: ECONNREFUSED, EHOSTUNREACH, EMSGSIZE …
  Origin origin = Origin::local;
  std::uint8_t type = 0;              ///< type of the ICMP message (RFC 792, RFC 4443)
  std::uint8_t code = 0;              ///< code of the ICMP message
  std::uint32_t info = 0;             ///< with EMSGSIZE the MTU that would fit, IP header included
  std::optional<IpAddress> offender;  ///< the router or host that sent the ICMP message
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
  /// Where it is bound; the port is the one it got, never 0.
  [[nodiscard]] const Endpoint& local() const { return local_; }
  [[nodiscard]] std::uint16_t local_port() const { return local_.port; }
  [[nodiscard]] bool cuts_in_kernel() const;  ///< false after a device proved unable to
  [[nodiscard]] bool merges_in_kernel() const;

  /// Changes UdpOptions::fragmentation. Costs nothing where it is so already. @returns io.
  Result<> set_fragmentation(Fragmentation fragmentation);
  /// @returns not_permitted, io.
  Result<> set_mark(std::uint32_t mark);
  /// Sets how many routers datagrams may pass from now on (IP_TTL, IPV6_UNICAST_HOPS).
  /// @param limit  at least 1; nothing: the system's default.
  /// @returns io.
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
    std::size_t segment_size = 0;  ///< bytes of each datagram but the last, at least 1
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
