#include "wgscope/checks/mtu.hpp"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/core.h>

#include "wgscope/base/result.hpp"
#include "wgscope/base/text.hpp"
#include "wgscope/checks/run.hpp"
#include "wgscope/checks/target.hpp"
#include "wgscope/diagnosis/mtu.hpp"
#include "wgscope/diagnosis/report.hpp"
#include "wgscope/diagnosis/text.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/os/clock.hpp"

#include "probe/command_line.hpp"
#include "probe/commands/commands.hpp"
#include "probe/commands/mtu_outer.hpp"
#include "probe/frame.hpp"
#include "probe/verbs.hpp"

// wgscope mtu: options -> checks::check_mtu() -> report, with a table of sizes for --verbose.

namespace wgscope::probe {
namespace {

using namespace std::chrono_literals;
using diagnosis::text;

constexpr auto kQuick = 9s;  ///< of the 10 s that --quick may take

struct MtuVerb {
  CheckOptions check;
  std::string target;
  bool ipv4 = false;
  bool ipv6 = false;
  bool is_limited = false;  ///< by a --timeout that was given
  bool outer = false;
};

void add_options(CLI::App& app, MtuVerb& verb) {
  app.add_option("ADDRESS", verb.target,
                 "Whom to ping inside the tunnel; without it a likely address is chosen")
      ->type_name("");
  app.add_flag("--outer", verb.outer,
               "Look at the path without a tunnel and without keys: ADDRESS is then a HOST or "
               "HOST:PORT, without it the configuration's endpoint");
  auto* ipv4 = app.add_flag("-4,--ipv4", verb.ipv4, "Only the endpoint's IPv4 addresses");
  app.add_flag("-6,--ipv6", verb.ipv6, "Only its IPv6 addresses")->excludes(ipv4);
  add_check_options(app, verb.check);
  app.get_option("--timeout")
      ->description(
          "When all of it is over at the latest; without it the handshake has 20s, and the search "
          "takes its time");
}

Result<checks::MtuCheck> make_check(const MtuVerb& verb, const checks::Target& target) {
  checks::MtuCheck check;
  check.mtu.quick = verb.check.quick;
  if (!verb.target.empty()) {
    const auto address = IpAddress::parse(verb.target);
    if (!address)
      return fail(Errc::bad_value, fmt::format("'{}' is no IP address: give one inside the tunnel",
                                               printable(verb.target)));
    if (!checks::is_allowed(target, *address))
      return fail(Errc::bad_value,
                  fmt::format("{} is not among the peer's AllowedIPs, so nothing for it goes into "
                              "the tunnel",
                              address->to_string()));
    check.mtu.target = *address;
  }
  if (verb.ipv4 || verb.ipv6) check.handshake.family = verb.ipv4 ? Family::v4 : Family::v6;
  check.handshake.timeout = verb.check.timeout;
  check.handshake.quick = verb.check.quick;
  check.handshake.steal_endpoint = verb.check.target.steal_endpoint;
  check.handshake.uapi_folder = verb.check.target.uapi_folder;
  return check;
}

/// When all has to be over, from now on.
void set_deadline(const MtuVerb& verb, checks::MtuCheck& check) {
  if (!verb.is_limited && !verb.check.quick) return;
  std::chrono::nanoseconds limit = verb.check.timeout;
  if (verb.check.quick) limit = std::min<std::chrono::nanoseconds>(limit, kQuick);
  check.mtu.deadline = os::boot_now() + limit;
}

Plan plan_of(const checks::MtuCheck& check, const Prepared& prepared) {
  const auto guessed = checks::guess_inner_target(prepared.target);
  const auto target = check.mtu.target ? check.mtu.target : guessed;
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
  plan.lines.push_back("where full ones do not pass: some that may be cut into fragments");
  return plan;
}

std::string row(const diagnosis::SizeTried& tried) {
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

std::string size_table(std::string_view title, const diagnosis::MtuDirection& direction) {
  std::string lines = fmt::format("{}, sizes in the order of trying:\n", title);
  for (const diagnosis::SizeTried& tried : direction.tried) lines += row(tried);
  return lines + fmt::format("  {} probes; {} of {} small packets beside them answered\n",
                             direction.probes, direction.controls - direction.controls_lost,
                             direction.controls);
}

Exit run_mtu(std::vector<std::string> arguments) {
  CLI::App app(
      "Find the MTU of the path below the tunnel, in both directions, and the tunnel's MTU that "
      "fits it.\nNeeds no privileges, and nothing of the gateway but a host that answers pings.",
      "wgscope mtu");
  MtuVerb verb;
  add_options(app, verb);
  if (const auto ended = parse_options(app, std::move(arguments))) return *ended;
  verb.is_limited = app.count("--timeout") > 0;
  if (verb.outer) {
    const std::optional<Family> either;
    return run_mtu_outer({.check = verb.check,
                          .host = verb.target,
                          .family = verb.ipv4   ? Family::v4
                                    : verb.ipv6 ? Family::v6
                                                : either,
                          .is_limited = verb.is_limited});
  }
  checks::MtuCheck check;
  return run_check(verb.check,
                   {.verb = "mtu",
                    .check = [&](const Prepared& prepared) -> Result<> {
                      auto made = make_check(verb, prepared.target);
                      if (!made) return tl::unexpected(made.error());
                      check = std::move(*made);
                      return {};
                    },
                    .plan = [&](const Prepared& prepared) { return plan_of(check, prepared); },
                    .run =
                        [&](checks::Run& run, Prepared& prepared, diagnosis::Report& report) {
                          set_deadline(verb, check);
                          const auto facts = checks::check_mtu(
                              run, prepared.target, prepared.stamps, std::move(check), report);
                          if (facts && verb.check.output.verbose) show_tables(*facts);
                        }});
}

}  // namespace wgscope::probe
