#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "wgscope/base/time.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/path/outbox.hpp"
#include "wgscope/wire/port_control.hpp"

// What the next router says of itself by NAT-PMP (RFC 6886) and PCP (RFC 6887): whether it speaks
// these protocols, and its outer address. The requests create nothing there. No sockets, no clock.

namespace wgscope::path {

/// The first wait for an answer; each one is twice as long (RFC 6886 §3.1). Chosen: the RFC goes on
/// for a minute, this gives up after four requests and 3.75 s.
inline constexpr Nanoseconds kFirstRouterWait = std::chrono::milliseconds(250);
inline constexpr int kRouterTransmissions = 4;
/// A run takes at most this long, and twice kRouterTransmissions datagrams.
inline constexpr Nanoseconds kLongestRouterQuery = kFirstRouterWait * 15;

struct RouterQueryResult {
  bool nat_pmp = false;  ///< the router answered in NAT-PMP, whatever it said
  bool pcp = false;      ///< the router answered in PCP, whatever it said
  /// The result code that it gave instead of its address (RFC 6886 §3.5).
  std::optional<unsigned> nat_pmp_error;
  std::optional<unsigned> pcp_error;  ///< the result code other than success (RFC 6887 §7.4)
  /// The outer address that it names; 0.0.0.0: it says that it has none.
  std::optional<IpAddress> outer;
  /// PCP: it sees another address than we send from, so a NAT is between.
  bool nat_before_router = false;
  bool refused = false;  ///< an ICMP error said that nothing listens on the port
  /// Datagrams from the router that are answers of neither protocol.
  std::size_t not_understood = 0;
  std::size_t datagrams_sent = 0;

  friend bool operator==(const RouterQueryResult&, const RouterQueryResult&) = default;
};

/// One run, on one socket. For one thread at a time.
class RouterQuery {
 public:
  /// @param local  the address that requests are sent from. @param router  its kPortControlPort is
  /// asked.
  RouterQuery(const IpAddress& local, const IpAddress& router, Instant now);

  [[nodiscard]] const Endpoint& router() const { return router_; }
  /// A datagram to be sent to router().
  std::optional<std::vector<std::byte>> poll_transmit() { return outbox_.poll(); }
  /// @param bytes  any; datagrams that are not from router() are ignored.
  void handle_datagram(Instant now, const Endpoint& from, std::span<const std::byte> bytes);
  /// An ICMP error said that router() cannot be reached.
  void handle_unreachable();
  void handle_timeout(Instant now);
  /// When to call handle_timeout(); nothing: done.
  [[nodiscard]] std::optional<Instant> next_timeout() const;

  [[nodiscard]] bool done() const { return done_; }
  [[nodiscard]] const RouterQueryResult& result() const { return result_; }

 private:
  void transmit(Instant now);
  void handle_answer(const wire::PortControlAnswer& answer);

  IpAddress local_;
  Endpoint router_;
  Instant resend_at_;
  int sent_ = 0;              ///< transmissions so far, at most kRouterTransmissions
  bool nat_pmp_open_ = true;  ///< the answer in NAT-PMP is still waited for
  bool pcp_open_ = true;      ///< the answer in PCP is still waited for
  bool done_ = false;
  Outbox<std::vector<std::byte>> outbox_;
  RouterQueryResult result_;
};

}  // namespace wgscope::path
