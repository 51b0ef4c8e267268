#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "chance.hpp"
#include "clock.hpp"
#include "exporter.hpp"
#include "gateway.hpp"
#include "lives.hpp"
#include "series.hpp"

namespace wgscope::simulator {

/// One gateway with some peers of a kind, scraped and read by the sampler, and how long one verdict lasts.
class Watched {
 public:
  static constexpr std::size_t kPeers = 20;
  using MakeLife = std::unique_ptr<Life> (*)(Clock&, Chance&, Peer&);

  /// @param waits  how long the verdict has to last for its alert.
  Watched(std::uint64_t seed, Time interval, MakeLife life, std::string_view verdict, Time waits)
      : chance(seed),
        interval_(interval),
        waits_(waits),
        interface_(gateway.add_interface("wg0", "", false)) {
    for (std::size_t i = 0; i < kPeers; ++i) {
      Peer& peer = gateway.add_peer(interface_, fmt::format("key{}", i), "name");
      lives_.push_back(life(clock, chance, peer));
      series_.push_back(&target_.series(
          "wireguard_peer_verdict",
          fmt::format("interface=\"wg0\",public_key=\"key{}\",name=\"name\",verdict=\"{}\"", i,
                      verdict)));
    }
    gateway.start();
    exporter_.start();
    for (const auto& each : lives_) each->start();
    clock.at(chance.between(Time(0), interval), [this] { scrape(); });
  }

  Peer& peer(std::size_t number) { return *interface_.peers[number]; }
  /// When the verdict had first lasted for as long as the alert waits.
  [[nodiscard]] std::optional<Time> alerted(std::size_t number) const { return alerted_[number]; }
  [[nodiscard]] Time longest() const { return longest_; }

  Clock clock;
  Chance chance;
  Gateway gateway{clock, chance, "gw"};

 private:
  void scrape() {
    exporter_.write(slot_);
    target_.end_scrape(slot_++);
    for (std::size_t i = 0; i < kPeers; ++i) {
      if (!series_[i]->present()) {
        since_[i].reset();
        continue;
      }
      if (!since_[i]) since_[i] = clock.now();
      const Time lasted = clock.now() - *since_[i];
      longest_ = std::max(longest_, lasted);
      if (lasted >= waits_ && !alerted_[i]) alerted_[i] = clock.now();
    }
    clock.after(interval_, [this] { scrape(); });
  }

  Time interval_;
  Time waits_;
  Interface& interface_;
  Target target_{"gw:9586"};
  Exporter exporter_{clock, chance, gateway, target_, false};
  std::vector<std::unique_ptr<Life>> lives_;
  std::vector<Series*> series_;
  std::int64_t slot_ = 0;
  std::array<std::optional<Time>, kPeers> since_;
  std::array<std::optional<Time>, kPeers> alerted_;
  Time longest_{0};
};

}  // namespace wgscope::simulator
