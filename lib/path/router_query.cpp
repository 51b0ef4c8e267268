#include "wgscope/path/router_query.hpp"

#include <cstddef>
#include <optional>
#include <span>
#include <utility>

#include "wgscope/base/time.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/wire/port_control.hpp"

// Both requests go out side by side. A router that speaks only one of the protocols answers the
// request of the other one as well, with "unsupported version" in its own protocol, so that both
// are settled (RFC 6886 §3.5, RFC 6887 §9).

namespace wgscope::path {

using wire::PortControlAnswer;

RouterQuery::RouterQuery(const IpAddress& local, const IpAddress& router, Instant now)
    : local_(local), router_{router, 0, wire::kPortControlPort}, resend_at_(now) {
  transmit(now);
}

void RouterQuery::transmit(Instant now) {
  if (sent_ == kRouterTransmissions) {
    done_ = true;
    return;
  }
  const auto put = [&](const auto& request) {
    outbox_.push({request.begin(), request.end()});
    ++result_.datagrams_sent;
  };
  if (nat_pmp_open_) put(wire::nat_pmp_address_request());
  if (pcp_open_) put(wire::pcp_announce_request(local_));
  resend_at_ = now + kFirstRouterWait * (1 << sent_);
  ++sent_;
}

void RouterQuery::handle_datagram(Instant /*now*/, const Endpoint& from,
                                  std::span<const std::byte> bytes) {
  if (done_ || from != router_) return;
  if (const auto answer = wire::parse_port_control(bytes))
    handle_answer(*answer);
  else
    ++result_.not_understood;
  done_ = !nat_pmp_open_ && !pcp_open_;
}

void RouterQuery::handle_answer(const PortControlAnswer& answer) {
  const bool wrong_version = answer.result == wire::kUnsupportedVersion;
  if (answer.protocol == PortControlAnswer::Protocol::nat_pmp) {
    result_.nat_pmp = true;
    if (wrong_version) {  // this is about our request in PCP; the address is still to come
      pcp_open_ = false;
      return;
    }
    if (!std::exchange(nat_pmp_open_, false)) return;  // the first answer counts
    result_.outer = answer.outer;
    if (!answer.outer) result_.nat_pmp_error = answer.result;
    return;
  }
  result_.pcp = true;
  if (wrong_version)
    nat_pmp_open_ = false;  // a PCP server says this of NAT-PMP, or of our version of PCP
  if (wrong_version && answer.version != 1) return;
  if (!std::exchange(pcp_open_, false)) return;
  if (answer.result != wire::kPortControlSuccess) result_.pcp_error = answer.result;
  result_.nat_before_router = answer.result == wire::kPcpAddressMismatch;
}

void RouterQuery::handle_unreachable() {
  if (done_) return;
  result_.refused = true;
  done_ = true;
}

void RouterQuery::handle_timeout(Instant now) {
  if (!done_ && resend_at_ <= now) transmit(now);
}

std::optional<Instant> RouterQuery::next_timeout() const {
  return done_ ? std::nullopt : std::optional(resend_at_);
}

}  // namespace wgscope::path
