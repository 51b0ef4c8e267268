#include <chrono>
#include <optional>
#include <utility>

#include "wgscope/base/time.hpp"
#include "wgscope/checks/handshake.hpp"
#include "wgscope/diagnosis/handshake.hpp"
#include "wgscope/diagnosis/report.hpp"
#include "wgscope/diagnosis/text.hpp"

namespace wgscope::checks {
namespace {

double seconds(Nanoseconds time) { return std::chrono::duration<double>(time).count(); }

void add_phase(diagnosis::Report& report, const char* phase, Nanoseconds took) {
  report.measurements.push_back({.name = "wireguard_probe_phase_duration_seconds",
                                 .labels = {{"phase", phase}},
                                 .value = seconds(took)});
}

bool has_data(const diagnosis::AttemptFacts& attempt) {
  return attempt.data && !attempt.data->round_trips.empty();
}

/// The first address of which data came back; where none did, the first that responded; nullptr:
/// none did.
const diagnosis::AttemptFacts* attempt_to_measure(const diagnosis::HandshakeFacts& facts) {
  const diagnosis::AttemptFacts* responded = nullptr;
  for (const diagnosis::AttemptFacts& attempt : facts.attempts) {
    if (!attempt.response_after) continue;
    if (has_data(attempt)) return &attempt;
    if (responded == nullptr) responded = &attempt;
  }
  return responded;
}

}  // namespace

void report_handshake(const diagnosis::HandshakeFacts& facts, diagnosis::Report& report) {
  report.success = diagnosis::success(facts);
  for (diagnosis::Check& check : diagnosis::diagnose(facts))
    report.checks.push_back(std::move(check));
  report.interrupted = report.interrupted || facts.interrupted;
  if (facts.resolving) add_phase(report, "resolve", *facts.resolving);
  const diagnosis::AttemptFacts* const attempt = attempt_to_measure(facts);
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

}  // namespace wgscope::checks
