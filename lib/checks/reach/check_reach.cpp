#include <memory>
#include <utility>

#include "wgscope/checks/handshake.hpp"
#include "wgscope/checks/reach.hpp"
#include "wgscope/checks/run.hpp"
#include "wgscope/checks/session.hpp"
#include "wgscope/checks/stamps.hpp"
#include "wgscope/checks/target.hpp"
#include "wgscope/diagnosis/reach.hpp"
#include "wgscope/diagnosis/report.hpp"

namespace wgscope::checks {

void check_reach(Run& run, const Target& target, Stamps& stamps, ReachCheck check,
                 diagnosis::Report& report) {
  check.handshake.data = false;
  HandshakeOutcome outcome = handshake(run, target, stamps, check.handshake);
  diagnosis::add_step(outcome.facts, report);
  const std::unique_ptr<Session> session = std::move(outcome.session);
  if (session && !run.interrupted())
    diagnosis::add(reach(run, *session, check.wanted, check.reach), report);
  else
    diagnosis::skip(check.wanted, diagnosis::worst_finding_id(report), report);
}

}  // namespace wgscope::checks
