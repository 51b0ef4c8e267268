#include "newest_session.hpp"

#include <algorithm>
#include <chrono>
#include <memory>
#include <optional>
#include <utility>

#include "wgscope/base/time.hpp"
#include "wgscope/checks/handshake.hpp"
#include "wgscope/checks/run.hpp"
#include "wgscope/checks/session.hpp"
#include "wgscope/checks/stamps.hpp"
#include "wgscope/checks/target.hpp"
#include "wgscope/diagnosis/finding.hpp"
#include "wgscope/diagnosis/handshake.hpp"
#include "wgscope/diagnosis/report.hpp"
#include "wgscope/os/clock.hpp"

namespace wgscope::checks {
namespace {

using namespace std::chrono_literals;

constexpr auto kAgain = 6s;  ///< one retry of the protocol's included

}  // namespace

std::unique_ptr<Session> newest_session(Run& run, const Target& target, Stamps& stamps,
                                        HandshakeOutcome& outcome) {
  const auto responded = [](const diagnosis::AttemptFacts& attempt) {
    return attempt.response_after.has_value();
  };
  if (!outcome.session || std::ranges::count_if(outcome.facts.attempts, responded) < 2)
    return std::move(outcome.session);
  auto session = Session::open(run, target, outcome.session->gateway(), stamps);
  if (!session) return nullptr;
  (*session)->initiate();
  static_cast<void>(
      run.wait([&] { return (*session)->established(); }, os::boot_now() + Nanoseconds(kAgain)));
  return (*session)->established() ? std::move(*session) : nullptr;
}

std::optional<diagnosis::FindingId> worst_finding_id(const diagnosis::Report& report) {
  const diagnosis::Finding* worst = diagnosis::worst_finding(report);
  if (worst == nullptr) return std::nullopt;
  return worst->id;
}

}  // namespace wgscope::checks
