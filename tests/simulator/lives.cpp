#include "lives.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <optional>
#include <utility>

#include "traffic.hpp"

namespace wgscope::simulator {
namespace {

using namespace std::chrono_literals;

constexpr Time kKeepalive = 25s;

/// How long home routers and carriers remember a silent UDP flow.
Time nat_memory(Chance& chance) {
  constexpr std::array kSeen{Time(30s), Time(60s), Time(120s), Time(180s), Time(300s)};
  return kSeen[chance.below(kSeen.size())];
}

std::uint32_t some_network(Chance& chance) {
  return 0x0b000000U + static_cast<std::uint32_t>(chance.below(1U << 24U));
}

/// Every second machine has WireGuard in its kernel, the others have wireguard-go.
Device& add_device(Chance& chance, Peer& peer, std::optional<Time> nat_memory) {
  Device& device = peer.add_device(nat_memory);
  if (chance.happens(0.5)) device.side().use_timer_wheel(chance.between(0s, 1h));
  return device;
}

/// As often short as long: evenly distributed on a logarithmic scale.
Time spread(Chance& chance, Time low, Time high) {
  const double ratio = static_cast<double>(high.count()) / static_cast<double>(low.count());
  return Time(static_cast<std::int64_t>(static_cast<double>(low.count()) *
                                        std::pow(ratio, chance.fraction())));
}

/// What all lives have: the peer, and a small request with its answer from time to time.
class Base : public Life {
 public:
  Base(Clock& clock, Chance& chance, Peer& peer, Device& device, Time low, Time high)
      : clock_(&clock),
        chance_(&chance),
        peer_(&peer),
        device_(&device),
        requests_(
            clock, [this] { request(); },
            [this, low, high] { return chance_->between(low, high); }) {}

  void start() override { requests_.start(); }
  void stop() override { requests_.stop(); }

 protected:
  void request() {
    device_->send({chance_->between(Time(60), Time(900)).count(), 1,
                   chance_->between(Time(60), Time(5000)).count(), 0});
  }

  Clock* clock_;
  Chance* chance_;
  Peer* peer_;
  Device* device_;
  Repeater requests_;
};

/// What people do at a machine: downloads, uploads, calls.
class Usage {
 public:
  Usage(Clock& clock, Chance& chance, Peer& peer, Device& device)
      : chance_(&chance),
        peer_(&peer),
        device_(&device),
        download_(clock, peer, chance.between(200ms, 1s)),
        push_(clock, peer, chance.between(200ms, 1s)),
        connection_(clock, peer),
        upload_(
            clock, [this] { upload(); }, [] { return Time(1s); }),
        call_(
            clock, [this] { talk(); }, [] { return Time(1s); }),
        server_call_(
            clock, [this] { server_talks(); }, [] { return Time(1s); }),
        heard_(peer.open_flow([this] { silence_ = 0; })) {}

  void something() {
    const double which = chance_->fraction();
    if (which < 0.5)
      download();
    else if (which < 0.75)
      upload_.start(spread(*chance_, 5s, 10min));
    else if (which < 0.85)
      call(spread(*chance_, 1min, 1h));
    else
      connection_.used();
  }

  /// The machine falls asleep. Servers do not know.
  void freeze() {
    upload_.stop();
    call_.stop();
  }
  /// Awake again: what servers still send on old connections is refused with a reset.
  void thaw() {
    download_.stop();
    push_.stop();
    connection_.stop();
  }
  /// A server has something to say to a machine that may be asleep.
  void push() { push_.start(500, 1s); }

 private:
  void download() {
    download_.start(static_cast<std::int64_t>(std::exp(chance_->between(9.9, 14.5))),
                    spread(*chance_, 2s, 10min));
  }
  void upload() { device_->send({100'000, 72, 36 * 52, 0}); }
  void call(Time duration) {
    silence_ = 0;
    call_.start(duration);
    server_call_.start(duration);
  }
  void talk() { device_->send({8000, 50, 0, heard_}); }
  void server_talks() {
    // Servers of calls give up on a silent party.
    constexpr int kPatience = 30;
    if (++silence_ > kPatience) return server_call_.stop();
    peer_->send({8000, 50, 0, 0});
  }

  Chance* chance_;
  Peer* peer_;
  Device* device_;
  TcpSender download_;
  TcpSender push_;
  IdleConnection connection_;
  Repeater upload_;
  Repeater call_;
  Repeater server_call_;
  int silence_ = 0;
  int heard_;
};

class Laptop final : public Base {
 public:
  Laptop(Clock& clock, Chance& chance, Peer& peer, double messages)
      : Base(clock, chance, peer, add_device(chance, peer, nat_memory(chance)), 10s, 2min),
        usage_(clock, chance, peer, *device_),
        activity_(
            clock, [this] { act(); }, [this] { return spread(*chance_, 20s, 20min); }),
        power_(clock, [this] { toggle(); }),
        messages_(messages),
        message_(clock, [this] { usage_.push(); }) {
    networks_ = {device_->network(), some_network(chance), some_network(chance)};
    if (chance.happens(0.4)) device_->side().set_keepalive(kKeepalive);
  }

  void start() override {
    device_->suspend();
    power_.set(spread(*chance_, 10s, 6h));
  }
  void stop() override {
    Base::stop();
    activity_.stop();
    power_.cancel();
    message_.cancel();
  }

 private:
  void toggle() { device_->awake() ? fall_asleep() : wake_up(); }

  void wake_up() {
    if (chance_->happens(0.3)) device_->join(networks_[chance_->below(networks_.size())]);
    device_->resume();
    message_.cancel();
    usage_.thaw();
    request();
    requests_.start();
    activity_.start();
    power_.set(chance_->happens(0.5) ? spread(*chance_, 1min, 20min) : spread(*chance_, 20min, 4h));
  }

  void fall_asleep() {
    usage_.freeze();
    requests_.stop();
    activity_.stop();
    device_->suspend();
    if (chance_->happens(messages_)) message_.set(spread(*chance_, 1min, 2h));
    power_.set(chance_->happens(0.4) ? spread(*chance_, 1min, 20min)
                                     : spread(*chance_, 20min, 10h));
  }

  void act() {
    if (chance_->happens(0.05)) device_->join(networks_[chance_->below(networks_.size())]);
    usage_.something();
  }

  std::array<std::uint32_t, 3> networks_{};
  Usage usage_;
  Repeater activity_;
  Timer power_;
  double messages_;
  Timer message_;
};

class Phone final : public Base {
 public:
  Phone(Clock& clock, Chance& chance, Peer& peer)
      : Base(clock, chance, peer, add_device(chance, peer, nat_memory(chance)), 20s, 10min),
        usage_(clock, chance, peer, *device_),
        activity_(
            clock,
            [this] {
              if (device_->connected()) usage_.something();
            },
            [this] { return spread(*chance_, 2min, 3h); }),
        way_(clock, [this] { move(); }) {
    networks_ = {device_->network(), some_network(chance)};
    if (chance.happens(0.5)) device_->side().set_keepalive(kKeepalive);
  }

  void start() override {
    Base::start();
    activity_.start();
    way_.set(spread(*chance_, 10s, 1h));
  }
  void stop() override {
    Base::stop();
    activity_.stop();
    way_.cancel();
  }

 private:
  /// Another network, or none for a while. At the edge of a wifi's reach that goes back and forth,
  /// and a phone may hold on to a wifi that loses most packets, or all of them.
  void move() {
    if (std::exchange(holds_on_, false)) {
      device_->set_connected(true);
      return change_network(true);
    }
    if (edge_ == 0 && chance_->happens(0.1)) edge_ = 4 + static_cast<int>(chance_->below(12));
    const bool at_edge = edge_ > 0 && --edge_ > 0;
    if (!at_edge && chance_->happens(0.2)) {
      device_->set_connected(false);
      usage_.freeze();
      return way_.set(spread(*chance_, 10s, 2h));
    }
    if (at_edge && chance_->happens(0.5)) {
      holds_on_ = true;
      device_->set_connected(false);
      return way_.set(spread(*chance_, 1s, 40s));
    }
    if (!device_->connected()) usage_.thaw();
    device_->set_connected(true);
    change_network(at_edge);
  }

  void change_network(bool at_edge) {
    const bool to_wifi = device_->network() != networks_[0];
    device_->join(networks_[to_wifi ? 0 : 1]);
    device_->set_loss(to_wifi && at_edge ? chance_->between(0.0, 0.7) : 0);
    way_.set(at_edge ? spread(*chance_, 15s, 3min) : spread(*chance_, 5min, 4h));
  }

  std::array<std::uint32_t, 2> networks_{};
  int edge_ = 0;
  bool holds_on_ = false;
  Usage usage_;
  Repeater activity_;
  Timer way_;
};

class Site final : public Base {
 public:
  Site(Clock& clock, Chance& chance, Peer& peer)
      : Base(clock, chance, peer, add_device(chance, peer, std::nullopt), 5s, 60s),
        usage_(clock, chance, peer, *device_),
        activity_(
            clock, [this] { usage_.something(); }, [this] { return spread(*chance_, 5min, 5h); }) {
    peer.configure(kKeepalive, Address{device_->network(), 51820});
  }

  void start() override {
    device_->side().set_keepalive(kKeepalive);
    Base::start();
    activity_.start();
  }
  void stop() override {
    Base::stop();
    activity_.stop();
    usage_.freeze();
    usage_.thaw();
    device_->side().set_keepalive(0s);
  }
  [[nodiscard]] bool always_online() const override { return true; }

 private:
  Usage usage_;
  Repeater activity_;
};

class Stream final : public Life {
 public:
  Stream(Clock& clock, Chance& chance, Peer& peer)
      : device_(&add_device(chance, peer, nat_memory(chance))),
        stream_(clock, [&peer] { peer.send({4000, 25, 4000, 0}); }, [] { return Time(1s); }) {}
  void start() override {
    device_->side().set_keepalive(kKeepalive);
    stream_.start();
  }
  void stop() override { stream_.stop(); }
  [[nodiscard]] bool always_online() const override { return true; }

 private:
  Device* device_;
  Repeater stream_;
};

class Receiver final : public Base {
 public:
  Receiver(Clock& clock, Chance& chance, Peer& peer)
      : Base(clock, chance, peer, add_device(chance, peer, std::nullopt), 1h, 2h),
        rate_(static_cast<std::int64_t>(chance.between(5e3, 5e4))),
        stream_(
            clock, [this] { peer_->send({rate_, 1 + rate_ / 1400, 0, 0}); },
            [] { return Time(1s); }) {
    peer.configure(chance.happens(0.5) ? kKeepalive : Time(0s), Address{device_->network(), 51820});
  }
  void start() override { stream_.start(); }
  void stop() override { stream_.stop(); }
  [[nodiscard]] bool always_online() const override { return true; }

 private:
  std::int64_t rate_;
  Repeater stream_;
};

class Sensor final : public Base {
 public:
  Sensor(Clock& clock, Chance& chance, Peer& peer)
      : Base(clock, chance, peer, add_device(chance, peer, nat_memory(chance)), 1h, 2h),
        reports_(clock, [this] { device_->send({500, 1, 0, 0}); }, [] { return Time(10s); }) {}
  void start() override { reports_.start(); }
  void stop() override { reports_.stop(); }
  [[nodiscard]] bool always_online() const override { return true; }

 private:
  Repeater reports_;
};

class Office final : public Base {
 public:
  Office(Clock& clock, Chance& chance, Peer& peer, std::vector<std::pair<Time, Time>> hours)
      : Base(clock, chance, peer, add_device(chance, peer, nat_memory(chance)), 10s, 2min),
        hours_(std::move(hours)) {
    device_->suspend();
  }

  void start() override {
    for (const auto& [begin, end] : hours_) {
      const Time off = end + chance_->between(0s, 30min);
      if (off <= clock_->now()) continue;
      const Time on = std::max(clock_->now(), begin + chance_->between(-15min, 8min));
      clock_->at(on, [this] { switch_on(); });
      clock_->at(off, [this] { switch_off(); });
    }
  }
  void stop() override {
    gone_ = true;
    switch_off();
  }

 private:
  void switch_on() {
    if (gone_) return;
    device_->resume();
    device_->side().set_keepalive(kKeepalive);
    requests_.start();
  }
  void switch_off() {
    requests_.stop();
    device_->side().set_keepalive(0s);
    device_->suspend();
  }

  std::vector<std::pair<Time, Time>> hours_;
  bool gone_ = false;
};

class Unused final : public Life {
 public:
  explicit Unused(Peer& peer) { peer.add_device(std::nullopt); }
  void start() override {}
  void stop() override {}
};

class Double final : public Base {
 public:
  Double(Clock& clock, Chance& chance, Peer& peer)
      : Base(clock, chance, peer, add_device(chance, peer, nat_memory(chance)), 5s, 60s) {}
  void start() override {
    device_->side().set_keepalive(kKeepalive);
    Base::start();
  }
  void stop() override {
    Base::stop();
    device_->suspend();
  }
};

}  // namespace

std::unique_ptr<Life> make_laptop(Clock& clock, Chance& chance, Peer& peer, double messages) {
  return std::make_unique<Laptop>(clock, chance, peer, messages);
}
std::unique_ptr<Life> make_phone(Clock& clock, Chance& chance, Peer& peer) {
  return std::make_unique<Phone>(clock, chance, peer);
}
std::unique_ptr<Life> make_site(Clock& clock, Chance& chance, Peer& peer) {
  return std::make_unique<Site>(clock, chance, peer);
}
std::unique_ptr<Life> make_stream(Clock& clock, Chance& chance, Peer& peer) {
  return std::make_unique<Stream>(clock, chance, peer);
}
std::unique_ptr<Life> make_receiver(Clock& clock, Chance& chance, Peer& peer) {
  return std::make_unique<Receiver>(clock, chance, peer);
}
std::unique_ptr<Life> make_sensor(Clock& clock, Chance& chance, Peer& peer) {
  return std::make_unique<Sensor>(clock, chance, peer);
}
std::unique_ptr<Life> make_unused(Clock&, Chance&, Peer& peer) {
  return std::make_unique<Unused>(peer);
}
std::unique_ptr<Life> make_office(Clock& clock, Chance& chance, Peer& peer,
                                  std::vector<std::pair<Time, Time>> hours) {
  return std::make_unique<Office>(clock, chance, peer, std::move(hours));
}
std::unique_ptr<Life> make_double(Clock& clock, Chance& chance, Peer& peer) {
  return std::make_unique<Double>(clock, chance, peer);
}

}  // namespace wgscope::simulator
