#pragma once

#include <functional>
#include <string>
#include <vector>

#include "fleet.hpp"
#include "traffic.hpp"

namespace wgscope::simulator {

/// Injects every fault that a rule of alerts/core.yaml names, once, each at a random time.
///
/// Faults of peers have a peer of their own on the first two gateways, so that they may overlap.
/// Faults of gateways take turns on the others. Nothing but the fault happens to its gateway until
/// it must have been named; ordinary life goes on everywhere else.
class Faults {
 public:
  Faults(Fleet& fleet, const Promises& promises) : fleet_(&fleet), promises_(&promises) {}
  void schedule();

 private:
  struct Fault {
    std::string what;
    std::string alert;
    std::function<void()> begin;
    std::function<void()> end;
    bool lasting = true;  ///< or a moment, which is not repaired
  };

  void faults_of_peers();
  void faults_of_gateways();
  std::vector<Fault> faults_of_interface(Gateway& gateway, Interface& interface);
  std::vector<Fault> faults_of_exporter(Fleet::Member& member);
  void in_turn(std::vector<Fault> faults, Fleet::Member& member, const Scope& scope);
  void at_peer(int gateway, const std::string& name,
               std::unique_ptr<Life> (*life)(Clock&, Chance&, Peer&),
               const std::function<Fault(Peer&, Life&)>& fault);
  void plan(Fault fault, Fleet::Member& member, const Scope& scope, Time from, Time to);
  [[nodiscard]] Time duration_of(const Fault& fault) const;

  Fleet* fleet_;
  const Promises* promises_;
  std::vector<std::unique_ptr<Repeater>> repeaters_;
};

}  // namespace wgscope::simulator
