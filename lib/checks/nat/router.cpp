#include "router.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "wgscope/base/result.hpp"
#include "wgscope/base/time.hpp"
#include "wgscope/checks/nat.hpp"
#include "wgscope/checks/run.hpp"
#include "wgscope/diagnosis/nat.hpp"
#include "wgscope/diagnosis/text.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/os/clock.hpp"
#include "wgscope/os/poll_loop.hpp"
#include "wgscope/path/router_query.hpp"
#include "wgscope/source/netlink/dump.hpp"
#include "wgscope/source/netlink/routes.hpp"

#include "upnp.hpp"

namespace wgscope::checks {

RouterInquiry::RouterInquiry(Run& run, const IpAddress& local, const IpAddress& target,
                             std::optional<std::uint32_t> mark)
    : run_(run),
      end_(os::boot_now() + kLongestRouterInquiry),
      sockets_(run,
               {.on_datagram =
                    [this](Instant now, std::size_t /*socket*/, const Endpoint& from,
                           std::span<const std::byte> bytes) {
                      query_->handle_datagram(now, from, bytes);
                    },
                .on_unreachable =
                    [this](Instant /*now*/, std::size_t /*socket*/, const Endpoint& to) {
                      if (to == query_->router()) query_->handle_unreachable();
                    }},
               mark) {
  std::vector<std::byte> buffer(netlink::kReceiveBufferSize);
  const auto route = netlink::find_route({.to = target, .mark = mark}, end_, buffer);
  if (!route) {
    facts_.error = route.error();
    return;
  }
  facts_.address = route->gateway;
  if (!facts_.address) return;
  begin_query(local);
  upnp_.emplace(run_, local, *facts_.address);
}

void RouterInquiry::begin_query(const IpAddress& local) {
  if (const auto socket = sockets_.open(local); !socket) {
    facts_.error = socket.error();
    return;
  }
  query_.emplace(local, *facts_.address, os::boot_now());
  timer_ = run_.loop().add(os::Timer{.next = [this] { return query_->next_timeout(); },
                                     .expired =
                                         [this](Instant now) {
                                           query_->handle_timeout(now);
                                           send();
                                           if (query_->done()) run_.wake();
                                         }});
  send();
}

void RouterInquiry::send() {
  while (const auto datagram = query_->poll_transmit())
    sockets_.send(0, query_->router(), *datagram);
}

bool RouterInquiry::done() const {
  return (!query_ || query_->done()) && (!upnp_ || upnp_->done());
}

diagnosis::RouterFacts RouterInquiry::finish() {
  if (!done()) run_.say(diagnosis::text("waiting for the router {}", *facts_.address), end_);
  run_.wait_at_most([this] { return done(); }, end_);
  if (query_) facts_.query = query_->result();
  facts_.sent = sockets_.sent();
  facts_.upnp_asked = upnp_.has_value();
  if (upnp_ && (upnp_->done() || !run_.interrupted())) facts_.upnp = upnp_->facts();
  return std::move(facts_);
}

}  // namespace wgscope::checks
