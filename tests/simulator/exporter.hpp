#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "clock.hpp"
#include "gateway.hpp"
#include "series.hpp"

namespace wgscope::simulator {

/// What wgscope-exporter would say of a gateway: of its metrics those that rules and dashboards use
/// (docs/metrics.md), written into the series of a target.
class Exporter {
 public:
  static constexpr Time kSampleInterval = std::chrono::seconds(5);

  Exporter(Clock& clock, const Gateway& gateway, Target& target)
      : clock_(&clock), gateway_(&gateway), target_(&target) {}

  void start();
  void stop() { running_ = false; }
  [[nodiscard]] bool running() const { return running_; }
  void set_collector_failing(bool failing) { collector_failing_ = failing; }

  /// What a scrape or the sampler sets off: looks at every peer once.
  void collect();
  void write(std::int64_t slot);

 private:
  /// exporter/history.hpp, and what the sampler counts.
  struct PeerMemory {
    std::optional<Time> handshake;  ///< wall clock
    Time anchor{0};
    bool seen = false;
    std::array<std::optional<Address>, 2> endpoints;  ///< the latest first
    std::int64_t handshakes = 0;
    std::int64_t endpoint_changes = 0;
    std::int64_t alternations = 0;
  };
  struct PeerSeries {
    std::string labels;
    Series *timestamp, *age, *live, *receive, *transmit, *handshakes, *changes, *alternations;
    std::optional<Address> shown;
    Series* info = nullptr;
  };
  struct InterfaceMemory {
    std::uint32_t ifindex = 0;
    Time created{0};
  };

  void sample();
  void remember(const Peer& peer);
  void write_peer(const Peer& peer, const std::string& interface_labels, std::int64_t slot);
  void write_interface(const Interface& interface, std::int64_t slot);
  PeerSeries& series_of(const Peer& peer, const std::string& interface_labels);

  Clock* clock_;
  const Gateway* gateway_;
  Target* target_;
  bool running_ = false;
  std::uint64_t generation_ = 0;
  bool collector_failing_ = false;
  std::int64_t clock_steps_ = 0;
  std::optional<Time> clock_offset_;
  std::map<const Peer*, PeerMemory> peers_;
  std::map<const Peer*, PeerSeries> series_;
  std::map<const Interface*, InterfaceMemory> interfaces_;  ///< kept in --state.dir
};

}  // namespace wgscope::simulator
