#include "wgscope/checks/reach.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/core.h>

#include "wgscope/base/result.hpp"
#include "wgscope/base/text.hpp"
#include "wgscope/base/time.hpp"
#include "wgscope/checks/run.hpp"
#include "wgscope/checks/target.hpp"
#include "wgscope/config/expectations.hpp"
#include "wgscope/diagnosis/reach.hpp"
#include "wgscope/diagnosis/report.hpp"
#include "wgscope/diagnosis/text.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/os/clock.hpp"
#include "wgscope/os/file.hpp"

#include "probe/command_line.hpp"
#include "probe/commands/commands.hpp"
#include "probe/frame.hpp"
#include "probe/verbs.hpp"

// wgscope reach: options -> checks::check_reach() -> report.

namespace wgscope::probe {
namespace {

using config::Expectation;
using config::ReachKind;
using diagnosis::text;

constexpr std::chrono::milliseconds kQuick{9500};  ///< so that the program has ended within 10 s

/// An option that takes targets of a kind.
struct TargetOption {
  const char* name;
  ReachKind kind;
  const char* form;
  const char* description;
};
constexpr TargetOption kTargets[] = {
    {"--icmp", ReachKind::icmp, "HOST", "Must answer pings"},
    {"--tcp", ReachKind::tcp, "HOST:PORT", "Must accept connections"},
    {"--udp", ReachKind::udp, "HOST:PORT", "Must answer a datagram; silence is unknown"},
    {"--dns", ReachKind::dns, "NAME@SERVER", "The name server must know the name"},
    {"--http", ReachKind::http, "URL", "Must answer a GET with a status below 400"},
};
constexpr std::size_t kTargetOptions = std::size(kTargets);

struct ReachVerb {
  CheckOptions check;
  std::vector<std::string> targets[kTargetOptions];
  std::vector<std::string> closed;
  std::string file;
  std::vector<std::string> name_servers;
  std::uint16_t tries = checks::ReachOptions{}.tries;
  std::chrono::nanoseconds try_timeout = checks::ReachOptions{}.try_timeout;
};

void add_options(CommandLine& line, ReachVerb& verb) {
  for (std::size_t i = 0; i < kTargetOptions; ++i)
    line.add(kTargets[i].name, verb.targets[i],
             std::string(kTargets[i].description) + "; repeatable")
        .type(kTargets[i].form)
        .one_value_each();
  line.add("--expect-closed", verb.closed,
           "Must not be reachable: tcp:HOST:PORT, udp:HOST:PORT, icmp:HOST or dns:SERVER; "
           "repeatable")
      .type("TARGET")
      .one_value_each();
  line.add("--expect", verb.file, "More targets, in a YAML file: docs/reach.md").type("FILE");
  line.add("--dns-server", verb.name_servers,
           "Who looks up names of targets inside the tunnel, instead of the configuration's "
           "DNS; repeatable")
      .type("ADDRESS")
      .one_value_each();
  line.add("--tries", verb.tries, "How often each target is asked")
      .type("N")
      .range(1, config::kMaxTries)
      .show_default();
  add_duration_option(
      line, "--try-timeout", [&](auto time) { verb.try_timeout = time; },
      "How long an answer to each is waited for [2s]");
  add_check_options(line, verb.check);
}

tl::unexpected<Error> bad_option(std::string_view option, const std::string& written,
                                 const Error& error) {
  return fail(error.code, fmt::format("{} {}: {}", option, printable(written), error.context));
}

Result<std::vector<Expectation>> read_file(const std::string& path) {
  const auto in_file = [&](const Error& error) {
    return fail(error.code, fmt::format("{}: {}", path, error.context), error.sys_errno);
  };
  const auto content = os::read_file(path, config::kMaxExpectationsSize);
  if (!content) return in_file(content.error());
  auto expectations = config::parse_expectations(*content);
  if (!expectations) return in_file(expectations.error());
  return expectations;
}

/// All that is wanted, in the order of --help, the file's last.
Result<std::vector<Expectation>> read_targets(const ReachVerb& verb) {
  std::vector<Expectation> wanted;
  for (std::size_t i = 0; i < kTargetOptions; ++i) {
    for (const std::string& written : verb.targets[i]) {
      auto target = config::parse_target(kTargets[i].kind, written);
      if (!target) return bad_option(kTargets[i].name, written, target.error());
      if (target->kind == ReachKind::dns && target->question.empty())
        return bad_option(kTargets[i].name, written,
                          {Errc::bad_value, "a name to ask for is needed: NAME@SERVER"});
      wanted.push_back(std::move(*target));
    }
  }
  for (const std::string& written : verb.closed) {
    auto target = config::parse_closed_target(written);
    if (!target) return bad_option("--expect-closed", written, target.error());
    wanted.push_back(std::move(*target));
  }
  if (!verb.file.empty()) {
    auto more = read_file(verb.file);
    if (!more) return more;
    std::ranges::move(*more, std::back_inserter(wanted));
  }
  if (wanted.empty())
    return fail(Errc::missing_key,
                "nothing to ask: give targets with --icmp, --tcp, --udp, --dns, --http, "
                "--expect-closed or --expect FILE");
  return wanted;
}

Result<checks::ReachCheck> make_check(const ReachVerb& verb, const checks::Target& target) {
  checks::ReachCheck check;
  auto wanted = read_targets(verb);
  if (!wanted) return tl::unexpected(wanted.error());
  check.wanted = std::move(*wanted);
  check.reach = checks::reach_options(target);
  check.reach.tries = verb.tries;
  // No try outlives the whole.
  check.reach.try_timeout = std::min(verb.try_timeout, verb.check.timeout);
  if (!verb.name_servers.empty()) check.reach.dns.clear();
  for (const std::string& written : verb.name_servers) {
    const auto server = IpAddress::parse(written);
    if (!server) return bad_option("--dns-server", written, server.error());
    if (!checks::is_allowed(target, *server))
      return bad_option("--dns-server", written,
                        {Errc::bad_value,
                         "not among the peer's AllowedIPs, so nothing for it goes into the "
                         "tunnel"});
    check.reach.dns.push_back(*server);
  }
  check.handshake = handshake_options(verb.check);
  return check;
}

Plan plan_of(const checks::Target& target, const checks::ReachCheck& check) {
  Plan plan;
  plan.lines.push_back(
      text("handshake with {}:{}: the gateway takes this host for the place of the probe's key "
           "from then on",
           diagnosis::Name{target.endpoint.host}, target.endpoint.port));
  plan.lines.emplace_back("through the tunnel:");
  for (const Expectation& one : check.wanted)
    plan.lines.push_back(text("  {}, asked {} times at most", diagnosis::describe(one),
                              one.tries.value_or(check.reach.tries)));
  const bool any_closed = std::ranges::any_of(check.wanted, &Expectation::closed);
  for (const IpAddress& control : check.reach.controls)
    if (any_closed)
      plan.lines.push_back(
          text("  where what must be closed is silent: up to 3 echo requests to {}", control));
  return plan;
}

}  // namespace

Exit run_reach(std::vector<std::string> arguments) {
  CommandLine line(
      "Ask what can be reached inside the tunnel, and what must not be, all targets at once.\n"
      "What must be closed counts as such only where the tunnel is proven to carry.",
      "wgscope reach");
  ReachVerb verb;
  add_options(line, verb);
  if (const auto ended = line.parse(std::move(arguments))) return *ended;
  const Nanoseconds limit =
      verb.check.quick ? std::min<Nanoseconds>(verb.check.timeout, kQuick) : verb.check.timeout;
  checks::ReachCheck check;
  return run_check(
      verb.check,
      {.verb = "reach",
       .check = [&](const Prepared& prepared) -> Result<> {
         auto made = make_check(verb, prepared.target);
         if (!made) return tl::unexpected(made.error());
         check = std::move(*made);
         return {};
       },
       .plan = [&](const Prepared& prepared) { return plan_of(prepared.target, check); },
       .run =
           [&](checks::Run& run, Prepared& prepared, diagnosis::Report& report) {
             check.reach.deadline = os::boot_now() + limit;
             checks::check_reach(run, prepared.target, prepared.stamps, std::move(check), report);
           }});
}

}  // namespace wgscope::probe
