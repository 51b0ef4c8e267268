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
  diagnosis::add_step(outcome.facts, report);
  const std::unique_ptr<Session> session = std::move(outcome.session);
  if (!session || run.interrupted()) {
    diagnosis::skip(diagnosis::kMtuChecks, diagnosis::worst_finding_id(report), report);
    return std::nullopt;
  }
  auto facts = mtu(run, *session, target, check.mtu);
  diagnosis::add(facts, report);
  return facts;
}

}  // namespace wgscope::checks
