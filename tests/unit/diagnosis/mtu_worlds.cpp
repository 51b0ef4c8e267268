#include "mtu_worlds.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>

#include "wgscope/base/time.hpp"
#include "wgscope/diagnosis/mtu.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/path/hop_search.hpp"
#include "wgscope/path/mtu_replies.hpp"
#include "wgscope/path/mtu_search.hpp"

namespace wgscope::diagnosis::testing {
namespace {

using namespace std::chrono_literals;

constexpr Nanoseconds kRoundTrip = 20ms;
constexpr std::size_t kStep = 16;  ///< WireGuard pads to multiples of this
const IpAddress kRouter = *IpAddress::parse("192.0.2.9");
const IpAddress kLiar = *IpAddress::parse("192.0.2.66");

/// One search over one way, which may be cut short.
class Searching {
 public:
  Searching(Random& random, const Way& way, Ledger& ledger)
      : random_(random), way_(way), ledger_(ledger) {}

  /// @param steps  the run is interrupted after so many; nothing: never.
  path::MtuResult run(const path::MtuSearchConfig& config, std::optional<std::size_t> steps) {
    path::MtuSearch search(config);
    for (std::size_t step = 0; !search.done() && (!steps || step < *steps); ++step) {
      while (const auto probe = search.poll_probe(now_)) send(search, *probe);
      const auto due = search.next_timeout();
      if (!answers_.empty() && (!due || answers_.front().at <= *due)) {
        now_ = std::max(now_, answers_.front().at);
        search.handle_answer(now_, answers_.front().id);
        answers_.pop_front();
      } else if (due) {
        now_ = std::max(now_, *due);
        search.handle_timeout(now_);
      }
    }
    return search.result();
  }

 private:
  struct Answer {
    Instant at;
    std::uint32_t id = 0;
  };

  void send(path::MtuSearch& search, const path::MtuProbe& probe) {
    if (way_.own_limit && probe.size > *way_.own_limit)
      return search.handle_refused(now_, probe.id, way_.own_limit);
    const bool passes = probe.size <= way_.mtu && !random_.percent(way_.lost) &&
                        (probe.size <= way_.large || !random_.percent(way_.large_lost));
    if (probe.size > 0) {
      Ledger::Fate& fate = ledger_.sizes[probe.size];
      ++fate.sent;
      if (passes) ++fate.arrived;
    } else if (!passes) {
      ++ledger_.small_lost;
    }
    if (passes) answers_.push_back({now_ + kRoundTrip, probe.id});
    if (way_.lie && probe.size > *way_.lie) search.handle_too_big(now_, kLiar, *way_.lie);
    const std::size_t router = way_.router_mtu > 0 ? way_.router_mtu : way_.mtu;
    if (way_.reports && probe.size > router) search.handle_too_big(now_, kRouter, router);
  }

  Random& random_;
  const Way& way_;
  Ledger& ledger_;
  Instant now_{1h};
  std::deque<Answer> answers_;
};

Way any_way(Random& random, std::size_t full, std::size_t floor) {
  Way way;
  way.mtu = random.chance(2) ? std::max(full + random.below(60), floor)
                             : random.between(floor - 20, full + 40);
  way.reports = random.chance(4);
  if (random.chance(8)) way.own_limit = random.between(floor, full + 20);
  if (random.chance(10)) way.lie = random.between(floor, full);
  if (random.chance(4)) way.lost = random.between(1, 30);
  way.large = way.mtu;
  if (random.chance(8)) {
    way.large = random.between(floor, full + 40);
    way.large_lost = random.between(5, 90);
  }
  if (random.chance(25)) way.mtu = 0;  // nothing passes at all
  return way;
}

/// As checks::mtu() asks, one part after the other.
class Run {
 public:
  Run(Random& random, MtuWorld& world) : random_(random), world_(world), facts_(world.facts) {}

  void forward() { facts_.forward = search(common(), world_.forward, world_.there); }

  void backward() {
    if (random_.chance(2)) return by_replies();
    facts_.method = MtuBackward::answers;
    facts_.backward = search(common(), world_.backward, world_.back);
    if (facts_.backward->not_above && random_.chance(4)) add_fragment();
  }

  void drop() {
    if (!path::hop_search_for(*facts_.forward, kRoundTrip)) return;
    facts_.drop.emplace();
    if (random_.chance(3)) {
      facts_.drop->last = path::PathHop{.number = 2, .address = kRouter, .large_seen = true};
      facts_.drop->first = path::PathHop{.number = 3, .address = {}, .small_seen = true};
    } else if (random_.chance(4)) {
      facts_.drop->path_changed = facts_.drop->large_arrived = true;
    }
  }

  [[nodiscard]] bool interrupted() const { return facts_.interrupted; }

 private:
  [[nodiscard]] std::size_t floor() const {
    return facts_.overhead == 60 ? path::kSmallestIpv4 : path::kSmallestIpv6;
  }

  path::MtuSearchConfig common() {
    path::MtuSearchConfig config;
    config.current = world_.full();
    config.floor = floor();
    config.proofs = path::kProofs;
    config.large_batches = quick_;
    config.repeats = path::kRepeats;
    config.until_current = quick_;
    return config;
  }

  path::MtuResult search(const path::MtuSearchConfig& config, const Way& way, Ledger& ledger) {
    std::optional<std::size_t> steps;
    if (random_.chance(8)) steps = random_.below(120);
    path::MtuResult result = search_over(random_, way, ledger, config, steps);
    facts_.interrupted = steps && random_.chance(2);  // else the time was over
    return result;
  }

  void by_replies() {
    path::MtuSearchConfig config = common();
    const std::size_t inner = floor() - facts_.overhead;
    config.step = kStep;
    config.floor = inner - inner % kStep + facts_.overhead;
    config.ceiling = config.current;
    Way way = world_.backward;
    way.own_limit.reset();  // nobody says so of a stock gateway
    if (world_.gateway_mtu) way.mtu = std::min(way.mtu, *world_.gateway_mtu + facts_.overhead);
    facts_.backward = search(config, way, world_.back);
    path::MtuResult& back = *facts_.backward;
    const bool by_gateway = world_.gateway_mtu && way.mtu < world_.backward.mtu;
    if (by_gateway && world_.back.smallest_lost(1) > way.mtu) {
      if (random_.chance(2)) {
        facts_.inner_fragments = true;
      } else if (back.not_above) {
        if (back.mtu) facts_.replies_end = *back.mtu - facts_.overhead;
        return path::forget_limit(back);
      }
    }
    path::widen_to_step(back, config);
    if (back.not_above && !by_gateway && random_.chance(4)) add_fragment();
  }

  /// The gateway's datagrams may be cut, to what the link takes or to what the gateway believes.
  void add_fragment() {
    const bool misled = random_.chance(3);
    const std::size_t link = misled ? 552 : world_.backward.mtu;
    if (link < 60) return;
    facts_.largest_fragment = (link - 20) / 8 * 8 + 20;
    if (facts_.method == MtuBackward::answers) return;
    path::narrow_to_fragment(*facts_.backward, *facts_.largest_fragment, *facts_.forward->mtu);
    ++world_.back.sizes[*facts_.largest_fragment].sent;
    ++world_.back.sizes[*facts_.largest_fragment].arrived;
  }

  Random& random_;
  MtuWorld& world_;
  MtuFacts& facts_;
  bool quick_ = random_.chance(4);
};

MtuTcp any_service(Random& random) {
  MtuTcp tcp{.service = *Endpoint::parse("10.9.0.1:22"), .mss = {}};
  if (random.chance(6))
    tcp.refused = random.chance(2);
  else
    tcp.mss = static_cast<std::uint16_t>(random.between(500, 1460));
  return tcp;
}

}  // namespace

std::size_t Ledger::largest_arrived() const {
  std::size_t largest = 0;
  for (const auto& [size, fate] : sizes)
    if (fate.arrived > 0) largest = size;
  return largest;
}

std::size_t Ledger::smallest_lost(std::size_t times) const {
  for (const auto& [size, fate] : sizes)
    if (fate.arrived == 0 && fate.sent >= times) return size;
  return 0;
}

path::MtuResult search_over(Random& random, const Way& way, Ledger& ledger,
                            const path::MtuSearchConfig& config, std::optional<std::size_t> steps) {
  return Searching(random, way, ledger).run(config, steps);
}

MtuWorld any_mtu_world(std::uint32_t seed) {
  Random random(seed);
  constexpr std::array<std::size_t, 6> kMtus{1420, 1412, 1380, 1500, 1280, 1100};
  MtuWorld world;
  MtuFacts& facts = world.facts;
  const bool v6 = random.chance(3);
  facts.gateway = *Endpoint::parse(v6 ? "[2001:db8::1]:51820" : "192.0.2.1:51820");
  facts.tunnel_mtu = kMtus.at(random.below(v6 ? 5 : 6));
  facts.overhead = v6 ? 80 : 60;
  facts.ipv6_inside = random.chance(3);
  const std::size_t floor = v6 ? path::kSmallestIpv6 : path::kSmallestIpv4;
  world.forward = any_way(random, world.full(), floor);
  world.backward = any_way(random, world.full(), floor);
  if (random.chance(6))
    world.gateway_mtu =
        facts.tunnel_mtu - random.between(1, std::min<std::size_t>(300, facts.tunnel_mtu - 576));
  if (random.chance(20)) return world;  // no target is known, so nothing was tried
  facts.target = *IpAddress::parse("10.9.0.1");
  Run run(random, world);
  run.forward();
  const bool fits = facts.forward->mtu >= world.full() || facts.forward->size_loss;
  if (facts.forward->mtu && !fits && !run.interrupted()) facts.fragments_pass = random.chance(2);
  if (facts.forward->mtu && !run.interrupted() && !random.chance(20)) run.backward();
  if (facts.forward->mtu && !fits && !run.interrupted()) run.drop();
  if (random.chance(3)) facts.cutting = MtuCutting{.dont_fragment = random.chance(2)};
  if (random.chance(2) && !run.interrupted()) facts.tcp = any_service(random);
  return world;
}

}  // namespace wgscope::diagnosis::testing
