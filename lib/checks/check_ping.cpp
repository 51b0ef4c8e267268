#include <algorithm>
#include <chrono>
#include <memory>
#include <optional>
#include <utility>

#include "wgscope/base/time.hpp"
#include "wgscope/checks/handshake.hpp"
#include "wgscope/checks/ping.hpp"
#include "wgscope/checks/run.hpp"
#include "wgscope/checks/session.hpp"
#include "wgscope/checks/stamps.hpp"
#include "wgscope/checks/target.hpp"
#include "wgscope/diagnosis/finding.hpp"
#include "wgscope/diagnosis/handshake.hpp"
#include "wgscope/diagnosis/ping.hpp"
#include "wgscope/diagnosis/report.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/os/clock.hpp"

namespace wgscope::checks {
namespace {

using namespace std::chrono_literals;

constexpr auto kAgain = 6s;  ///< one retry of the protocol's included

/// A session that is the gateway's newest. Where several addresses have answered, each handshake
/// has ended the one before: the gateway would encrypt with another session's keys.
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

std::optional<diagnosis::FindingId> worst_id(const diagnosis::Report& report) {
  const diagnosis::Finding* worst = diagnosis::worst_finding(report);
  if (worst == nullptr) return std::nullopt;
  return worst->id;
}

}  // namespace

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
  const auto session = newest_session(run, target, stamps, outcome);
  if (!session || run.interrupted()) {
    for (diagnosis::Check& skipped : diagnosis::skipped_ping(worst_id(report)))
      report.checks.push_back(std::move(skipped));
    return std::nullopt;
  }
  auto facts = ping(run, *session, target, check.ping, check.observer);
  report_ping(facts, report);
  return facts;
}

}  // namespace wgscope::checks
