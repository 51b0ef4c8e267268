#include <memory>
#include <optional>
#include <utility>

#include "wgscope/checks/handshake.hpp"
#include "wgscope/checks/ping.hpp"
#include "wgscope/checks/run.hpp"
#include "wgscope/checks/session.hpp"
#include "wgscope/checks/stamps.hpp"
#include "wgscope/checks/target.hpp"
#include "wgscope/diagnosis/ping.hpp"
#include "wgscope/diagnosis/report.hpp"

namespace wgscope::checks {

void report_ping(const diagnosis::PingFacts& facts, diagnosis::Report& report) {
  for (diagnosis::Check& check : diagnosis::diagnose(facts))
    report.checks.push_back(std::move(check));
  diagnosis::measure(facts, report);
  report.success = diagnosis::success(facts);
}

std::optional<diagnosis::PingFacts> check_ping(Run& run, const Target& target, Stamps& stamps,
                                               PingCheck check, diagnosis::Report& report) {
  check.handshake.data = false;
  HandshakeOutcome outcome = handshake(run, target, stamps, check.handshake);
  report_handshake(outcome.facts, report);
  const std::unique_ptr<Session> session = std::move(outcome.session);
  report.interrupted = report.interrupted || run.interrupted();
  if (!session || run.interrupted()) {
    for (diagnosis::Check& skipped : diagnosis::skipped_ping(diagnosis::worst_finding_id(report)))
      report.checks.push_back(std::move(skipped));
    return std::nullopt;
  }
  auto facts = ping(run, *session, target, check.ping, check.observer);
  report_ping(facts, report);
  report.interrupted = report.interrupted || run.interrupted();
  return facts;
}

}  // namespace wgscope::checks
