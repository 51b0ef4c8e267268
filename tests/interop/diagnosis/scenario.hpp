#pragma once

#include <cstddef>
#include <functional>
#include <iosfwd>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "wgscope/base/time.hpp"
#include "wgscope/checks/handshake.hpp"
#include "wgscope/checks/stamps.hpp"
#include "wgscope/diagnosis/finding.hpp"
#include "wgscope/diagnosis/handshake.hpp"
#include "wgscope/diagnosis/report.hpp"

#include "place.hpp"
#include "wireguard_go.hpp"  // KeyPair

// Each branch of the decision tree made for real: what is arranged between a probe and a gateway,
// and what the probe has to find. Many take as long as WireGuard's timers do, so scenarios run
// several at a time, each in a place of its own.

namespace wgscope::test {

/// What the probe is told, and what else there is on its host. Begins as what fits the gateway,
/// which knows the key.
struct Probe {
  KeyPair keys = generate_key_pair();
  std::string gateway_key;  ///< empty: the gateway's
  std::string preshared_key;
  std::string endpoint = "10.2.0.1:51820";
  std::string then;  ///< an endpoint that is probed afterwards; empty: none
  std::string addresses = "10.9.0.2/24, fd09::2/64";
  std::string allowed_ips = "10.9.0.0/24, fd09::/64";
  checks::HandshakeOptions options;
  checks::Stamps stamps;
  std::string hosts;                             ///< its /etc/hosts; empty: as it is
  std::string name_servers;                      ///< its /etc/resolv.conf; empty: as it is
  std::optional<Nanoseconds> interrupted_after;  ///< by its user
  std::shared_ptr<void> beside;                  ///< lives until the probe is done
};

/// What came of it.
struct Outcome {
  diagnosis::HandshakeFacts facts;
  diagnosis::Report report;
  Nanoseconds took{};
  bool has_session = false;
  bool gateway_saw_handshake = false;  ///< its latest-handshake of our key is set
  std::shared_ptr<Outcome> then;       ///< of the second endpoint, where there is one
};
std::ostream& operator<<(std::ostream& out, const Outcome& outcome);

/// Handshakes in `place.ours`, as the program does, then looks whether the gateway saw that.
/// @param probe  its stamps are used up, as by the program.
Outcome run_probe(const Place& place, Probe& probe);

struct Scenario {
  std::string name;
  /// Runs on a thread of its own; throws where the situation cannot be made.
  std::function<void(Place&, Probe&)> arrange;
  std::function<void(const Outcome&)> expect;
  bool alone = false;  ///< nothing else may run beside it: it needs the whole machine
};
using Scenarios = std::vector<Scenario>;
/// A scenario's name with its family's.
std::string named(const std::string& name, Family family);

// The tables, a file each.
Scenarios healthy_scenarios();
Scenarios refusal_scenarios();
Scenarios silence_scenarios();
Scenarios key_scenarios();
Scenarios data_scenarios();
Scenarios load_scenarios();
Scenarios name_scenarios();
Scenarios route_scenarios();

/// Runs scenarios, several at a time, from its construction on.
class ScenarioRunner {
 public:
  /// @param wanted  by index in `scenarios`, which outlives the runner.
  ScenarioRunner(const Scenarios& scenarios, const std::vector<bool>& wanted);
  ~ScenarioRunner();
  ScenarioRunner(const ScenarioRunner&) = delete;
  ScenarioRunner& operator=(const ScenarioRunner&) = delete;

  /// Waits for one. Throws what it threw.
  const Outcome& outcome(std::size_t index);

 private:
  class Workers;
  std::unique_ptr<Workers> workers_;
};

// For expectations.
const diagnosis::Finding* finding_of(const Outcome& outcome, diagnosis::FindingId id);
/// EXPECTs that the verdict is this finding, with evidence and with what to do about it.
void expect_verdict(const Outcome& outcome, diagnosis::FindingId id);
/// EXPECTs exit code 0.
void expect_all_well(const Outcome& outcome);
/// Everything that a finding tells, in one text.
std::string text_of(const diagnosis::Finding& finding);

}  // namespace wgscope::test
