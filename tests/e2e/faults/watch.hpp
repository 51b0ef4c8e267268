#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "alertmanager.hpp"
#include "prometheus.hpp"
#include "scenario.hpp"
#include "temp_dir.hpp"

namespace wgscope::test {

/// Seconds of the wall clock, as Prometheus has them.
using Timestamp = double;

/// What became of a scenario.
struct Course {
  std::optional<Timestamp> injected;
  std::optional<Timestamp> last_handshake;  ///< the last one before, where there was one
  std::optional<Timestamp> fired;           ///< the alert that must fire
  std::string severity;                     ///< of that alert
  std::optional<Timestamp> repaired;
  std::optional<Timestamp> resolved;
  std::set<std::string> fired_at_all;  ///< whatever fired at any time
  std::set<std::string> held_back;     ///< of these, what Alertmanager kept to itself at any time
  std::string trouble;                 ///< what kept it from going on; empty when nothing did
};

/// A Prometheus with all rules, their windows shortened, and an Alertmanager with the example; all
/// scenarios at once, each with its own exporter, so that they take as long as the slowest of them.
class Watch {
 public:
  /// Builds every place, injects every fault and repairs it, and returns when all is over.
  explicit Watch(std::vector<Scenario> scenarios);

  [[nodiscard]] const Course& course(const std::string& scenario) const {
    return courses_.at(scenario);
  }
  /// Of an alert, in seconds, by these rules.
  [[nodiscard]] double promise(const std::string& alert) const { return promises_.at(alert); }
  /// What receivers were told: "page: firing WireGuardInterfaceDown".
  [[nodiscard]] std::vector<std::string> told(const std::string& scenario) const;
  /// Whatever fired and belongs to no scenario.
  [[nodiscard]] const std::set<std::string>& fired_elsewhere() const { return fired_elsewhere_; }

 private:
  void build();
  void start_prometheus();
  bool step();
  void step(const Scenario& scenario, Timestamp now);
  void look();
  void read_history();
  [[nodiscard]] bool is_over(const Scenario& scenario, Timestamp now) const;
  [[nodiscard]] std::optional<Timestamp> last_handshake(const std::string& scenario) const;
  [[nodiscard]] double longest_promise() const;

  std::vector<Scenario> scenarios_;
  std::map<std::string, double> promises_;
  std::map<std::string, std::unique_ptr<Fault>> places_;
  Timestamp started_ = 0;  ///< when all was well everywhere
  std::map<std::string, Course> courses_;
  std::set<std::string> fired_elsewhere_;
  TempDir folder_;
  Receivers receivers_;
  std::optional<Alertmanager> alertmanager_;
  std::optional<Prometheus> prometheus_;
  std::map<std::string, std::set<std::string>> firing_;  ///< now, by scenario
};

/// What happened, for people to read.
std::string as_table(const std::vector<Scenario>& scenarios, const Watch& watch);

}  // namespace wgscope::test
