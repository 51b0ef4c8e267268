// Which MTU the searches through a tunnel prove, and which is to be set.

#include <algorithm>
#include <cstddef>
#include <optional>

#include "wgscope/diagnosis/mtu.hpp"
#include "wgscope/path/mtu_search.hpp"
#include "wgscope/path/size_loss.hpp"

#include "mtu_parts.hpp"

namespace wgscope::diagnosis {
namespace {

/// Chosen: where one in so many small packets is lost too, a smaller MTU is no remedy.
constexpr std::size_t kMostOfSmall = 20;

/// The largest size that is not among those lost at times. Nothing: none is known.
std::optional<std::size_t> spared_size(const MtuFacts& facts, const path::MtuResult& direction) {
  const auto& loss = direction.size_loss;
  if (!loss || loss->below_lost * kMostOfSmall >= loss->below_sent) return std::nullopt;
  if (loss->below <= facts.overhead + kTcpOverIpv6) return std::nullopt;
  return loss->below;
}

/// The largest size that passes, where larger ones are known not to. Nothing: there is no such size.
std::optional<std::size_t> known_limit(const std::optional<path::MtuResult>& direction) {
  if (!direction) return std::nullopt;
  if (direction->not_above) return direction->mtu.value_or(0);
  return direction->own_limit;
}

}  // namespace

std::size_t full_size(const MtuFacts& facts) { return facts.tunnel_mtu + facts.overhead; }

bool has_ended(const MtuFacts& facts) { return facts.drop && facts.drop->large_arrived; }

std::optional<std::size_t> fitting_mtu(const MtuFacts& facts) {
  if (has_ended(facts)) return std::nullopt;
  for (const auto& direction : {facts.forward, facts.backward})
    if (!direction || !is_known(*direction, full_size(facts))) return std::nullopt;
  // By replies nothing above the setting is tried, so nothing above it is proven.
  const std::size_t path = std::min(*facts.forward->mtu, *facts.backward->mtu);
  if (path <= facts.overhead + kTcpOverIpv6) return std::nullopt;
  return path - facts.overhead;
}

std::optional<std::size_t> likely_mtu(const MtuFacts& facts) {
  const auto fitting = fitting_mtu(facts);
  if (!fitting || facts.method == MtuBackward::answers) return std::nullopt;
  const std::size_t there = *facts.forward->mtu;
  const std::size_t path = std::min(there, facts.backward->not_above.value_or(there));
  if (path <= *fitting + facts.overhead) return std::nullopt;
  return path - facts.overhead;
}

bool spares_what_is_lost(const MtuFacts& facts) {
  for (const auto& direction : {facts.forward, facts.backward})
    if (direction && direction->size_loss && !spared_size(facts, *direction)) return false;
  return true;
}

std::optional<std::size_t> advised_mtu(const MtuFacts& facts) {
  std::optional<std::size_t> least;
  const auto take = [&](std::size_t size) { least = std::min(least.value_or(size), size); };
  const auto fitting = fitting_mtu(facts);
  if (fitting) take(*fitting + facts.overhead);
  for (const auto& direction : {facts.forward, facts.backward}) {
    if (!direction) continue;
    if (const auto spared = spared_size(facts, *direction)) take(*spared);
  }
  if (!least) return std::nullopt;
  if (!fitting) {
    // A limit of the other direction holds too, where that is all that is known of it.
    if (!has_ended(facts)) take(known_limit(facts.forward).value_or(*least));
    take(known_limit(facts.backward).value_or(*least));
  }
  if (*least <= facts.overhead + kTcpOverIpv6) return std::nullopt;
  return *least - facts.overhead;
}

}  // namespace wgscope::diagnosis
