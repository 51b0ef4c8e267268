#include "wgscope/checks/mtu.hpp"

#include <cstdio>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/core.h>

#include "wgscope/base/result.hpp"
#include "wgscope/checks/run.hpp"
#include "wgscope/checks/target.hpp"
#include "wgscope/diagnosis/mtu.hpp"
#include "wgscope/diagnosis/report.hpp"
#include "wgscope/diagnosis/text.hpp"

#include "probe/command_line.hpp"
#include "probe/commands/commands.hpp"
#include "probe/frame.hpp"
#include "probe/verbs.hpp"

// wgscope mtu: options -> checks::check_mtu() -> report, with a table of sizes for --verbose.

namespace wgscope::probe {
namespace {

using diagnosis::text;

struct MtuVerb {
  CheckOptions check;
  std::string target;
};

void add_options(CLI::App& app, MtuVerb& verb) {
  app.add_option("ADDRESS", verb.target,
                 "Whom to ping inside the tunnel; without it a likely address is chosen")
      ->type_name("");
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
    const auto address = parse_inner_address(verb.target, target);
    if (!address) return tl::unexpected(address.error());
    check.mtu.target = *address;
  }
  check.handshake = handshake_options(verb.check);
  return check;
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

std::string table(std::string_view title, const diagnosis::MtuDirection& direction) {
  std::string lines = fmt::format("{}, sizes in the order of trying:\n", title);
  for (const diagnosis::SizeTried& tried : direction.tried) lines += row(tried);
  return lines + fmt::format("  {} probes; {} of {} small packets beside them answered\n",
                             direction.probes, direction.controls - direction.controls_lost,
                             direction.controls);
}

/// To standard error, as the report is for standard output alone.
void show_tables(const diagnosis::MtuFacts& facts) {
  std::string tables;
  if (facts.forward) tables += table("To the gateway", *facts.forward);
  if (facts.backward) tables += table("Back from it", *facts.backward);
  fmt::print(stderr, "{}", tables);
  static_cast<void>(std::fflush(stderr));
}

}  // namespace

Exit run_mtu(std::vector<std::string> arguments) {
  CLI::App app(
      "Find the MTU of the path below the tunnel, in both directions, and the tunnel's MTU that "
      "fits it.\nNeeds no privileges, and nothing of the gateway but a host that answers pings.",
      "wgscope mtu");
  MtuVerb verb;
  add_options(app, verb);
  if (const auto ended = parse_options(app, std::move(arguments))) return *ended;
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
                          check.mtu.deadline = deadline_of(verb.check);
                          const auto facts = checks::check_mtu(
                              run, prepared.target, prepared.stamps, std::move(check), report);
                          if (facts && verb.check.output.verbose) show_tables(*facts);
                        }});
}

}  // namespace wgscope::probe
