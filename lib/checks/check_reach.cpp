#include <utility>

#include "wgscope/checks/handshake.hpp"
#include "wgscope/checks/reach.hpp"
#include "wgscope/checks/run.hpp"
#include "wgscope/checks/stamps.hpp"
#include "wgscope/checks/target.hpp"
#include "wgscope/diagnosis/reach.hpp"
#include "wgscope/diagnosis/report.hpp"

#include "newest_session.hpp"

namespace wgscope::checks {

void check_reach(Run& run, const Target& target, Stamps& stamps, ReachCheck check,
                 diagnosis::Report& report) {
  check.handshake.data = false;
  HandshakeOutcome outcome = handshake(run, target, stamps, check.handshake);
  report_handshake(outcome.facts, report);
  const auto session = newest_session(run, target, stamps, outcome);
  if (session && !run.interrupted()) {
    diagnosis::report_reach(reach(run, *session, check.wanted, check.reach), report);
    return;
  }
  for (diagnosis::Check& skipped : diagnosis::skip_reach(check.wanted, worst_finding_id(report)))
    report.checks.push_back(std::move(skipped));
}

}  // namespace wgscope::checks
