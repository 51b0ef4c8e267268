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

std::optional<diagnosis::PingFacts> check_ping(Run& run, const Target& target, Stamps& stamps,
                                               PingCheck check, diagnosis::Report& report) {
  check.handshake.data = false;
  HandshakeOutcome outcome = handshake(run, target, stamps, check.handshake);
  diagnosis::add_step(outcome.facts, report);
  const std::unique_ptr<Session> session = std::move(outcome.session);
  if (!session || run.interrupted()) {
    diagnosis::skip(diagnosis::kPingChecks, diagnosis::worst_finding_id(report), report);
    return std::nullopt;
  }
  auto facts = ping(run, *session, target, check.ping, check.observer);
  diagnosis::add(facts, report);
  return facts;
}

}  // namespace wgscope::checks
