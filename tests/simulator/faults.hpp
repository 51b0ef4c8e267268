#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "fleet.hpp"
#include "operators.hpp"
#include "traffic.hpp"

namespace wgscope::simulator {

/// Injects every fault that a rule of alerts/core.yaml names, and with an inventory those of
/// alerts/declared.yaml, once, each at a random time.
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
    bool lasting = true;              ///< or a moment, which is not repaired
    std::vector<std::string> also{};  ///< as of Truth
    /// What has to happen before, and how long before.
    std::function<void()> prepare{};
    Time lead{0};
    Time unsure{0};               ///< as of Truth
    std::optional<Time> at{};     ///< nothing: at any time
    std::optional<Time> until{};  ///< nothing: until it must have been named
  };
  using Terms = Operators::Terms;
  /// Where a fault of a peer is.
  struct Place {
    Fleet::Member& member;
    Interface& interface;
  };

  void faults_of_peers();
  void faults_of_gateways();
  void declared_faults();
  void faults_of_members();
  void faults_of_configurations();
  void faults_of_prefixes();
  void undeclared_interfaces();
  void faults_at_times();
  void late_office();
  std::vector<Fault> faults_of_interface(Gateway& gateway, Interface& interface);
  std::vector<Fault> faults_of_exporter(Fleet::Member& member);
  static Fault missing_interface(Gateway& gateway, Interface& interface);
  static Fault other_port(Interface& interface);
  static Fault broken_inventory(Registry& registry);
  void in_turn(std::vector<Fault> faults, Fleet::Member& member, const Scope& scope);
  void at_peer(int gateway, const std::string& name,
               std::unique_ptr<Life> (*life)(Clock&, Chance&, Peer&),
               const std::function<Fault(Peer&, Life&)>& fault);
  [[nodiscard]] Place place(int gateway);
  /// A declared peer of its own for a fault.
  Peer& declared_peer(const Place& place, const std::string& name,
                      std::unique_ptr<Life> (*life)(Clock&, Chance&, Peer&));
  static Peer& hidden_peer(const Place& place, const std::string& name);
  static std::function<void()> configured(const Place& place, Peer& peer, bool is);
  void plan_at(const Place& place, const Peer& peer, Fault fault);
  void plan_at(const Place& place, const std::string& key, Fault fault);
  /// An interface of its own for a fault, with a peer.
  static Interface& prepared_interface(Fleet::Member& member, const std::string& name);
  void plan(Fault fault, Fleet::Member& member, const Scope& scope, Time from, Time to);
  [[nodiscard]] Time duration_of(const Fault& fault) const;

  Fleet* fleet_;
  const Promises* promises_;
  std::vector<std::unique_ptr<Repeater>> repeaters_;
};

}  // namespace wgscope::simulator
