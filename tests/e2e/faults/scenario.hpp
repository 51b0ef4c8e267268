#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <ostream>
#include <set>
#include <string>
#include <vector>

namespace wgscope::test {

/// A place where one thing goes wrong and is repaired, with an exporter that looks at it. Its
/// constructor builds the place and returns when all is well there.
class Fault {
 public:
  virtual ~Fault() = default;

  /// What Prometheus scrapes, on 127.0.0.1, and in which job.
  [[nodiscard]] virtual std::uint16_t port() const = 0;
  [[nodiscard]] virtual std::string job() const { return "wireguard"; }
  /// For an exporter that needs longer than the others.
  [[nodiscard]] virtual std::string scrape_interval() const { return "2s"; }

  /// For a look-alike: does what only looks like a fault.
  virtual void inject() = 0;
  /// Where there is something to repair.
  virtual void repair() {}
  /// For what has to be done all the time. Called every second or so.
  virtual void tend() {}
};

/// A fault and what Prometheus must say of it; or a look-alike, of which it must say nothing.
struct Scenario {
  std::string name;   ///< also the label `instance`, by which alerts are told apart
  std::string alert;  ///< that must fire, alone; empty for a look-alike
  std::function<std::unique_ptr<Fault>()> make;
  std::chrono::seconds settle{10};  ///< how long all is well before
  /// Alerts that fire as well and of which nobody is told, as the first one is their cause.
  std::set<std::string> held_back{};
  /// What it lacks here, for WGSCOPE_NEED.
  std::optional<std::string> missing{};
};

/// For GoogleTest.
inline void PrintTo(const Scenario& scenario, std::ostream* out) { *out << scenario.name; }

template <class Place>
std::unique_ptr<Fault> make_place() {
  return std::make_unique<Place>();
}

/// Those of one file each. To add one: write a class beside the others, and its line in the table.
std::vector<Scenario> peer_scenarios();
std::vector<Scenario> interface_scenarios();
std::vector<Scenario> exporter_scenarios();
std::vector<Scenario> declared_scenarios();
std::vector<Scenario> kernel_scenarios();
std::vector<Scenario> probe_scenarios();

}  // namespace wgscope::test
