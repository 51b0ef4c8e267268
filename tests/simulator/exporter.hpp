#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "wgscope/base/time.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/model/device.hpp"
#include "wgscope/model/public_key.hpp"

#include "clock.hpp"
#include "exporter/collection.hpp"
#include "exporter/device_view.hpp"
#include "exporter/history.hpp"
#include "exporter/inventory/finding_counts.hpp"
#include "exporter/recorder.hpp"
#include "gateway.hpp"
#include "registry.hpp"
#include "series.hpp"

namespace wgscope::simulator {

Endpoint endpoint_of(const Address& address);
PublicKey key_of(const std::string& text);

/// What wgscope-exporter would say of a gateway: of its metrics those that rules use
/// (docs/metrics.md), written into the series of a target. What it makes of its readings, verdicts
/// above all, is the exporter's own code. So is everything about an inventory, from the comparison
/// to the lines of the exposition.
class Exporter {
 public:
  static constexpr Time kSampleInterval = std::chrono::seconds(5);

  /// @param counters  whether to write the counters and ages of peers as well, which other rules
  ///                  than ours read.
  Exporter(Clock& clock, Chance& chance, const Gateway& gateway, Target& target, bool counters)
      : clock_(&clock),
        chance_(&chance),
        gateway_(&gateway),
        target_(&target),
        counters_(counters) {}

  /// Before it is started: it runs with --inventory.
  void use(const Registry& registry) { registry_ = &registry; }

  void start();
  void stop();
  [[nodiscard]] bool running() const { return running_; }
  void set_collector_failing(bool failing) { collector_failing_ = failing; }

  /// What a scrape or the sampler sets off: looks at every peer once.
  void collect();
  void write(std::int64_t slot);

 private:
  struct PeerSeries {
    std::string labels;
    Series* by_verdict[exporter::kVerdictCount] = {};
  };
  /// Reads unless a scrape did within the last pause, and is called again after the next one.
  void sample();
  [[nodiscard]] Now now() const;
  void read();
  void judge();
  void view();
  void write_inventory(std::int64_t slot);
  void write_verdict(const Peer& peer, exporter::Verdict verdict,
                     const std::string& interface_labels, std::int64_t slot);
  void write_counters(const wgscope::Peer& peer, const exporter::PeerView& view,
                      const std::string& labels, std::int64_t slot);
  void write_interface(const Interface& interface, std::size_t device, std::int64_t slot);

  Clock* clock_;
  Chance* chance_;
  const Gateway* gateway_;
  Target* target_;
  bool counters_;
  bool running_ = false;
  std::uint64_t generation_ = 0;
  Time collected_{0};
  bool collector_failing_ = false;
  const Registry* registry_ = nullptr;
  std::unique_ptr<exporter::History> history_;
  std::optional<exporter::Recorder> recorder_;
  exporter::FindingCounts findings_;
  std::string state_;  ///< what --state.dir keeps
  exporter::Collection collection_;
  std::vector<const Interface*> read_;  ///< one for each device of the collection
  std::map<const Peer*, PeerSeries> series_;
};

}  // namespace wgscope::simulator
