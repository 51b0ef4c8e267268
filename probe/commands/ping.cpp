#include "wgscope/checks/ping.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <string>
#include <unistd.h>
#include <utility>
#include <vector>

#include <fmt/core.h>

#include "wgscope/base/result.hpp"
#include "wgscope/checks/run.hpp"
#include "wgscope/checks/target.hpp"
#include "wgscope/diagnosis/ping.hpp"
#include "wgscope/diagnosis/report.hpp"
#include "wgscope/diagnosis/text.hpp"
#include "wgscope/render/report.hpp"

#include "probe/command_line.hpp"
#include "probe/commands/commands.hpp"
#include "probe/frame.hpp"
#include "probe/options/output_options.hpp"
#include "probe/render/ping_view.hpp"
#include "probe/render/terminal.hpp"
#include "probe/verbs.hpp"

// wgscope ping: options -> checks::check_ping() -> report, with a live view on a terminal.

namespace wgscope::probe {
namespace {

using namespace std::chrono_literals;
using diagnosis::text;

constexpr auto kLeastInterval = 10ms;

struct PingVerb {
  CheckOptions check;
  std::string target;
  std::uint64_t count = checks::PingOptions{}.count;
  std::chrono::nanoseconds interval = checks::PingOptions{}.interval;
  std::size_t size = checks::PingOptions{}.payload_size;
};

void add_options(CommandLine& line, PingVerb& verb) {
  line.add("ADDRESS", verb.target,
           "What to ping inside the tunnel; without it a likely address is chosen")
      .type("");
  line.add("-c,--count", verb.count, "How many; 0: until Ctrl-C")
      .type("N")
      .range(0, 1'000'000'000)
      .show_default();
  add_duration_option(
      line, "-i,--interval", [&](auto time) { verb.interval = time; },
      "From one to the next, 10ms at least [1s]");
  line.add("-s,--size", verb.size, "Bytes of payload")
      .type("BYTES")
      .range(0, 65'507)
      .show_default();
  add_check_options(line, verb.check);
  line.find("--timeout")
      .description(
          "When all of it is over at the latest; without it the handshake has 20s, and pings take "
          "their time");
}

Result<checks::PingCheck> make_check(const PingVerb& verb, const checks::Target& target) {
  checks::PingCheck check;
  if (verb.interval < kLeastInterval)
    return fail(Errc::bad_value, "--interval: at least 10ms, for the sake of others on the way");
  check.ping.interval = verb.interval;
  check.ping.count = verb.count;
  check.ping.payload_size = verb.size;
  if (!verb.target.empty()) {
    const auto address = parse_inner_address(verb.target, target);
    if (!address) return tl::unexpected(address.error());
    check.ping.target = *address;
  }
  check.handshake = handshake_options(verb.check);
  return check;
}

Plan plan_of(const checks::PingCheck& check, const Prepared& prepared) {
  const auto guessed = checks::guess_inner_target(prepared.target);
  const auto target = check.ping.target ? check.ping.target : guessed;
  const diagnosis::Name host{prepared.target.endpoint.host};
  Plan plan;
  plan.lines.push_back(
      text("handshake with {}:{}: the gateway takes this host for the place of the probe's key "
           "from then on",
           host, prepared.target.endpoint.port));
  diagnosis::Text pings = check.ping.count == 0 ? text("echo requests until Ctrl-C")
                                                : text("{} echo requests", check.ping.count);
  pings.add(text(" of {} bytes, one each {}, ", check.ping.payload_size, check.ping.interval));
  plan.lines.push_back(text("{}through the tunnel to {}", pings,
                            target ? text("{}", *target) : diagnosis::Text("nobody: name one")));
  plan.lines.emplace_back("up to 3 more where the last ones are not answered");
  plan.lines.push_back(text("as many to {} outside the tunnel, by ICMP", host));
  return plan;
}

void write_to_stderr(const std::string& piece) {
  fmt::print(stderr, "{}", piece);
  static_cast<void>(std::fflush(stderr));
}

bool is_watched(const OutputOptions& output) {
  return !output.json && can_move_cursor(surroundings_of(STDERR_FILENO));
}

/// What the report itself shows only with --verbose.
void show_histogram(const diagnosis::PingFacts& facts) {
  if (facts.inner.round_trips.size() < 2) return;
  write_to_stderr("\nRound trips through the tunnel:\n" +
                  render::histogram_lines(facts.inner.round_trips) + "\n");
}

void check_and_show(checks::Run& run, Prepared& prepared, checks::PingCheck check,
                    const OutputOptions& output, diagnosis::Report& report) {
  PingView view(write_to_stderr);
  const bool watched = is_watched(output);
  if (watched) check.observer = &view;
  const auto facts =
      checks::check_ping(run, prepared.target, prepared.stamps, std::move(check), report);
  if (!watched) return;
  view.end();
  if (facts && !output.verbose) show_histogram(*facts);
}

}  // namespace

Exit run_ping(std::vector<std::string> arguments) {
  CommandLine line(
      "Ping through the tunnel and, beside it, the gateway itself: round trips, and how much is "
      "lost\nin which direction. Needs no privileges but for the pings beside the tunnel.",
      "wgscope ping");
  PingVerb verb;
  add_options(line, verb);
  if (const auto ended = line.parse(std::move(arguments))) return *ended;
  checks::PingCheck check;
  return run_check(
      verb.check, {.verb = "ping",
                   .check = [&](const Prepared& prepared) -> Result<> {
                     auto made = make_check(verb, prepared.target);
                     if (!made) return tl::unexpected(made.error());
                     check = std::move(*made);
                     return {};
                   },
                   .plan = [&](const Prepared& prepared) { return plan_of(check, prepared); },
                   .run =
                       [&](checks::Run& run, Prepared& prepared, diagnosis::Report& report) {
                         check.ping.deadline = deadline_of(verb.check);
                         check_and_show(run, prepared, std::move(check), verb.check.output, report);
                       }});
}

}  // namespace wgscope::probe
