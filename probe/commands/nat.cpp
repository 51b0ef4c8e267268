#include "wgscope/checks/nat.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/core.h>

#include "wgscope/base/result.hpp"
#include "wgscope/base/text.hpp"
#include "wgscope/checks/run.hpp"
#include "wgscope/config/wg_quick.hpp"
#include "wgscope/diagnosis/report.hpp"
#include "wgscope/diagnosis/text.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/os/file.hpp"
#include "wgscope/path/nat_behaviour.hpp"
#include "wgscope/path/router_query.hpp"
#include "wgscope/wire/port_control.hpp"

#include "probe/command_line.hpp"
#include "probe/commands/commands.hpp"
#include "probe/frame.hpp"
#include "probe/verbs.hpp"

// wgscope nat: options -> checks::check_nat() -> report.

namespace wgscope::probe {
namespace {

using diagnosis::text;
using std::chrono::seconds;

constexpr std::size_t kMaxConfigSize = 16U << 20U;
constexpr int kMostSilence = 480;  ///< seconds: twice as many sockets, of which 1024 are usual
constexpr int kMostKeepalive = 65535;
constexpr std::size_t kMostGateways = 4;  ///< that are asked at the same time

struct NatVerb {
  OutputOptions output;
  std::vector<std::string> servers;
  std::string config;
  std::optional<std::uint16_t> keepalive;
  int longest = 180;
  bool quick = false;
  bool v6 = false;
  bool plan = false;
  bool no_router = false;
};

void add_options(CLI::App& app, NatVerb& verb) {
  app.add_option("--stun", verb.servers,
                 "A STUN server; repeatable, and at least two where none has two addresses")
      ->type_name("HOST:PORT")
      ->allow_extra_args(false);
  app.add_option(
         "--config", verb.config,
         "wg-quick file whose PersistentKeepalive is judged; the longest, if there "
         "are several peers. Without --stun its gateways are asked, which answer if they are "
         "wgscope listen --stun")
      ->type_name("FILE");
  app.add_option("--keepalive", verb.keepalive, "Judge this interval instead; 0 is off")
      ->type_name("SECONDS")
      ->check(CLI::Range(0, kMostKeepalive));
  app.add_option("--longest", verb.longest, "How long a silence is tried")
      ->type_name("SECONDS")
      ->check(CLI::Range(1, kMostSilence))
      ->capture_default_str();
  app.add_flag("--quick", verb.quick, "Without lifetimes, which take as long as they are");
  app.add_flag("--no-router", verb.no_router,
               "Do not ask the next router for its outer address (NAT-PMP, PCP, UPnP)");
  app.add_flag("--ipv6", verb.v6, "Look at IPv6 instead of IPv4");
  app.add_flag("--plan", verb.plan, "Print what would be sent, and to whom; send nothing");
  add_output_options(app, verb.output);
}

/// What a wg-quick file says of the peers that have an endpoint, which are those that tunnels are
/// begun to from here.
struct Gateways {
  std::vector<config::EndpointName> endpoints;  ///< kMostGateways at most
  std::optional<seconds> keepalive;             ///< the longest; zero where one of them has none
};

Result<Gateways> gateways_of(const std::string& path) {
  const auto input = os::read_secret_input(path, kMaxConfigSize);
  if (!input) return tl::unexpected(input.error());
  const auto config = config::parse_wg_quick(input->text.view());
  if (!config)
    return fail(config.error().code, fmt::format("{}: {}", path, config.error().context));
  Gateways gateways;
  std::optional<seconds>& longest = gateways.keepalive;
  for (const auto& peer : config->peers) {
    if (!peer.endpoint) continue;
    if (gateways.endpoints.size() < kMostGateways) gateways.endpoints.push_back(*peer.endpoint);
    const seconds interval = peer.persistent_keepalive.value_or(seconds(0));
    if (!longest || (*longest != seconds(0) && (interval == seconds(0) || interval > *longest)))
      longest = interval;
  }
  return gateways;
}

Result<checks::NatOptions> make_options(const NatVerb& verb) {
  checks::NatOptions options;
  if (!verb.config.empty()) {
    auto gateways = gateways_of(verb.config);
    if (!gateways) return tl::unexpected(gateways.error());
    options.keepalive = gateways->keepalive;
    // Our own endpoint answers STUN on the tunnel's port; others do not, which is said then.
    options.servers_are_gateways = verb.servers.empty();
    if (options.servers_are_gateways) options.servers = std::move(gateways->endpoints);
  }
  if (verb.servers.empty() && options.servers.empty())
    return fail(Errc::missing_key,
                "a STUN server is needed, better two: --stun HOST:PORT --stun HOST:PORT");
  for (const std::string& written : verb.servers) {
    auto name = config::EndpointName::parse(written);
    if (!name)
      return fail(name.error().code,
                  fmt::format("--stun {}: {}", printable(written), name.error().context));
    options.servers.push_back(std::move(*name));
  }
  options.family = verb.v6 ? Family::v6 : Family::v4;
  options.router = !verb.no_router;
  options.lifetime = !verb.quick;
  options.longest = seconds(verb.longest);
  if (verb.keepalive) options.keepalive = seconds(*verb.keepalive);
  return options;
}

Plan plan_of(const checks::NatOptions& options) {
  Plan plan;
  for (const config::EndpointName& server : options.servers)
    plan.lines.push_back(text("STUN requests to {}:{}", diagnosis::Name{server.host}, server.port));
  plan.lines.push_back(
      text("  {} datagrams at most, from 3 ports, to the servers, to what they "
           "name as their other addresses and to our own outer address",
           path::most_datagrams(options.servers.size())));
  if (options.router && options.family == Family::v4) {
    plan.lines.push_back(
        text("NAT-PMP and PCP requests to the next router, port {}: {} datagrams at most; they ask "
             "for its outer address and create nothing",
             wire::kPortControlPort, 2 * path::kRouterTransmissions));
    plan.lines.push_back(
        "UPnP: a search for gateway devices to 239.255.255.250:1900, on the link only; of the "
        "router's own device, the description and its outer address, over HTTP");
  }
  if (options.lifetime) {
    const auto lanes = static_cast<std::size_t>(options.longest.count());
    plan.lines.push_back(
        text("  to the first that can: from {} more ports, each silent for its "
             "own time of {} s at most; a NAT's table has as many entries more "
             "for that long",
             2 * lanes + 2, lanes));
  }
  return plan;
}

diagnosis::Text target_of(const checks::NatOptions& options) {
  const config::EndpointName& first = options.servers.front();
  return text("{}:{}", diagnosis::Name{first.host}, first.port);
}

}  // namespace

Exit run_nat(std::vector<std::string> arguments) {
  CLI::App app(
      "Find out, with STUN servers, what NATs on the way do to UDP: how they map, what they let "
      "in,\nhow long they remember a silent flow, and whether a keepalive is often enough. Needs "
      "no\nprivileges and no tunnel.",
      "wgscope nat");
  NatVerb verb;
  add_options(app, verb);
  if (const auto ended = parse_options(app, std::move(arguments))) return *ended;
  const auto options = make_options(verb);
  if (!options) {
    fmt::print(stderr, "wgscope nat: {}\n", options.error().context);
    return Exit::unknown;
  }
  if (verb.plan) {
    print_plan(plan_of(*options), verb.output);
    return Exit::ok;
  }
  return run_report(verb.output, {.verb = "nat",
                                  .target = target_of(*options),
                                  .run = [&](checks::Run& run, diagnosis::Report& report) {
                                    checks::check_nat(run, *options, report);
                                  }});
}

}  // namespace wgscope::probe
