#include "wgscope/path/flow_lifetime.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <optional>
#include <vector>

#include "wgscope/base/time.hpp"
#include "wgscope/path/keepalive.hpp"

namespace wgscope::path {

using std::chrono::seconds;

std::optional<Nanoseconds> judged_silence(std::optional<seconds> interval) {
  if (!interval || *interval == seconds(0)) return std::nullopt;
  return *interval;
}

void add_survived(FlowLifetime& lifetime, Nanoseconds silence) {
  lifetime.tried.push_back({.least = silence, .most = silence, .alive = true});
  std::erase_if(lifetime.tried,
                [&](const SilenceTried& one) { return !one.alive && one.most <= silence; });
}

void conclude(FlowLifetime& lifetime, std::optional<Nanoseconds> interval, std::size_t needed) {
  std::optional<Nanoseconds> gone;
  for (const SilenceTried& one : lifetime.tried)
    if (!one.alive) gone = std::min(gone.value_or(one.most), one.most);
  std::optional<Nanoseconds> alive;
  lifetime.trials = 0;
  for (const SilenceTried& one : lifetime.tried) {
    if (!one.alive) continue;
    if (!gone || one.least < *gone) alive = std::max(alive.value_or(one.least), one.least);
    if (interval && one.least >= *interval) ++lifetime.trials;
  }
  lifetime.alive_after.reset();
  lifetime.gone_after.reset();
  if (alive) lifetime.alive_after = std::chrono::floor<seconds>(*alive);
  if (gone) lifetime.gone_after = std::chrono::ceil<seconds>(*gone);
  lifetime.keepalive = KeepaliveVerdict::not_known;
  if (!interval) return;
  if (gone && *gone <= *interval)
    lifetime.keepalive = KeepaliveVerdict::not_enough;
  else if (lifetime.trials >= needed)
    lifetime.keepalive = KeepaliveVerdict::enough;
}

void forget_failures(FlowLifetime& lifetime, std::optional<Nanoseconds> interval,
                     std::size_t needed) {
  std::erase_if(lifetime.tried, [](const SilenceTried& one) { return !one.alive; });
  conclude(lifetime, interval, needed);
}

}  // namespace wgscope::path
