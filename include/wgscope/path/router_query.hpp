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
  bool nat_pmp = false;                   ///< the router answered in NAT-PMP, whatever it said
  bool pcp = false;                       ///< the router answered in PCP, whatever it said
  std::optional<unsigned> nat_pmp_error;  ///< instead of the outer address (RFC 6886 §3.5)
  std::optional<unsigned> pcp_error;      ///< a result code of RFC 6887 §7.4
  std::optional<IpAddress> outer;         ///< as the router says; 0.0.0.0: it says that it has none
  bool nat_before_router = false;         ///< PCP says that it sees another address of ours
  bool refused = false;                   ///< an ICMP error said that nothing listens there
  std::size_t not_understood = 0;         ///< datagrams of the router that are not such answers
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
  [[nodiscard]] std::optional<Instant> next_timeout() const;  ///< nothing: done

  [[nodiscard]] bool done() const { return done_; }
  [[nodiscard]] const RouterQueryResult& result() const { return result_; }

 private:
  void transmit(Instant now);
  void handle_answer(const wire::PortControlAnswer& answer);

  IpAddress local_;
  Endpoint router_;
  Instant next_;
  int sent_ = 0;
  bool nat_pmp_open_ = true;  ///< its answer is still waited for
  bool pcp_open_ = true;      ///< likewise
  bool done_ = false;
  Outbox<std::vector<std::byte>> outbox_;
  RouterQueryResult result_;
};

}  // namespace wgscope::path
