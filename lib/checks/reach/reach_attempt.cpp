#include "reach_attempt.hpp"

#include <cassert>
#include <memory>
#include <utility>

#include "wgscope/base/random.hpp"
#include "wgscope/base/result.hpp"
#include "wgscope/base/time.hpp"
#include "wgscope/config/expectations.hpp"
#include "wgscope/diagnosis/handshake.hpp"
#include "wgscope/diagnosis/reach.hpp"
#include "wgscope/diagnosis/text.hpp"
#include "wgscope/inner/event.hpp"
#include "wgscope/inner/host.hpp"
#include "wgscope/wire/icmp.hpp"
#include "wgscope/wire/ip.hpp"

namespace wgscope::checks {

using diagnosis::ReachOutcome;
using diagnosis::ReachTry;

ReachAttempt::ReachAttempt(Instant now, const ReachAim& aim)
    : expectation_(aim.expectation), to_(aim.to), started_(now), deadline_(now + aim.timeout) {
  assert(aim.timeout > Nanoseconds{0});
}

void ReachAttempt::handle_timeout(Instant now) {
  if (!result_ && now >= deadline_) settle(now, when_late());
}

void ReachAttempt::settle(Instant now, ReachTry result) {
  if (result_) return;
  result.after = now - started_;
  result_ = std::move(result);
}

void ReachAttempt::cannot_send(Instant now, const Error& error) {
  // Not the error's own words, which have addresses in them.
  settle(now,
         {.outcome = ReachOutcome::not_sent,
          .why = diagnosis::either(error.code == Errc::bad_value,
                                   "this peer has no address of that IP version, or it is its own",
                                   "there is no room for more packets or connections")});
}

void ReachAttempt::settle(Instant now, const inner::IcmpFailed& failed) {
  // What we send is small: a router that finds it too big is none that decides anything here.
  if (failed.kind == wire::IcmpKind::packet_too_big) return;
  // A closed UDP port says so by ICMP. Of TCP and echo it is a firewall that does.
  const bool closed_port = failed.kind == wire::IcmpKind::port_unreachable &&
                           failed.about.protocol == wire::Protocol::udp &&
                           failed.reporter == to_.address;
  settle(now, {.outcome = closed_port ? ReachOutcome::refused : ReachOutcome::rejected,
               .icmp = diagnosis::IcmpReport{failed.reporter, failed.type, failed.code}});
}

std::unique_ptr<ReachAttempt> begin_attempt(Instant now, inner::Host& host, Random& random,
                                            const ReachAim& aim) {
  switch (aim.expectation->kind) {
    case config::ReachKind::icmp: return begin_echo(now, host, aim);
    case config::ReachKind::tcp: return begin_tcp(now, host, aim);
    case config::ReachKind::udp: return begin_udp(now, host, aim);
    case config::ReachKind::dns: return begin_dns(now, host, random, aim);
    case config::ReachKind::http: return begin_http(now, host, aim);
  }
  return begin_echo(now, host, aim);
}

}  // namespace wgscope::checks
