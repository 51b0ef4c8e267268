#pragma once

#include <cstddef>
#include <cstdint>
#include <lwip/err.h>
#include <lwip/ip_addr.h>
#include <lwip/netif.h>
#include <lwip/pbuf.h>
#include <optional>

#include "wgscope/base/random.hpp"
#include "wgscope/base/time.hpp"
#include "wgscope/inner/packet_queue.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/wire/ip.hpp"

namespace wgscope::inner {

class Host;

// lwIP (Debian 12: 2.1.3) without its threads: with lwip_init() instead of tcpip_init(), the raw
// API, and TCP's two timers called from here. Debian's configuration causes problems, which are
// solved as follows:
//
// - lwIP forwards packets that are not for it (IP_FORWARD), aborts on packets from itself to itself
//   (their mailbox does not exist without the thread), reassembles fragments, and parses options
//   and extension headers. So it only gets whole TCP segments from others to us, with plain IP
//   headers. tcpip_try_callback() is defined here as well, so that the abort cannot happen.
// - Its sequence numbers start at 6510 and count up, and identifiers of IPv4 packets count up over
//   all tunnels. So tcp_next_iss() is defined here with random numbers, and identifiers are
//   replaced.
// - Its general timers would wake us every 100 ms for multicast, router solicitations and
//   reassembly, none of which we use, so they never run. TCP's timers run only while there are
//   connections, and always in the same order from the first connection on, so that the same input
//   makes the same packets.
// - It routes a reset that belongs to no connection by destination. The reset might leave through
//   another tunnel or, if one process holds both sides, be taken for a packet to ourselves. So a
//   netif has an address, and is the default route, only while it takes a packet in, and everything
//   sent meanwhile goes out of it. This also lets a host have more addresses than a netif can.
//   Connections are bound to their netif and need neither address nor route.
// - Others can make some of its assertions fail (is_sane() says which).
//
// The two functions defined here replace lwIP's, because the symbols of a program take precedence
// over those of a shared library.

/// The network card of one host in lwIP. It owns its netif; end connections bound to it first.
class LwipInterface {
 public:
  LwipInterface(const Host& host, Random& random, PacketQueue& out);
  LwipInterface(const LwipInterface&) = delete;
  LwipInterface& operator=(const LwipInterface&) = delete;
  ~LwipInterface();

  [[nodiscard]] netif* get() { return &netif_; }
  [[nodiscard]] ip_addr_t address(const IpAddress& from) const;

  /// Whether lwIP may get a segment. Others can make two of its assertions fail, and a failed
  /// assertion ends the process:
  /// - a sequence number half of the number space away from the expected one is both before and
  ///   after it ("insane offset!");
  /// - a SYN counts as a byte of data where it is accepted with data or a FIN.
  [[nodiscard]] bool is_sane(const wire::IpPacket& packet) const;
  void input(const wire::IpPacket& packet);
  void abort_connections();  ///< including those that lwIP is still closing by itself

  std::uint32_t random32();

  /// The interface that is taking a packet in; nullptr: none.
  static LwipInterface* current();

 private:
  /// Makes this the current interface, with the address `own`.
  void take_on(const IpAddress& own);
  void put_down();
  static err_t start(netif* started);
  static err_t output4(netif* via, pbuf* packet, const ip4_addr_t* next_hop);
  static err_t output6(netif* via, pbuf* packet, const ip6_addr_t* next_hop);
  static err_t output(netif* via, const pbuf* packet);
  err_t send(const pbuf* packet);

  netif netif_{};
  Random* random_;
  PacketQueue* out_;
  std::uint16_t mtu_;
  std::uint16_t next_id_;
};

/// The TCP timers, which all interfaces share. Handling them makes packets and events for all.
namespace lwip_timers {
/// One handling of the timers, by any of the hosts.
struct Round {
  std::uint64_t number = 0;
  Instant at{};
};
Round last_round();
std::optional<Instant> next();
void handle(Instant now);
void arm(Instant now);  ///< call it after everything that can start a connection
}  // namespace lwip_timers

/// How many active connections lwIP has, at most `most`.
std::size_t count_active(std::size_t most);
/// Ends the oldest connections in TIME_WAIT until at most `most` are left.
void limit_time_wait(std::size_t most);

}  // namespace wgscope::inner
