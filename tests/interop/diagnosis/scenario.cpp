#include "scenario.hpp"

#include <chrono>
#include <memory>
#include <optional>
#include <sched.h>
#include <stdexcept>
#include <string>
#include <sys/mount.h>
#include <utility>

#include <fmt/core.h>
#include <gtest/gtest.h>

#include "wgscope/base/result.hpp"
#include "wgscope/base/time.hpp"
#include "wgscope/checks/handshake.hpp"
#include "wgscope/checks/run.hpp"
#include "wgscope/checks/target.hpp"
#include "wgscope/config/wg_quick.hpp"
#include "wgscope/diagnosis/finding.hpp"
#include "wgscope/diagnosis/handshake.hpp"
#include "wgscope/diagnosis/report.hpp"
#include "wgscope/os/clock.hpp"
#include "wgscope/os/poll_loop.hpp"

#include "endpoint_fixture.hpp"
#include "files.hpp"
#include "temp_dir.hpp"
#include "wait.hpp"

namespace wgscope::test {
namespace {

using namespace std::chrono_literals;
using diagnosis::Finding;
using diagnosis::FindingId;

template <class T>
T must(Result<T> result) {
  if (!result) throw std::runtime_error(result.error().context);
  return std::move(*result);
}

checks::Target target_of(const Place& place, const Probe& probe) {
  const std::string file = fmt::format(
      "[Interface]\nPrivateKey = {}\nAddress = {}\n"
      "[Peer]\nPublicKey = {}\nEndpoint = {}\nAllowedIPs = {}\n{}",
      probe.keys.private_key, probe.addresses,
      probe.gateway_key.empty() ? place.gateway.keys().public_key : probe.gateway_key,
      probe.endpoint, probe.allowed_ips,
      probe.preshared_key.empty() ? "" : "PresharedKey = " + probe.preshared_key + "\n");
  return must(checks::make_target(must(config::parse_wg_quick(file))));
}

/// From now on this thread, and those that it starts, read another text in a file's place.
void replace_file(const std::string& path, const std::string& text) {
  const TempDir temp;  // a mounted file stays though its name goes
  const std::string file = temp / "text";
  write_file(file, text);
  if (unshare(CLONE_NEWNS) != 0 ||
      mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
      mount(file.c_str(), path.c_str(), nullptr, MS_BIND, nullptr) != 0)
    throw std::runtime_error(path + " cannot be replaced");
}

std::optional<os::PollLoop::Watch> interrupt_later(checks::Run& run,
                                                   std::optional<Nanoseconds> after) {
  if (!after) return std::nullopt;
  const Instant when = os::boot_now() + *after;
  const auto next = [&run, when]() -> std::optional<Instant> {
    return run.interrupted() ? std::nullopt : std::optional(when);
  };
  return run.loop().add({.next = next, .expired = [&run](Instant) { run.interrupt(); }});
}

/// On a thread in the probe's namespace.
void handshake(const checks::Target& target, Probe& probe, Outcome& outcome) {
  checks::Run run = must(checks::Run::open());
  const auto interrupter = interrupt_later(run, probe.interrupted_after);
  const Now begun = os::now();
  checks::HandshakeOutcome seen = checks::handshake(run, target, probe.stamps, probe.options);
  outcome.took = os::boot_now() - begun.boot;
  outcome.facts = std::move(seen.facts);
  outcome.has_session = seen.session != nullptr;
  outcome.report.verb = "handshake";
  outcome.report.started = begun.wall;
  outcome.report.duration = outcome.took;
  outcome.report.interrupted = run.interrupted();
  diagnosis::add(outcome.facts, outcome.report);
}

}  // namespace

std::string named(const std::string& name, Family family) {
  return name + (family == Family::v4 ? "V4" : "V6");
}

Outcome run_probe(const Place& place, Probe& probe) {
  const checks::Target target = target_of(place, probe);
  Outcome outcome;
  inside(place.ours.path(), [&] {
    if (!probe.hosts.empty()) replace_file("/etc/hosts", probe.hosts);
    if (!probe.name_servers.empty()) replace_file("/etc/resolv.conf", probe.name_servers);
    handshake(target, probe, outcome);
  });
  if (outcome.has_session) {
    const auto seen = [&] { return place.gateway.latest_handshake(probe.keys.public_key) != 0; };
    outcome.gateway_saw_handshake = wait_until(seen, 5s);
  }
  if (!probe.then.empty()) {
    probe.endpoint = std::exchange(probe.then, "");
    TestLoop().between_initiations();
    outcome.then = std::make_shared<Outcome>(run_probe(place, probe));
  }
  return outcome;
}

const Finding* finding_of(const Outcome& outcome, FindingId id) {
  for (const diagnosis::Check& check : outcome.report.checks)
    if (check.finding && check.finding->id == id) return &*check.finding;
  return nullptr;
}

void expect_verdict(const Outcome& outcome, FindingId id) {
  const Finding* worst = worst_finding(outcome.report);
  ASSERT_NE(worst, nullptr) << outcome;
  EXPECT_EQ(kind_of(worst->id).id, kind_of(id).id) << outcome;
  EXPECT_FALSE(worst->cause.empty()) << outcome;
  EXPECT_FALSE(worst->evidence.empty()) << outcome;
  EXPECT_FALSE(worst->fix.empty() && worst->hypotheses.empty()) << outcome;
}

void expect_all_well(const Outcome& outcome) {
  EXPECT_EQ(overall(outcome.report), diagnosis::Status::ok) << outcome;
}

}  // namespace wgscope::test
