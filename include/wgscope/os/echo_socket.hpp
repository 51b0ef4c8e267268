#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "wgscope/base/random.hpp"
#include "wgscope/base/result.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/os/udp_socket.hpp"
#include "wgscope/os/unique_fd.hpp"

namespace wgscope::os {

/// What an ICMP or ICMPv6 echo reply says.
struct EchoMessage {
  std::uint16_t id = 0;
  std::uint16_t sequence = 0;
  std::span<const std::byte> payload;  ///< points into what was parsed
};

/// How a socket hands over what it receives: a raw IPv4 one with the IP header in front.
enum class EchoFraming : std::uint8_t { v4, v4_with_ip_header, v6 };

/// Takes apart what an ICMP socket received. The kernel has verified its checksum.
/// @returns nothing if it is not a whole echo reply.
/// Source: RFC 792, RFC 4443 §4.2, RFC 791 §3.1.
std::optional<EchoMessage> parse_echo_reply(std::span<const std::byte> received,
                                            EchoFraming framing);

/// An answer to a request of this socket.
struct EchoReply {
  IpAddress from;
  std::uint16_t sequence = 0;
  std::size_t payload_size = 0;  ///< bytes behind the ICMP header
  /// Every byte of the payload is one that was sent. It says nothing of how many came: compare
  /// `payload_size`.
  bool intact = false;
  /// How many bytes are unchanged from the payload's beginning on. If kProof or more are, whoever
  /// replied has received this very request.
  std::size_t matching = 0;
  static constexpr std::size_t kProof = 8;
  /// Bytes of the largest fragment, IP header included, if the reply came in fragments. Nothing: it
  /// came whole, or watch_path() was not called.
  std::optional<std::size_t> largest_fragment = std::nullopt;
};

/// What became of a request instead of a reply.
struct EchoError {
  SocketError error;
  /// The request's; nothing: the error is this host's own, about the last request.
  std::optional<std::uint16_t> sequence;
};

/// Sends echo requests to any host, outside of tunnels, and takes their replies: what ping(8) does.
///
/// Made of a "ping socket" (icmp(7)) where net.ipv4.ping_group_range lets this user have one, and
/// of a raw socket where it has CAP_NET_RAW. The caller takes the time: with the kernel's
/// receive time stamps, a round trip would look shorter here than one through a tunnel, whose
/// packets have none. Non-blocking; for one thread at a time.
class EchoSocket {
 public:
  /// @param random  makes the identifier and what tells our payloads from others; not kept.
  /// @param mark    SO_MARK; needs CAP_NET_ADMIN.
  /// @returns not_permitted (says what would permit it), io (EAFNOSUPPORT: no IPv6 here).
  static Result<EchoSocket> open(Family family, Random& random,
                                 std::optional<std::uint32_t> mark = std::nullopt);

  [[nodiscard]] int fd() const { return fd_.get(); }
  [[nodiscard]] bool is_raw() const { return raw_; }

  /// From now on ICMP errors about requests wait in next_error(), and the socket has a pending
  /// error in poll(2) as long as there are some. @returns io.
  Result<> watch_errors();
  /// For requests that look at the path: from now on they are never cut, with no regard to what is
  /// known of it (IP_PMTUDISC_PROBE); replies tell whether they came in fragments; errors are
  /// watched. @returns io.
  Result<> watch_path();
  /// Sets how many routers requests may pass from now on.
  /// @param limit  at least 1; nothing: the system's default.
  /// @returns io.
  Result<> set_hop_limit(std::optional<std::uint8_t> limit);

  /// @param to            its port is ignored; its family is the socket's.
  /// @param payload_size  bytes, at most kMaxPayload. May be cut into fragments on its way.
  /// @returns not_permitted (a local firewall; a ping socket of IPv6 does not hear of it), io with
  /// errno: ENETUNREACH, EHOSTUNREACH …
  Result<> send(const Endpoint& to, std::uint16_t sequence, std::size_t payload_size);
  static constexpr std::size_t kMaxPayload = 65'507;  ///< the most that fits an IPv4 packet

  /// The next reply to a request of this socket; nothing when none waits.
  std::optional<EchoReply> receive();

  /// The oldest error about a request of this socket, once errors are watched; nothing when none
  /// waits.
  std::optional<EchoError> next_error();

 private:
  EchoSocket(UniqueFd fd, Family family, bool raw, Random& random);
  [[nodiscard]] std::byte payload_byte(std::uint16_t sequence, std::size_t at) const;
  [[nodiscard]] std::optional<EchoReply> accept(std::span<const std::byte> received,
                                                const IpAddress& from) const;

  UniqueFd fd_;
  Family family_;
  bool raw_;
  bool watches_errors_ = false;
  /// The identifier of a raw socket's requests; a ping socket's is set by the kernel.
  std::uint16_t id_ = 0;
  std::uint64_t secret_ = 0;  ///< makes payloads that nobody else can guess
  std::vector<std::byte> buffer_;
};

}  // namespace wgscope::os
