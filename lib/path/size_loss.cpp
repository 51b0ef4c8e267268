#include "wgscope/path/size_loss.hpp"

#include <cmath>
#include <cstddef>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <utility>

#include "chance.hpp"

namespace wgscope::path {
namespace {

/// Chosen: every size that was tried may be the one from which packets are lost, and a search looks
/// more than once, so chance has a hundred attempts in each run, and ten million in the simulation.
constexpr double kChanceOfSizeLoss = kChance / 1000;
/// Loss and passing by turns, this often, is no change of the path. A path that changed twice has
/// two turns.
constexpr std::size_t kTurns = 3;

double ln_choose(std::size_t n, std::size_t k) {
  const auto ln_factorial = [](std::size_t of) { return std::lgamma(static_cast<double>(of) + 1); };
  return ln_factorial(n) - ln_factorial(k) - ln_factorial(n - k);
}

/// How often chance would give the large ones so many of all losses, or more (Fisher's exact test).
double chance_of(const SizeLoss& split) {
  const std::size_t sent = split.sent + split.below_sent;
  const std::size_t lost = split.lost + split.below_lost;
  double sum = 0;
  for (std::size_t large = split.lost; large <= split.sent && large <= lost; ++large) {
    if (lost - large > split.below_sent) continue;
    sum += std::exp(ln_choose(split.sent, large) + ln_choose(split.below_sent, lost - large) -
                    ln_choose(sent, lost));
  }
  return sum;
}

SizeLoss split_at(std::span<const SizedPacket> packets, std::size_t from,
                  std::size_t largest_passed) {
  SizeLoss split{.from = from, .to = largest_passed};
  for (const SizedPacket& packet : packets) {
    if (packet.size > largest_passed) continue;
    const bool large = packet.size >= from;
    ++(large ? split.sent : split.below_sent);
    if (packet.lost) ++(large ? split.lost : split.below_lost);
  }
  return split;
}

/// SizeLoss::below. A few packets below `split.from` may have passed by luck alone, so their fate is
/// compared with that of the larger ones: were they lost as often, all losses would fall on the
/// others only by chance (Fisher's exact test again). How often larger ones really are lost is not
/// asked: few packets do not tell. What passed while larger ones passed too does not count: a bucket
/// may have been full.
std::size_t certain_below(std::span<const SizedPacket> packets, const SizeLoss& split) {
  struct Fates {
    std::size_t passed = 0;
    std::size_t lost = 0;
  };
  std::map<std::size_t, Fates, std::greater<>> sizes;
  bool larger_lost = false;
  for (const SizedPacket& packet : packets) {
    if (packet.size >= split.from)
      larger_lost = packet.lost;
    else if (packet.lost)
      ++sizes[packet.size].lost;
    else if (larger_lost)
      ++sizes[packet.size].passed;
  }
  SizeLoss compared{.sent = split.sent, .lost = split.lost};
  for (const auto& [size, fates] : sizes) {
    compared.below_sent += fates.passed;
    if (fates.lost > 0) {  // perhaps its packets are lost as often, and those of the sizes above
      compared.sent += std::exchange(compared.below_sent, 0) + fates.lost;
      compared.lost += fates.lost;
    }
    if (chance_of(compared) <= kChanceOfSizeLoss) return size;
  }
  return 0;
}

double ln_likelihood(std::size_t sent, std::size_t lost) {
  if (lost == 0 || lost == sent) return 0;
  const double ratio = static_cast<double>(lost) / static_cast<double>(sent);
  return static_cast<double>(lost) * std::log(ratio) +
         static_cast<double>(sent - lost) * std::log(1 - ratio);
}

/// How often the fate of packets from `split.from` on turned.
std::size_t turns(std::span<const SizedPacket> packets, const SizeLoss& split) {
  std::size_t turned = 0;
  std::optional<bool> before;
  for (const SizedPacket& packet : packets) {
    if (packet.size < split.from || packet.size > split.to) continue;
    if (before && *before != packet.lost) ++turned;
    before = packet.lost;
  }
  return turned;
}

}  // namespace

std::optional<SizeLoss> find_size_loss(std::span<const SizedPacket> packets,
                                       std::size_t largest_passed) {
  std::set<std::size_t> lost_sizes;
  for (const SizedPacket& packet : packets)
    if (packet.lost && packet.size > 0 && packet.size <= largest_passed)
      lost_sizes.insert(packet.size);
  std::optional<SizeLoss> best;
  double best_likelihood = 0;
  for (const std::size_t from : lost_sizes) {
    const SizeLoss split = split_at(packets, from, largest_passed);
    const double likelihood =
        ln_likelihood(split.sent, split.lost) + ln_likelihood(split.below_sent, split.below_lost);
    if (best && likelihood <= best_likelihood) continue;
    best = split;
    best_likelihood = likelihood;
  }
  if (!best || turns(packets, *best) < kTurns || chance_of(*best) > kChanceOfSizeLoss)
    return std::nullopt;
  best->below = certain_below(packets, *best);
  return best;
}

}  // namespace wgscope::path
