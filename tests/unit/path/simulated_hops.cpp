#include "simulated_hops.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <random>
#include <stdexcept>
#include <vector>

#include "wgscope/base/time.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/path/hop_search.hpp"

namespace wgscope::path {
namespace {

using namespace std::chrono_literals;

constexpr Instant kBegin{1h};

enum class Kind : std::uint8_t { exceeded, arrived, too_big };

struct Arrival {
  Kind kind;
  std::uint32_t id;
  std::size_t hop;
};

class Simulation {
 public:
  Simulation(const HopSearchConfig& config, const SimulatedHops& path, std::uint64_t seed)
      : search_(config), large_(config.failing_size), path_(path), random_(seed) {
    for (const SimulatedHop& hop : path_.hops) stores_.push_back({hop.burst, kBegin});
  }

  SimulatedHopSearch run() {
    send();
    while (!search_.done()) {
      step();
      send();
      if (now_ - kBegin > 30min) throw std::logic_error("the search does not come to an end");
    }
    return {.result = search_.result(), .took = now_ - kBegin};
  }

 private:
  struct Store {
    double answers;
    Instant filled;
  };

  void send() {
    while (const auto probe = search_.poll_probe(now_)) {
      ++sent_;
      travel(*probe);
    }
  }

  void step() {
    const auto due = search_.next_timeout();
    if (!due) throw std::logic_error("the search waits for nothing");
    if (arrivals_.empty() || arrivals_.begin()->first > *due) {
      now_ = std::max(now_, *due);
      return search_.handle_timeout(now_);
    }
    const auto [at, arrival] = *arrivals_.begin();
    arrivals_.erase(arrivals_.begin());
    now_ = std::max(now_, at);
    const auto id = path_.identifies ? std::optional(arrival.id) : std::nullopt;
    switch (arrival.kind) {
      case Kind::exceeded: return search_.handle_exceeded(now_, id, address_of_hop(arrival.hop));
      case Kind::arrived: return search_.handle_arrived(now_, id);
      case Kind::too_big: return search_.handle_too_big(id, address_of_hop(arrival.hop));
    }
  }

  void travel(const HopProbe& probe) {
    const bool large = probe.size == large_ && !(path_.passes_after && sent_ > *path_.passes_after);
    const bool changed = path_.changes_after && now_ - kBegin >= *path_.changes_after;
    const std::size_t drops_behind = changed ? path_.drops_behind_then : path_.drops_behind;
    const std::size_t goes_to = std::min<std::size_t>(probe.hop_limit, path_.hops.size());
    if (chance() < path_.loss) return;
    if (large && path_.lies && goes_to > *path_.lies) answer(Kind::too_big, probe.id, *path_.lies);
    if (large && goes_to > drops_behind) {
      if (path_.reports && drops_behind > 0) answer(Kind::too_big, probe.id, drops_behind);
      return;
    }
    answer(goes_to == path_.hops.size() ? Kind::arrived : Kind::exceeded, probe.id, goes_to);
  }

  void answer(Kind kind, std::uint32_t id, std::size_t hop) {
    if (path_.hops[hop - 1].silent || (kind == Kind::exceeded && !has_one(hop))) return;
    Nanoseconds takes = path_.per_hop * static_cast<std::int64_t>(hop);
    if (chance() < path_.late)
      takes += std::chrono::duration_cast<Nanoseconds>(std::chrono::duration<double>(3 * chance()));
    arrivals_.emplace(now_ + takes, Arrival{.kind = kind, .id = id, .hop = hop});
  }

  bool has_one(std::size_t number) {
    const SimulatedHop& hop = path_.hops[number - 1];
    if (hop.refill == 0ns) return true;
    Store& store = stores_[number - 1];
    const std::chrono::duration<double> passed = now_ - store.filled;
    const std::chrono::duration<double> refill = hop.refill;
    store.answers = std::min(hop.burst, store.answers + passed / refill);
    store.filled = now_;
    if (store.answers < 1) return false;
    --store.answers;
    return true;
  }

  double chance() { return std::uniform_real_distribution<>{}(random_); }

  HopSearch search_;
  std::size_t large_;
  SimulatedHops path_;
  std::mt19937_64 random_;
  std::vector<Store> stores_;
  std::size_t sent_ = 0;
  Instant now_ = kBegin;
  std::multimap<Instant, Arrival> arrivals_;
};

}  // namespace

IpAddress address_of_hop(std::size_t number) {
  IpAddress address;
  address.bytes[0] = std::byte{192};
  address.bytes[3] = static_cast<std::byte>(number);
  return address;
}

SimulatedHopSearch simulate(const HopSearchConfig& config, const SimulatedHops& path,
                            std::uint64_t seed) {
  return Simulation(config, path, seed).run();
}

}  // namespace wgscope::path
