#include <memory>
#include <optional>
#include <utility>

#include "wgscope/checks/handshake.hpp"
#include "wgscope/checks/mtu.hpp"
#include "wgscope/checks/run.hpp"
#include "wgscope/checks/session.hpp"
#include "wgscope/checks/stamps.hpp"
#include "wgscope/checks/target.hpp"
#include "wgscope/diagnosis/mtu.hpp"
#include "wgscope/diagnosis/report.hpp"

namespace wgscope::checks {

std::optional<diagnosis::MtuFacts> check_mtu(Run& run, const Target& target, Stamps& stamps,
                                             MtuCheck check, diagnosis::Report& report) {
  const Target wide = widened(target);
  check.handshake.data = false;
  HandshakeOutcome outcome = handshake(run, wide, stamps, check.handshake);
  report_handshake(outcome.facts, report);
  const std::unique_ptr<Session> session = std::move(outcome.session);
  report.interrupted = report.interrupted || run.interrupted();
  if (!session || run.interrupted()) {
    for (diagnosis::Check& skipped : diagnosis::skipped_mtu(diagnosis::worst_finding_id(report)))
      report.checks.push_back(std::move(skipped));
    return std::nullopt;
  }
  auto facts = mtu(run, *session, target, check.mtu);
  for (diagnosis::Check& one : diagnosis::diagnose(facts)) report.checks.push_back(std::move(one));
  diagnosis::measure(facts, report);
  report.success = diagnosis::success(facts);
  report.interrupted = report.interrupted || run.interrupted();
  return facts;
}

}  // namespace wgscope::checks
