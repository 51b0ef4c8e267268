#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "calendar.hpp"
#include "chance.hpp"
#include "clock.hpp"
#include "exporter.hpp"
#include "gateway.hpp"
#include "judge.hpp"
#include "lives.hpp"
#include "operators.hpp"
#include "registry.hpp"
#include "series.hpp"
#include "truth.hpp"

namespace wgscope::simulator {

class Faults;

struct FleetOptions {
  Time duration{0};
  Time scrape_interval{0};
  Time slot{0};  ///< gateways are scraped at different multiples of it, within the interval
  int first_gateway = 0;  ///< gateways are numbered through all fleets of a run
  int gateways = 5;
  int peers_per_gateway = 40;
  std::uint64_t seed = 1;
  bool faults = false;
  double messages = 0;     ///< of make_laptop()
  bool counters = false;   ///< of Exporter
  bool inventory = false;  ///< each gateway has one; then it is a day on which clocks change
};

/// A part of the whole: gateways that one Prometheus scrapes, with what happens to them in ordinary
/// life, and the faults that are injected.
class Fleet {
 public:
  Fleet(const FleetOptions& options, const Promises& promises);
  ~Fleet();
  void run();

  [[nodiscard]] const std::vector<Truth>& truths() const { return truths_; }
  [[nodiscard]] std::vector<const Target*> targets() const;
  [[nodiscard]] const std::vector<Pause>& pauses() const { return pauses_; }
  [[nodiscard]] std::size_t peers() const { return lives_.size(); }

  /// A gateway with its exporter, as Prometheus sees it.
  struct Member {
    Member(Clock& clock, Chance& chance, const std::string& name, bool counters)
        : gateway(clock, chance, name),
          target(name + ":9586"),
          exporter(clock, chance, gateway, target, counters) {}
    Gateway gateway;
    Target target;
    Exporter exporter;
    // Of a gateway with an inventory.
    std::unique_ptr<Registry> registry;
    std::unique_ptr<Operators> operators;
    Time phase{0};
    bool reachable = true;  ///< from Prometheus
    bool slow = false;
    std::optional<Time> failing_since;
    std::optional<Time> well_since;  ///< of a scrape that succeeded after those that failed
    /// While a fault waits to be named, ordinary life leaves the gateway alone.
    std::vector<std::pair<Time, Time>> reserved;
  };

 private:
  friend class Faults;

  void populate(Member& member, int number);
  std::unique_ptr<Life> make_life(Peer& peer, int number);
  void give_inventory(Member& member);
  void add_declared_peer(Member& member, Interface& interface, Peer& peer, int number);
  void schedule_deployments(Member& member);
  void schedule_scrapes(Member& member);
  void scrape(Member& member);
  void note_outage(Member& member, bool failed);
  void schedule_ordinary_life(Member& member);
  void ordinarily(Member& member, double per_day, Time lasts, const std::function<void()>& event);
  void reload(Member& member);
  void reboot(Member& member);
  void set_clock_right(Member& member);
  void restart_exporter(Member& member);
  void lose_way(Member& member);

  FleetOptions options_;
  Day day_;
  Chance chance_;
  Clock clock_;
  std::deque<Member> members_;
  std::vector<std::unique_ptr<Life>> lives_;
  std::vector<std::unique_ptr<Life>> later_lives_;  ///< that a fault begins
  std::vector<Truth> truths_;
  std::unique_ptr<Faults> faults_;
  std::vector<Pause> pauses_;  ///< of Prometheus, of which two may overlap
};

}  // namespace wgscope::simulator
