// What the searches beside a tunnel prove of the path, and what they do not.

#include <algorithm>
#include <cstddef>
#include <optional>

#include "wgscope/diagnosis/outer.hpp"
#include "wgscope/path/mtu_search.hpp"

#include "mtu_parts.hpp"
#include "outer_parts.hpp"

namespace wgscope::diagnosis {

using path::MtuResult;

std::size_t full_size(const OuterFacts& facts) { return facts.tunnel_mtu + facts.overhead; }

bool fits(const OuterFacts& facts, const MtuResult& direction) {
  return direction.mtu && *direction.mtu >= full_size(facts);
}

const std::optional<MtuResult>& found_by_echo(const OuterFacts& facts) {
  return facts.forward_echo ? facts.forward_echo : facts.both_ways;
}

bool is_limited_here(const MtuResult& direction) {
  return direction.own_limit && direction.mtu && *direction.mtu >= *direction.own_limit;
}

PingLimit ping_limit(const OuterFacts& facts) {
  const auto& echo = found_by_echo(facts);
  if (!echo || !echo->mtu || !echo->not_above || fits(facts, *echo) || is_limited_here(*echo))
    return PingLimit::none;
  if (echo->report) return PingLimit::path;
  const auto& udp = facts.forward;
  if (udp && udp->not_above && *udp->not_above <= *echo->not_above) return PingLimit::path;
  if (facts.largest_fragment) return PingLimit::fragments;
  if (udp && udp->mtu && *udp->mtu > *echo->not_above) {
    const auto& drop = facts.echo_drop;
    const bool before_end = drop && drop->first && !drop->first->is_end;
    return before_end || facts.forward_echo ? PingLimit::pings : PingLimit::pings_or_back;
  }
  if (!facts.udp_gets_past) return PingLimit::unknown;
  return *facts.udp_gets_past ? PingLimit::pings : PingLimit::path;
}

std::optional<std::size_t> proven_forward(const OuterFacts& facts) {
  std::optional<std::size_t> proven;
  for (const auto& direction : {facts.forward, facts.both_ways, facts.forward_echo})
    if (direction && direction->mtu) proven = std::max(proven.value_or(0), *direction->mtu);
  return proven;
}

bool is_both_known(const OuterFacts& facts) {
  if (!facts.both_ways || !is_known(*facts.both_ways, full_size(facts))) return false;
  if (fits(facts, *facts.both_ways)) return true;
  const PingLimit limit = ping_limit(facts);
  return limit == PingLimit::none || limit == PingLimit::path || limit == PingLimit::fragments;
}

std::optional<std::size_t> known_forward(const OuterFacts& facts) {
  const std::size_t full = full_size(facts);
  std::optional<std::size_t> known;
  const auto take = [&](const std::optional<MtuResult>& direction) {
    if (direction && is_known(*direction, full))
      known = std::max(known.value_or(0), *direction->mtu);
  };
  take(facts.forward);
  // Where replies come in fragments, it is the reverse path that takes no more.
  if (is_both_known(facts) && ping_limit(facts) != PingLimit::fragments) take(facts.both_ways);
  const auto& echo = facts.forward_echo;
  if (echo &&
      (fits(facts, *echo) || is_limited_here(*echo) || ping_limit(facts) == PingLimit::path))
    take(echo);
  return known;
}

std::optional<std::size_t> known_backward(const OuterFacts& facts) {
  if (!is_both_known(facts)) return std::nullopt;
  const bool is_limit = ping_limit(facts) == PingLimit::fragments;
  return fits(facts, *facts.both_ways) || is_limit ? facts.both_ways->mtu : std::nullopt;
}

std::optional<std::size_t> fitting_mtu(const OuterFacts& facts) {
  const auto size = is_both_known(facts) ? facts.both_ways->mtu : known_forward(facts);
  if (!size || *size <= facts.overhead + kTcpOverIpv6) return std::nullopt;
  return *size - facts.overhead;
}

}  // namespace wgscope::diagnosis
