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

// lwIP (Debian 12: 2.1.3) without its threads: lwip_init() instead of tcpip_init(), the raw API,
// and TCP's two timers called from here. What its configuration would do to us, and what is done:
//
// - It forwards packets that are not for it (IP_FORWARD), aborts on packets from itself to itself
//   (their mailbox does not exist without the thread), puts fragments together, and walks options
//   and extension headers: it is only handed TCP segments from others to us, whole, behind plain
//   headers. tcpip_try_callback() is defined here besides, so that the abort cannot happen.
// - Sequence numbers start at 6510 and count up, identifiers of IPv4 packets count up over all
//   tunnels: tcp_next_iss() is defined here with random numbers, identifiers are replaced.
// - Its general timers would wake us every 100 ms for multicast, router solicitations and
//   reassembly, none of which we have: they never run. TCP's run only while there are connections,
//   in an order of their own from the first connection on, so that the same input makes the same
//   packets.
// - A reset that belongs to no connection is routed by destination: it might leave through another
//   tunnel, or be taken for a packet to ourselves where one process holds both sides. So a netif
//   has an address, and is the default route, only while it takes a packet in (which also lets a
//   host have more addresses than a netif), and what is sent meanwhile goes out of it. Connections
//   are bound to their netif and need neither.
// - Some of its assertions can be made to fail from outside (is_sane() says which).
//
// The two functions defined here replace lwIP's because a program's symbols precede
// a shared library's.

/// One host's network card in lwIP. Owns its netif; connections bound to it must be gone first.
class LwipInterface {
 public:
  LwipInterface(const Host& host, Random& random, PacketQueue& out);
  LwipInterface(const LwipInterface&) = delete;
  LwipInterface& operator=(const LwipInterface&) = delete;
  ~LwipInterface();

  [[nodiscard]] netif* get() { return &netif_; }
  [[nodiscard]] ip_addr_t address(const IpAddress& from) const;

  /// Whether lwIP may see a segment. It asserts what others can make untrue, and an assertion ends
  /// the process:
  /// - sequence numbers half of their space away from the expected one are before and behind it at
  ///   once ("insane offset!");
  /// - a SYN counts as a byte of data where it is let through with data or a FIN.
  [[nodiscard]] bool is_sane(const wire::IpPacket& packet) const;
  void input(const wire::IpPacket& packet);
  void abort_connections();  ///< also those that lwIP is still closing on its own

  std::uint32_t random32();

  /// The interface that takes a packet in just now.
  static LwipInterface* current();

 private:
  /// Makes this the current interface, and `own` its address of that family.
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

/// TCP's timers, common to all interfaces: whoever handles them makes packets and events of all.
namespace lwip_timers {
/// One handling of them, by whichever host was first.
struct Round {
  std::uint64_t number = 0;
  Instant at{};
};
Round last_round();
std::optional<Instant> next();
void handle(Instant now);
void arm(Instant now);  ///< to be called after anything that may have begun a connection
}  // namespace lwip_timers

/// How many connections lwIP has, counted up to `most`.
std::size_t count_active(std::size_t most);
/// Ends the oldest of those in TIME_WAIT above `most`.
void limit_time_wait(std::size_t most);

}  // namespace wgscope::inner
