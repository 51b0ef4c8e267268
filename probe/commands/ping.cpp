#include "wgscope/checks/ping.hpp"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <optional>
#include <string>
#include <string_view>
#include <unistd.h>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/core.h>

#include "wgscope/base/result.hpp"
#include "wgscope/base/text.hpp"
#include "wgscope/base/time.hpp"
#include "wgscope/checks/run.hpp"
#include "wgscope/checks/target.hpp"
#include "wgscope/diagnosis/ping.hpp"
#include "wgscope/diagnosis/report.hpp"
#include "wgscope/diagnosis/text.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/os/clock.hpp"

#include "probe/command_line.hpp"
#include "probe/commands/commands.hpp"
#include "probe/frame.hpp"
#include "probe/render/ping_view.hpp"
#include "probe/render/report.hpp"
#include "probe/render/terminal.hpp"
#include "probe/verbs.hpp"

// wgscope ping: options -> checks::check_ping() -> report, with a live view on a terminal.

namespace wgscope::probe {
namespace {

using namespace std::chrono_literals;
using diagnosis::text;

constexpr auto kLeastInterval = 10ms;
constexpr auto kQuick = 9s;  ///< of the 10 s that --quick may take, to have answers waited for

struct PingOptions {
  CheckOptions check;
  std::string target;
  std::uint64_t count = 10;
  std::string interval = "1";
  std::size_t size = 56;
  std::string deadline;
};

void add_options(CLI::App& app, PingOptions& options) {
  app.add_option("ADDRESS", options.target,
                 "What to ping inside the tunnel; guessed from the configuration unless given")
      ->type_name("");
  app.add_option("-c,--count", options.count, "How many; 0: until Ctrl-C")
      ->type_name("N")
      ->capture_default_str();
  app.add_option("-i,--interval", options.interval, "Seconds from one to the next, at least 0.01")
      ->type_name("SECONDS")
      ->capture_default_str();
  app.add_option("-s,--size", options.size, "Bytes of payload")
      ->type_name("BYTES")
      ->capture_default_str();
  app.add_option(
         "-w,--deadline", options.deadline,
         "End after so many seconds, however many were sent (--timeout is of the handshake)")
      ->type_name("SECONDS");
  add_check_options(app, options.check);
}

/// "0.2", "1": seconds.
Result<Nanoseconds> parse_seconds(std::string_view name, const std::string& written,
                                  Nanoseconds least) {
  constexpr double kMost = 1e6;  // days, and far from what overflows
  double seconds = 0;
  const auto* end = written.data() + written.size();
  const auto parsed = std::from_chars(written.data(), end, seconds);
  const bool is_number = parsed.ec == std::errc{} && parsed.ptr == end && std::isfinite(seconds);
  if (!is_number || seconds > kMost)
    return fail(Errc::bad_value,
                fmt::format("{}: not a number of seconds: '{}'", name, printable(written)));
  const auto time = Nanoseconds(std::llround(seconds * 1e9));
  if (time < least)
    return fail(Errc::bad_value, fmt::format("{}: at least {} (is '{}')", name,
                                             diagnosis::format_duration(least), written));
  return time;
}

Result<checks::PingCheck> make_check(const PingOptions& options) {
  checks::PingCheck check;
  const auto interval = parse_seconds("--interval", options.interval, kLeastInterval);
  if (!interval) return tl::unexpected(interval.error());
  check.ping.interval = *interval;
  check.ping.count = options.count;
  check.ping.payload_size = options.size;
  if (!options.target.empty()) {
    const auto target = IpAddress::parse(options.target);
    if (!target)
      return fail(Errc::bad_value, fmt::format("'{}' is no IP address: give one inside the tunnel",
                                               printable(options.target)));
    check.ping.target = *target;
  }
  const Instant now = os::boot_now();
  if (!options.deadline.empty()) {
    const auto time = parse_seconds("--deadline", options.deadline, kLeastInterval);
    if (!time) return tl::unexpected(time.error());
    check.ping.deadline = now + *time;
  }
  if (options.check.quick)
    check.ping.deadline = std::min(check.ping.deadline.value_or(now + kQuick), now + kQuick);
  check.handshake.timeout = options.check.timeout;
  if (check.ping.deadline)
    check.handshake.timeout =
        std::min<std::chrono::nanoseconds>(check.handshake.timeout, *check.ping.deadline - now);
  check.handshake.quick = options.check.quick;
  check.handshake.steal_endpoint = options.check.target.steal_endpoint;
  return check;
}

diagnosis::Text endpoint_text(const checks::Target& target) {
  if (const auto address = target.endpoint.address()) return text("{}", *address);
  return text("{}:{}", diagnosis::Name{target.endpoint.host}, target.endpoint.port);
}

Plan plan_of(const checks::PingCheck& check, const Prepared& prepared) {
  const auto guessed = checks::guess_inner_target(prepared.target);
  const auto target = check.ping.target ? check.ping.target : guessed;
  Plan plan;
  plan.lines.push_back(
      text("handshake with {}: the gateway takes this host for the place of the probe's key from "
           "then on",
           endpoint_text(prepared.target)));
  diagnosis::Text pings = check.ping.count == 0 ? text("echo requests until Ctrl-C")
                                                : text("{} echo requests", check.ping.count);
  pings.add(text(" of {} bytes, one each {}, ", check.ping.payload_size, check.ping.interval));
  plan.lines.push_back(text("{}through the tunnel to {}", pings,
                            target ? text("{}", *target) : diagnosis::Text("nobody: name one")));
  plan.lines.push_back("up to 3 more where the last ones are not answered");
  plan.lines.push_back(
      text("as many to {} outside the tunnel, by ICMP", endpoint_text(prepared.target)));
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
  write_to_stderr("\nRound trips through the tunnel:\n" + histogram_lines(facts.inner.round_trips) +
                  "\n");
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
  CLI::App app(
      "Ping through the tunnel and, beside it, the gateway itself: round trips, and how much is "
      "lost\nin which direction. Needs no privileges but for the pings beside the tunnel.",
      "wgscope ping");
  PingOptions options;
  add_options(app, options);
  if (const auto ended = parse_options(app, std::move(arguments))) return *ended;
  auto check = make_check(options);
  if (!check) {
    fmt::print(stderr, "wgscope ping: {}\n", check.error().context);
    return Exit::unknown;
  }
  return run_check(options.check,
                   {.verb = "ping",
                    .plan = [&](const Prepared& prepared) { return plan_of(*check, prepared); },
                    .run =
                        [&](checks::Run& run, Prepared& prepared, diagnosis::Report& report) {
                          check_and_show(run, prepared, std::move(*check), options.check.output,
                                         report);
                        }});
}

}  // namespace wgscope::probe
