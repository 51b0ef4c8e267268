#include "simulated_tunnel.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>

#include "wgscope/base/time.hpp"
#include "wgscope/diagnosis/text.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/path/hop_search.hpp"
#include "wgscope/path/mtu_search.hpp"
#include "wgscope/wire/measuring.hpp"

#include "checks/mtu/mtu_course.hpp"

namespace wgscope::checks {
namespace {

constexpr std::size_t kSmall = 100;  ///< bytes of a control, of a small reply, of a small request
constexpr std::size_t kOwnInterface = 1500;
constexpr std::size_t kOverhead = 60;

}  // namespace

class TunnelSimulation::Searching final : public MtuSearching {
 public:
  Searching(TunnelSimulation& world, MtuWay way) : world_(world), way_(way) {}

  void announce(const diagnosis::Text&) override {}
  void limit_requests(std::size_t largest) override { largest_request_ = largest; }
  [[nodiscard]] std::optional<std::size_t> largest_fragment() const override { return fragment_; }
  [[nodiscard]] std::optional<bool> fragments_after_losses() const override { return {}; }
  [[nodiscard]] bool inner_fragments() const override { return false; }
  [[nodiscard]] bool replies_were_sent() const override {
    const path::MtuResult found = engine().result();
    std::size_t lost = 0;
    for (const path::MtuTrial& trial : found.trials)
      if (!found.mtu || trial.size > *found.mtu) lost += trial.sent - trial.answered;
    return 2 * missing_ >= lost;
  }

 protected:
  void drive(Instant deadline) override {
    deadline = std::min(deadline, world_.interrupted_at());
    engine().handle_timeout(world_.now_);
    send();
    while (!is_over() && world_.now_ < deadline) {
      const auto due = engine().next_timeout();
      if (!world_.step(std::min(deadline, due.value_or(deadline))) && due && world_.now_ >= *due)
        engine().handle_timeout(world_.now_);
      send();
    }
  }

 private:
  void send() {
    while (const auto probe = engine().poll_probe(world_.now_)) {
      const std::size_t size = std::max(probe->size, kSmall);
      switch (way_) {
        case MtuWay::forward: send_forward(probe->id, size); break;
        case MtuWay::backward: ask_for_reply(probe->id, size); break;
        case MtuWay::answered: ask_service(probe->id, size); break;
      }
    }
  }

  void send_forward(std::uint32_t id, std::size_t size) {
    if (size > kOwnInterface && !world_.may_be_cut_)
      return engine().handle_refused(world_.now_, id, kOwnInterface);
    if (!arrives(size)) return;
    if (world_.answers() && world_.passes(world_.tunnel_.back, world_.back_, kSmall)) answer(id);
  }

  bool arrives(std::size_t size) {
    const SimulatedTunnel& tunnel = world_.tunnel_;
    const std::size_t mtu = world_.mtu_of(tunnel.there);
    const bool cut = world_.may_be_cut_ && size > mtu;
    if (tunnel.reports && size > mtu && !cut)
      arrive([this, mtu] { engine().handle_too_big(world_.now_, IpAddress{}, mtu); });
    return world_.passes(tunnel.there, world_.there_, cut ? mtu : size);
  }

  void ask_for_reply(std::uint32_t id, std::size_t size) {
    for (std::size_t rest = size; rest > 0; rest -= std::min(rest, largest_request_))
      if (!arrives(std::min(rest, largest_request_))) return;
    const SimulatedTunnel& tunnel = world_.tunnel_;
    if (size > tunnel.answers_up_to.value_or(SIZE_MAX - kOverhead) + kOverhead) return;
    if (world_.answers()) come_back(id, size);
  }

  void come_back(std::uint32_t id, std::size_t size) {
    const std::size_t mtu = world_.mtu_of(world_.tunnel_.back);
    if (size > mtu && world_.tunnel_.fragments) {
      // Fragments come in, and are no answer.
      fragment_ = std::max(fragment_.value_or(0), (mtu - 20) / 8 * 8 + 20);
    } else if (world_.passes(world_.tunnel_.back, world_.back_, size)) {
      answer(id);
    } else {
      ++missing_;
    }
  }

  void ask_service(std::uint32_t id, std::size_t size) {
    if (!arrives(kSmall)) return;
    if (size <= kOwnInterface) return come_back(id, size);
    if (world_.passes(world_.tunnel_.back, world_.back_, kSmall))
      arrive([this, id] { engine().handle_refused(world_.now_, id, kOwnInterface); });
  }

  void answer(std::uint32_t id) {
    arrive([this, id] { engine().handle_answer(world_.now_, id); });
  }

  void arrive(const std::function<void()>& take) {
    world_.arrivals_.emplace(world_.now_ + world_.delay(), [take, alive = std::weak_ptr(alive_)] {
      if (!alive.expired()) take();
    });
  }

  TunnelSimulation& world_;
  MtuWay way_;
  std::size_t largest_request_ = SIZE_MAX;
  std::optional<std::size_t> fragment_;
  std::size_t missing_ = 0;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

std::unique_ptr<MtuSearching> TunnelSimulation::begin(MtuWay way) {
  return std::make_unique<Searching>(*this, way);
}

/// A stock gateway has said by now that nothing listens on that port.
std::optional<wire::MeasuringAnswer> TunnelSimulation::await_service(Instant) {
  if (!tunnel_.service) return std::nullopt;
  return wire::MeasuringAnswer{.asker = *Endpoint::parse("192.0.2.2:51820"),
                               .largest_answer = 9000};
}

/// As HopProbing does: errors do not tell which probe they are about, answers of the gateway do.
class TunnelSimulation::HopSearching {
 public:
  HopSearching(TunnelSimulation& world, const path::HopSearchConfig& config)
      : world_(world), engine_(config) {}

  path::HopSearchResult search(Instant until) {
    send();
    while (!engine_.done() && world_.now_ < until) {
      const auto due = engine_.next_timeout();
      if (!world_.step(std::min(until, due.value_or(until))) && due && world_.now_ >= *due)
        engine_.handle_timeout(world_.now_);
      send();
    }
    return engine_.result();
  }

 private:
  void send() {
    while (const auto probe = engine_.poll_probe(world_.now_)) travel(*probe);
  }

  void travel(const path::HopProbe& probe) {
    const SimulatedTunnel& tunnel = world_.tunnel_;
    const std::size_t goes_to = std::min<std::size_t>(probe.hop_limit, tunnel.hops);
    const bool too_large = probe.size > world_.mtu_of(tunnel.there);
    if (world_.loses(tunnel.there, world_.there_, probe.size)) return;
    if (too_large && goes_to > world_.drops_behind()) {
      if (tunnel.reports && world_.drops_behind() > 0)
        arrive([this, from = router(world_.drops_behind())] {
          engine_.handle_too_big(std::nullopt, from);
        });
      return;
    }
    if (goes_to < tunnel.hops) return exceed(goes_to);
    if (!world_.answers() || !world_.passes(tunnel.back, world_.back_, kSmall)) return;
    arrive([this, id = probe.id] { engine_.handle_arrived(world_.now_, id); });
  }

  void exceed(std::size_t number) {
    const SimulatedTunnel& tunnel = world_.tunnel_;
    if (tunnel.silent.contains(number) || world_.chance() < tunnel.back.loss) return;
    if (tunnel.exceeded > 0 && !world_.has(world_.exceeded_[number], 1, tunnel.exceeded, 6)) return;
    arrive([this, from = router(number)] {
      engine_.handle_exceeded(world_.now_, std::nullopt, from);
    });
  }

  static IpAddress router(std::size_t number) {
    IpAddress address;
    address.bytes[0] = std::byte{192};
    address.bytes[3] = static_cast<std::byte>(number);
    return address;
  }

  void arrive(const std::function<void()>& take) {
    world_.arrivals_.emplace(world_.now_ + world_.delay(), [take, alive = std::weak_ptr(alive_)] {
      if (!alive.expired()) take();
    });
  }

  TunnelSimulation& world_;
  path::HopSearch engine_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

path::HopSearchResult TunnelSimulation::find_hop(const path::HopSearchConfig& config,
                                                 Instant until) {
  return HopSearching(*this, config).search(std::min(until, interrupted_at()));
}

bool TunnelSimulation::has_changed(const SimulatedWay& way) const {
  return way.changes_after && took() >= *way.changes_after;
}

std::size_t TunnelSimulation::mtu_of(const SimulatedWay& way) const {
  return has_changed(way) ? way.mtu_then : way.mtu;
}

std::size_t TunnelSimulation::drops_behind() const {
  return has_changed(tunnel_.there) ? tunnel_.drops_behind_then : tunnel_.drops_behind;
}

bool TunnelSimulation::passes(const SimulatedWay& way, Bucket& bucket, std::size_t size) {
  return size <= mtu_of(way) && !loses(way, bucket, size);
}

bool TunnelSimulation::loses(const SimulatedWay& way, Bucket& bucket, std::size_t size) {
  if (chance() < way.loss) return true;
  if (size <= way.large) return false;
  if (way.rate > 0 && !has(bucket, static_cast<double>(size), way.rate, way.depth)) return true;
  return chance() < way.large_loss;
}

bool TunnelSimulation::has(Bucket& bucket, double wanted, double rate, double depth) {
  const std::chrono::duration<double> passed = now_ - bucket.filled;
  bucket.level = std::min(depth, bucket.level.value_or(depth) + passed.count() * rate);
  bucket.filled = now_;
  if (*bucket.level < wanted) return false;
  *bucket.level -= wanted;
  return true;
}

Nanoseconds TunnelSimulation::delay() {
  if (chance() >= tunnel_.late) return tunnel_.round_trip;
  const std::chrono::duration<double> more(3 * chance());
  return tunnel_.round_trip + std::chrono::duration_cast<Nanoseconds>(more);
}

bool TunnelSimulation::step(Instant until) {
  if (arrivals_.empty() || arrivals_.begin()->first > until) {
    now_ = std::max(now_, until);
    return false;
  }
  const auto [at, take] = *arrivals_.begin();
  arrivals_.erase(arrivals_.begin());
  now_ = std::max(now_, at);
  take();
  return true;
}

}  // namespace wgscope::checks
