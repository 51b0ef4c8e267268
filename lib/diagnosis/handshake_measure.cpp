// The figures of a handshake: of the address that data crossed at, or else the
// first that responded.

#include <chrono>

#include "wgscope/base/time.hpp"
#include "wgscope/diagnosis/handshake.hpp"
#include "wgscope/diagnosis/report.hpp"
#include "wgscope/diagnosis/text.hpp"

#include "sent.hpp"

namespace wgscope::diagnosis {
namespace {

double seconds(Nanoseconds time) { return std::chrono::duration<double>(time).count(); }

void add_phase(Report& report, Words phase, Nanoseconds took) {
  report.measurements.push_back({.name = "wireguard_probe_phase_duration_seconds",
                                 .labels = {{"phase", phase}},
                                 .value = seconds(took)});
}

bool has_data(const AttemptFacts& attempt) {
  return attempt.data && !attempt.data->round_trips.empty();
}

/// @returns nullptr where no address responded.
const AttemptFacts* attempt_to_measure(const HandshakeFacts& facts) {
  const AttemptFacts* responded = nullptr;
  for (const AttemptFacts& attempt : facts.attempts) {
    if (!attempt.response_after) continue;
    if (has_data(attempt)) return &attempt;
    if (responded == nullptr) responded = &attempt;
  }
  return responded;
}

}  // namespace

void measure(const HandshakeFacts& facts, Report& report) {
  add_lookup(facts.wanted, report);
  for (const AttemptFacts& attempt : facts.attempts) add_sent(attempt, report);
  if (facts.resolving) add_phase(report, "resolve", *facts.resolving);
  const AttemptFacts* const attempt = attempt_to_measure(facts);
  if (attempt == nullptr) return;
  add_phase(report, "handshake", *attempt->response_after);
  report.measurements.push_back({.name = "wireguard_probe_handshake_duration_seconds",
                                 .labels = {},
                                 .value = seconds(*attempt->response_after)});
  if (!has_data(*attempt)) return;
  add_phase(report, "data", attempt->data->round_trips.front());
  report.distributions.push_back({.name = "wireguard_probe_rtt_seconds",
                                  .labels = {{"layer", "inner"}},
                                  .samples = attempt->data->round_trips});
}

}  // namespace wgscope::diagnosis
