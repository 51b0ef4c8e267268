#include "wgscope/checks/nat.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <fmt/core.h>

#include "wgscope/base/result.hpp"
#include "wgscope/base/text.hpp"
#include "wgscope/checks/nat_flow.hpp"
#include "wgscope/checks/run.hpp"
#include "wgscope/checks/target.hpp"
#include "wgscope/config/wg_quick.hpp"
#include "wgscope/diagnosis/report.hpp"
#include "wgscope/diagnosis/text.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/os/file.hpp"
#include "wgscope/path/nat_behaviour.hpp"
#include "wgscope/path/retransmission_ladder.hpp"
#include "wgscope/path/router_query.hpp"
#include "wgscope/path/silence_search.hpp"
#include "wgscope/wire/port_control.hpp"

#include "probe/command_line.hpp"
#include "probe/commands/commands.hpp"
#include "probe/frame.hpp"
#include "probe/verbs.hpp"

// wgscope nat: options -> checks::check_nat(), checks::check_nat_flow() -> report.

namespace wgscope::probe {
namespace {

using diagnosis::text;
using std::chrono::seconds;

constexpr std::size_t kMaxConfigSize = 16U << 20U;
constexpr int kMostSilence = 3600;
/// Seconds that STUN servers are asked for: twice as many sockets, of which 1024 are usual.
constexpr int kMostStunSilence = 480;
constexpr int kMostKeepalive = 65535;
constexpr std::size_t kMostGateways = 4;  ///< that are asked at the same time

struct NatVerb {
  CheckOptions check;
  std::vector<std::string> servers;
  std::string twin;  ///< path
  std::string tcp;   ///< address and port
  std::optional<std::uint16_t> keepalive;
  int longest = 180;
  bool no_router = false;

  [[nodiscard]] bool needs_tunnel() const { return !twin.empty() || !tcp.empty(); }
};

void add_options(CommandLine& line, NatVerb& verb) {
  line.add("--stun", verb.servers,
           "A STUN server; repeatable, and at least two where none has two addresses")
      .type("HOST:PORT")
      .one_value_each();
  line.add("--twin", verb.twin,
           "Measure the tunnel's own flow: wg-quick file of a second peer of the same "
           "gateway, which has to forward between the two")
      .type("FILE");
  line.add("--tcp", verb.tcp,
           "Likewise, with a TCP service inside the tunnel that speaks first, as SSH, or "
           "answers HTTP: coarser")
      .type("ADDRESS:PORT");
  line.add("--keepalive", verb.keepalive,
           "Judge this interval instead of the file's PersistentKeepalive; 0 is off")
      .type("SECONDS")
      .range(0, kMostKeepalive);
  line.add("--longest", verb.longest, "How long a silence is tried")
      .type("SECONDS")
      .range(1, kMostSilence)
      .show_default();
  line.add_flag("--no-router", verb.no_router,
                "Do not ask the next router for its outer address (NAT-PMP, PCP, UPnP)");
  add_check_options(line, verb.check);
  line.find("--timeout").description("How long handshakes have [20s]; lifetimes take theirs");
  line.find("--quick").description("Without lifetimes, which take as long as they are");
  line.find("--ipv4").description("Only the endpoint's IPv4 addresses; STUN without --ipv6");
  line.find("--ipv6").description("Only its IPv6 addresses; STUN over IPv6");
  line.find("--config")
      .description(
          "wg-quick file of the probe's own peer, whose PersistentKeepalive is judged; the tunnel "
          "is used with --twin and --tcp only. Without those and without --stun its gateways are "
          "asked by STUN, which wgscope listen --stun answers. - is standard input");
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
  for (const std::string& written : verb.servers) {
    auto name = config::EndpointName::parse(written);
    if (!name)
      return fail(name.error().code,
                  fmt::format("--stun {}: {}", printable(written), name.error().context));
    options.servers.push_back(std::move(*name));
  }
  options.family = verb.check.ipv6 ? Family::v6 : Family::v4;
  options.router = !verb.no_router;
  options.lifetime = !verb.check.quick;
  options.longest = seconds(verb.longest);
  if (verb.keepalive) options.keepalive = seconds(*verb.keepalive);
  return options;
}

Result<> check_longest(const checks::NatOptions& options) {
  if (options.servers.empty() || options.longest.count() <= kMostStunSilence) return {};
  return fail(Errc::bad_value,
              fmt::format("--longest: {} s at most with STUN, as each second takes "
                          "sockets of its own",
                          kMostStunSilence));
}

Plan plan_of(const checks::NatOptions& options) {
  Plan plan;
  if (options.servers.empty()) return plan;
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
    plan.lines.emplace_back(
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

/// What the file of a tunnel says, where the tunnel itself is not used: its keepalive, and where
/// nobody else is to be asked, its gateways. Our own endpoint answers STUN on the tunnel's port;
/// others do not, which is said then.
Result<> take_file(const NatVerb& verb, checks::NatOptions& options) {
  if (!verb.check.target.config.empty()) {
    auto gateways = gateways_of(verb.check.target.config);
    if (!gateways) return tl::unexpected(gateways.error());
    if (!verb.keepalive) options.keepalive = gateways->keepalive;
    options.servers_are_gateways = options.servers.empty();
    if (options.servers_are_gateways) options.servers = std::move(gateways->endpoints);
  }
  if (options.servers.empty())
    return fail(Errc::missing_key,
                "nothing to ask: STUN servers, better two (--stun HOST:PORT --stun HOST:PORT), or "
                "through a tunnel (--config FILE) a second peer of the gateway (--twin FILE) or a "
                "TCP service (--tcp ADDRESS:PORT)");
  return {};
}

/// With STUN alone: nothing of a tunnel is needed but, perhaps, what its file says.
Exit run_without_tunnel(const NatVerb& verb, checks::NatOptions options) {
  if (auto taken = take_file(verb, options); !taken)
    return refuse(verb.check, "nat", taken.error());
  if (auto fits = check_longest(options); !fits) return refuse(verb.check, "nat", fits.error());
  if (verb.check.plan) {
    print_plan(plan_of(options), verb.check.output);
    return Exit::ok;
  }
  const config::EndpointName& first = options.servers.front();
  return run_report(verb.check.output,
                    {.verb = "nat",
                     .target = text("{}:{}", diagnosis::Name{first.host}, first.port),
                     .run = [&](checks::Run& run, diagnosis::Report& report) {
                       checks::check_nat(run, options, report);
                     }});
}

/// With a tunnel, and with STUN as well where servers are named.
class TunnelVerb {
 public:
  TunnelVerb(const NatVerb& verb, checks::NatOptions options)
      : verb_(verb), options_(std::move(options)) {}

  Result<> check(const Prepared& prepared);
  [[nodiscard]] Plan plan(const Prepared& prepared) const;
  void run(checks::Run& run, Prepared& prepared, diagnosis::Report& report);

 private:
  [[nodiscard]] Result<Prepared> prepare_twin() const;
  Result<> take_service(const checks::Target& target);

  const NatVerb& verb_;
  checks::NatOptions options_;
  checks::NatFlowOptions flow_;
  std::optional<Prepared> twin_;
  std::optional<Endpoint> service_;
};

/// What the options say of the first peer's keys and the like is not the twin's.
Result<Prepared> TunnelVerb::prepare_twin() const {
  const TargetOptions& ours = verb_.check.target;
  if (verb_.twin == "-" &&
      (ours.config == "-" || ours.private_key_file == "-" || ours.preshared_key_file == "-"))
    return fail(Errc::bad_value, "standard input can be only one of the files");
  TargetOptions options;
  options.config = verb_.twin;
  options.state_folder = ours.state_folder;
  options.uapi_folder = ours.uapi_folder;
  auto prepared = checks::prepare(options);
  if (prepared) return prepared;
  // Its lock is this process's own where both files have one key.
  const std::string hint = prepared.error().code == Errc::refused
                               ? "; the twin must not have the same key as this peer"
                               : "";
  return fail(prepared.error().code, "--twin: " + prepared.error().context + hint,
              prepared.error().sys_errno);
}

Result<> TunnelVerb::check(const Prepared& prepared) {
  if (auto fits = check_longest(options_); !fits) return fits;
  if (!verb_.keepalive) options_.keepalive = prepared.target.keepalive.value_or(seconds(0));
  flow_.keepalive = options_.keepalive;
  flow_.longest = options_.lifetime ? options_.longest : seconds(0);
  if (auto taken = take_service(prepared.target); !taken) return taken;
  if (verb_.twin.empty()) return {};
  auto twin = prepare_twin();
  if (!twin) return tl::unexpected(twin.error());
  if (const auto way = checks::twin_way(prepared.target, twin->target); !way)
    return fail(way.error().code, "--twin: " + way.error().context);
  twin_.emplace(std::move(*twin));
  return {};
}

Result<> TunnelVerb::take_service(const checks::Target& target) {
  if (verb_.tcp.empty()) return {};
  const auto service = Endpoint::parse(verb_.tcp);
  if (!service)
    return fail(Errc::bad_value,
                fmt::format("--tcp: '{}' is no address with a port: give one inside the tunnel, "
                            "such as 10.0.0.1:22 or [fd00::1]:22",
                            printable(verb_.tcp)));
  if (const auto fits = checks::check_service(target, *service); !fits)
    return fail(fits.error().code, "--tcp: " + fits.error().context);
  service_ = *service;
  return {};
}

Plan TunnelVerb::plan(const Prepared& prepared) const {
  Plan plan = plan_of(options_);
  const config::EndpointName& endpoint = prepared.target.endpoint;
  plan.lines.push_back(
      text("handshakes with {}:{}: the gateway takes this host for the place of the probe's keys "
           "from then on",
           diagnosis::Name{endpoint.host}, endpoint.port));
  if (twin_) {
    if (const auto way = checks::twin_way(prepared.target, twin_->target))
      plan.lines.push_back(
          text("from the twin {} through the gateway to {}: echo requests after silences of up to "
               "{} s, at most {} silences one after the other; empty packets before each",
               way->from, way->to, flow_.longest.count(),
               path::most_silences({.interval = flow_.keepalive, .longest = flow_.longest})));
  }
  if (service_) {
    const auto most = std::chrono::ceil<std::chrono::minutes>(
        path::longest_ladder({.interval = flow_.keepalive, .longest = flow_.longest}));
    plan.lines.push_back(
        text("through the tunnel to {}: {} TCP connections, a GET / of HTTP where it says nothing "
             "by itself; what it sends is left unacknowledged for {} minutes at most, then the "
             "connections are reset; empty packets and questions of TCP meanwhile",
             *service_, path::kLadderLines, most.count()));
  }
  return plan;
}

void TunnelVerb::run(checks::Run& run, Prepared& prepared, diagnosis::Report& report) {
  if (twin_)
    for (diagnosis::Check& check : twin_->noticed) report.checks.push_back(std::move(check));
  if (!options_.servers.empty()) checks::check_nat(run, options_, report);
  if (run.interrupted()) return;
  checks::NatFlowCheck check;
  check.flow = flow_;
  check.handshake = handshake_options(verb_.check);
  if (twin_) check.twin.emplace(checks::Twin{.target = twin_->target, .stamps = twin_->stamps});
  check.service = service_;
  checks::check_nat_flow(run, prepared.target, prepared.stamps, std::move(check), report);
}

}  // namespace

Exit run_nat(std::vector<std::string> arguments) {
  CommandLine line(
      "Find out what NATs on the way do to UDP: with STUN servers, how they map, what they let "
      "in and how\nlong they remember a silent flow; or with the tunnel itself, against any "
      "gateway, how long its own\nflow lives. And whether a keepalive is often enough. Needs no "
      "privileges.",
      "wgscope nat");
  NatVerb verb;
  add_options(line, verb);
  if (const auto ended = line.parse(std::move(arguments))) return *ended;
  auto options = make_options(verb);
  if (!options) return refuse(verb.check, "nat", options.error());
  if (!verb.needs_tunnel()) return run_without_tunnel(verb, std::move(*options));
  TunnelVerb tunnel(verb, std::move(*options));
  return run_check(verb.check,
                   {.verb = "nat",
                    .check = [&](const Prepared& prepared) { return tunnel.check(prepared); },
                    .plan = [&](const Prepared& prepared) { return tunnel.plan(prepared); },
                    .run = [&](checks::Run& run, Prepared& prepared,
                               diagnosis::Report& report) { tunnel.run(run, prepared, report); }});
}

}  // namespace wgscope::probe
