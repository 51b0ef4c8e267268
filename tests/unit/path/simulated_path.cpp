#include "simulated_path.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <random>
#include <stdexcept>

#include "wgscope/base/time.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/path/mtu_search.hpp"

namespace wgscope::path {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kControlSize = 100;
constexpr Instant kBegin{1h};

struct Arrival {
  std::uint32_t id = 0;
  std::optional<std::size_t> too_big;  ///< a report; else an answer
};

class Simulation {
 public:
  Simulation(const SimulatedPath& path, std::uint64_t seed)
      : path_(path), random_(seed), tokens_(path.depth) {}

  Simulated run(MtuSearch& search) {
    Simulated simulated;
    while (!search.done()) {
      send(search);
      step(search);
      note_current(search, simulated);
      if (now_ - kBegin > 30min) throw std::logic_error("the search does not come to an end");
    }
    simulated.result = search.result();
    simulated.took = now_ - kBegin;
    return simulated;
  }

 private:
  void note_current(const MtuSearch& search, Simulated& simulated) const {
    if (simulated.current_known || !search.result().current_fits) return;
    simulated.current_known = now_ - kBegin;
    simulated.current_known_probes = search.result().probes;
  }

  void send(MtuSearch& search) {
    while (const auto probe = search.poll_probe(now_)) {
      const std::size_t size = std::max(probe->size, kControlSize);
      if (path_.interface_mtu && size > *path_.interface_mtu) {
        search.handle_refused(now_, probe->id, path_.interface_mtu);
      } else {
        travel(probe->id, size);
      }
    }
  }

  /// To the next thing that happens.
  void step(MtuSearch& search) {
    const auto due = search.next_timeout();
    if (!arrivals_.empty() && (!due || arrivals_.begin()->first <= *due)) {
      const auto [at, arrival] = *arrivals_.begin();
      arrivals_.erase(arrivals_.begin());
      now_ = std::max(now_, at);
      if (arrival.too_big) {
        search.handle_too_big(now_, IpAddress{}, *arrival.too_big);
      } else {
        search.handle_answer(now_, arrival.id);
      }
    } else if (due) {
      now_ = std::max(now_, *due);
      search.handle_timeout(now_);
    } else if (!search.done()) {
      throw std::logic_error("the search waits for nothing");
    }
  }

  void travel(std::uint32_t id, std::size_t size) {
    const std::size_t mtu =
        path_.changes_after && now_ - kBegin >= *path_.changes_after ? path_.mtu_then : path_.mtu;
    const Nanoseconds half = path_.round_trip / 2;
    if (path_.lie && size > *path_.lie)
      arrivals_.emplace(now_ + half, Arrival{.id = id, .too_big = path_.lie});
    if (chance() < path_.loss || is_lost_as_large(size)) return;
    if (size > mtu) {
      if (path_.reports) arrivals_.emplace(now_ + half, Arrival{.id = id, .too_big = mtu});
      return;
    }
    const auto jitter = std::chrono::duration_cast<Nanoseconds>(path_.jitter * chance());
    arrivals_.emplace(now_ + path_.round_trip + jitter, Arrival{.id = id, .too_big = {}});
  }

  bool is_lost_as_large(std::size_t size) {
    const bool large = size > path_.large;
    if (large && path_.large_loss > 0 && chance() < path_.large_loss) return true;
    return (large || !path_.rate_of_large) && !has_tokens(size);
  }

  bool has_tokens(std::size_t size) {
    if (!path_.rate) return true;
    const double passed = std::chrono::duration<double>(now_ - refilled_).count();
    tokens_ = std::min(path_.depth, tokens_ + passed * *path_.rate);
    refilled_ = now_;
    if (tokens_ < static_cast<double>(size)) return false;
    tokens_ -= static_cast<double>(size);
    return true;
  }

  double chance() { return std::uniform_real_distribution<>{}(random_); }

  SimulatedPath path_;
  std::mt19937_64 random_;
  double tokens_;
  Instant now_ = kBegin;
  Instant refilled_ = kBegin;
  std::multimap<Instant, Arrival> arrivals_;
};

}  // namespace

Simulated simulate(const MtuSearchConfig& config, const SimulatedPath& path, std::uint64_t seed) {
  MtuSearch search(config);
  return Simulation(path, seed).run(search);
}

}  // namespace wgscope::path
