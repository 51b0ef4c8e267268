#include "wgscope/checks/mtu.hpp"

#include <charconv>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <fmt/core.h>

#include "wgscope/base/result.hpp"
#include "wgscope/base/text.hpp"
#include "wgscope/base/time.hpp"
#include "wgscope/checks/run.hpp"
#include "wgscope/checks/target.hpp"
#include "wgscope/diagnosis/mtu.hpp"
#include "wgscope/diagnosis/report.hpp"
#include "wgscope/diagnosis/text.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/path/mtu_search.hpp"
#include "wgscope/wire/measuring.hpp"

#include "probe/command_line.hpp"
#include "probe/commands/commands.hpp"
#include "probe/commands/mtu_outer.hpp"
#include "probe/frame.hpp"
#include "probe/verbs.hpp"

// wgscope mtu: options -> checks::check_mtu() -> report, with a table of sizes for --verbose.

namespace wgscope::probe {
namespace {

using diagnosis::text;

constexpr std::chrono::minutes kRaiseTimer{10};  // RFC 8899 §5.1.1: PMTU_RAISE_TIMER
constexpr std::chrono::seconds kLeastPause{1};

struct MtuVerb {
  CheckOptions check;
  std::string target;
  std::string tcp;
  bool watch = false;
  std::chrono::nanoseconds every = kRaiseTimer;
  bool outer = false;
};

void add_options(CommandLine& line, MtuVerb& verb) {
  line.add("ADDRESS", verb.target,
           "Whom to ping inside the tunnel; without it a likely address is chosen")
      .type("");
  line.add("--tcp", verb.tcp,
           "A TCP service inside the tunnel whose segments (MSS) are compared with what the "
           "path takes")
      .type("[ADDRESS:]PORT");
  const Option tcp = line.find("--tcp");
  Option outer =
      line.add_flag("--outer", verb.outer,
                    "Look at the path without a tunnel and without keys: ADDRESS is then "
                    "a HOST or HOST:PORT, without it the configuration's endpoint");
  const Option watch =
      line.add_flag("--watch", verb.watch,
                    "Look again and again until Ctrl-C, for a path that is worse, or "
                    "better; tells what changed");
  add_duration_option(
      line, "--every", [&](auto time) { verb.every = time; },
      "How long from one look to the next, 1s at least [10m]");
  line.find("--every").needs(watch);
  outer.excludes(watch).excludes(tcp);
  add_check_options(line, verb.check);
  line.find("--timeout")
      .description(
          "When all of it is over at the latest; without it the handshake has 20s, and the search "
          "takes its time");
}

/// A port is the target's. @returns bad_value.
Result<> set_tcp(const std::string& given, const checks::Target& target, checks::MtuOptions& mtu) {
  std::uint16_t port = 0;
  const char* const end = given.data() + given.size();
  const auto [rest, error] = std::from_chars(given.data(), end, port);
  const auto service = Endpoint::parse(given);
  const bool is_port = error == std::errc{} && rest == end && port != 0;
  if (!is_port && (!service || service->port == 0))
    return fail(Errc::bad_value, fmt::format("--tcp '{}': give PORT, or ADDRESS:PORT of a service "
                                             "inside the tunnel",
                                             printable(given)));
  mtu.tcp_port = is_port ? port : service->port;
  if (is_port) return {};
  if (!checks::is_allowed(target, service->address))
    return fail(Errc::bad_value,
                fmt::format("--tcp {}: not among the peer's AllowedIPs, so nothing for it goes "
                            "into the tunnel",
                            service->address.to_string()));
  mtu.tcp_address = service->address;
  return {};
}

/// @param last  what an earlier run found.
Result<checks::MtuCheck> make_check(const MtuVerb& verb, const checks::Target& target,
                                    const std::optional<diagnosis::MtuFacts>& last) {
  checks::MtuCheck check;
  if (last && last->forward) check.mtu.expected_forward = last->forward->mtu;
  if (last && last->backward) check.mtu.expected_backward = last->backward->mtu;
  check.mtu.quick = verb.check.quick;
  if (!verb.target.empty()) {
    const auto address = parse_inner_address(verb.target, target);
    if (!address) return tl::unexpected(address.error());
    check.mtu.target = *address;
  }
  if (!verb.tcp.empty())
    if (auto set = set_tcp(verb.tcp, target, check.mtu); !set) return tl::unexpected(set.error());
  if (verb.every < kLeastPause)
    return fail(Errc::bad_value, "--every: at least 1s, for the sake of others on the way");
  check.handshake = handshake_options(verb.check);
  return check;
}

Plan plan_of(const MtuVerb& verb, const Prepared& prepared) {
  const auto named = IpAddress::parse(verb.target);
  const auto target = named ? *named : checks::guess_inner_target(prepared.target);
  const diagnosis::Name host{prepared.target.endpoint.host};
  Plan plan;
  plan.lines.push_back(
      text("handshake with {}:{}: the gateway takes this host for the place of the probe's key "
           "from then on",
           host, prepared.target.endpoint.port));
  plan.lines.push_back(
      text("through the tunnel to {}: echo requests in datagrams of 576 to 9000 bytes that must "
           "not be cut, each beside a small one; 24 each way where nothing is lost, up to 300 "
           "where much is",
           target ? text("{}", *target) : diagnosis::Text("nobody: name one")));
  plan.lines.emplace_back(
      "where full ones do not pass: some that may be cut into fragments, and pairs of a large and "
      "a "
      "small one whose life ends on the way, to name the hop");
  plan.lines.push_back(text(
      "at most three small datagrams to UDP port {} there, where an endpoint of wgscope answers "
      "in any size; then such requests instead of echo requests on the way back",
      wire::kMeasuringPort));
  if (!verb.tcp.empty())
    plan.lines.push_back(text("one TCP connection inside, to {}, broken off before any data",
                              diagnosis::Name{verb.tcp}));
  if (verb.watch)
    plan.lines.push_back(
        text("all of it again and again, {} after each, until Ctrl-C", verb.every));
  return plan;
}

std::string row(const path::MtuTrial& tried) {
  std::string_view note;
  if (tried.refused) note = "refused here: above the interface's MTU";
  if (tried.reported) note = "reported as too big";
  return fmt::format("  {:>5} bytes  {:>3} of {:>3} answered{}{}\n", tried.size, tried.answered,
                     tried.sent, note.empty() ? "" : "  ", note);
}

/// To standard error, as the report is for standard output alone.
void show_tables(const diagnosis::MtuFacts& facts) {
  std::string tables;
  if (facts.forward) tables += size_table("To the gateway", *facts.forward);
  if (facts.backward) tables += size_table("Back from it", *facts.backward);
  fmt::print(stderr, "{}", tables);
  static_cast<void>(std::fflush(stderr));
}

}  // namespace

std::string size_table(std::string_view title, const path::MtuResult& direction) {
  std::string lines = fmt::format("{}, sizes in the order of trying:\n", title);
  for (const path::MtuTrial& tried : direction.trials) lines += row(tried);
  return lines + fmt::format("  {} probes; {} of {} small packets beside them answered\n",
                             direction.probes, direction.controls - direction.controls_lost,
                             direction.controls);
}

Exit run_mtu(std::vector<std::string> arguments) {
  CommandLine line(
      "Find the MTU of the path below the tunnel, in both directions, and the tunnel's MTU that "
      "fits it.\nNeeds no privileges, and nothing of the gateway but a host that answers pings.",
      "wgscope mtu");
  MtuVerb verb;
  add_options(line, verb);
  if (const auto ended = line.parse(std::move(arguments))) return *ended;
  if (verb.outer) return run_mtu_outer(verb.check, verb.target);
  std::optional<diagnosis::MtuFacts> last;
  return run_check(verb.check,
                   {.verb = "mtu",
                    .check = [&](const Prepared& prepared) -> Result<> {
                      const auto made = make_check(verb, prepared.target, last);
                      if (!made) return tl::unexpected(made.error());
                      return {};
                    },
                    .plan = [&](const Prepared& prepared) { return plan_of(verb, prepared); },
                    .run =
                        [&](checks::Run& run, Prepared& prepared, diagnosis::Report& report) {
                          checks::MtuCheck check = make_check(verb, prepared.target, last).value();
                          check.mtu.deadline = deadline_of(verb.check);
                          if (last) prepared.target.local_port = last->local_port;
                          const auto facts = checks::check_mtu(
                              run, prepared.target, prepared.stamps, std::move(check), report);
                          if (!facts) return;
                          if (verb.check.output.verbose) show_tables(*facts);
                          last = facts;
                        },
                    .again = verb.watch ? std::optional<Nanoseconds>(verb.every) : std::nullopt});
}

}  // namespace wgscope::probe
