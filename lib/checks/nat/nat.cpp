#include "wgscope/checks/nat.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include <fmt/core.h>

#include "wgscope/base/random.hpp"
#include "wgscope/base/result.hpp"
#include "wgscope/base/time.hpp"
#include "wgscope/checks/resolve.hpp"
#include "wgscope/checks/route.hpp"
#include "wgscope/checks/run.hpp"
#include "wgscope/config/wg_quick.hpp"
#include "wgscope/crypto/random.hpp"
#include "wgscope/diagnosis/nat.hpp"
#include "wgscope/diagnosis/report.hpp"
#include "wgscope/diagnosis/route.hpp"
#include "wgscope/diagnosis/text.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/os/clock.hpp"
#include "wgscope/os/local_address.hpp"
#include "wgscope/path/nat_behaviour.hpp"

#include "checks/drive.hpp"
#include "nat_lanes.hpp"
#include "nat_sockets.hpp"
#include "router.hpp"

namespace wgscope::checks {
namespace {

using diagnosis::NatFacts;

/// Each server once, by its first address of the family.
std::vector<Endpoint> find_servers(Run& run, const NatOptions& options, NatFacts& facts) {
  std::vector<Endpoint> endpoints;
  for (const config::EndpointName& name : options.servers) {
    diagnosis::StunServerFacts& server = facts.servers.emplace_back(
        diagnosis::StunServerFacts{.name = name, .endpoint = std::nullopt, .error = std::nullopt});
    const auto found = resolve(run, name, options.family, os::boot_now() + options.resolve_timeout);
    if (!found) {
      server.error = found.error();
      continue;
    }
    server.endpoint = found->front();
    if (std::ranges::find(endpoints, found->front()) == endpoints.end())
      endpoints.push_back(found->front());
  }
  return endpoints;
}

/// path::NatBehaviour on real sockets.
class Behaviour {
 public:
  Behaviour(Run& run, std::optional<std::uint32_t> mark);

  Result<path::NatBehaviourResult> run(Random& random, const std::vector<Endpoint>& servers,
                                       const IpAddress& local);
  [[nodiscard]] const std::vector<diagnosis::SentTo>& sent() const { return sockets_.sent(); }

 private:
  void send();

  Run& run_;
  std::optional<path::NatBehaviour> engine_;
  NatSockets sockets_;
};

Behaviour::Behaviour(Run& run, std::optional<std::uint32_t> mark)
    : run_(run),
      sockets_(run,
               {.on_datagram =
                    [this](Instant now, std::size_t socket, const Endpoint& from,
                           std::span<const std::byte> bytes) {
                      engine_->handle_datagram(now, static_cast<path::NatSocket>(socket), from,
                                               bytes);
                    },
                .on_unreachable =
                    [this](Instant now, std::size_t socket, const Endpoint& destination) {
                      engine_->handle_unreachable(now, static_cast<path::NatSocket>(socket),
                                                  destination);
                    }},
               mark) {}

void Behaviour::send() {
  while (const auto wanted = engine_->poll_transmit())
    sockets_.send(static_cast<std::size_t>(wanted->from), wanted->to, wanted->bytes);
}

Result<path::NatBehaviourResult> Behaviour::run(Random& random,
                                                const std::vector<Endpoint>& servers,
                                                const IpAddress& local) {
  path::NatBehaviourConfig config{.servers = servers, .local = {}};
  for (Endpoint& socket : config.local) {
    const auto opened = sockets_.open(local);
    if (!opened) return tl::unexpected(opened.error());
    socket = sockets_.local(*opened);
  }
  engine_.emplace(std::move(config), random, os::boot_now());
  const Instant end = os::boot_now() + path::kLongestNatBehaviour;
  run_.say("asking STUN servers for the public address", end);
  drive(run_, *engine_, end, [this] { send(); });
  return engine_->result();
}

/// That packets carry: none where it may not be set.
std::optional<std::uint32_t> mark_of(const NatFacts& facts) {
  return facts.route ? facts.route->mark : std::nullopt;
}

/// Which way packets to the servers take.
/// @returns the first server that there is a way to.
std::optional<Endpoint> look_at_ways(const std::vector<Endpoint>& servers,
                                     const NatOptions& options, NatFacts& facts) {
  std::optional<Endpoint> first;
  for (const Endpoint& server : servers) {
    const auto route = find_route(server, {options.mark, options.through});
    auto local = route ? route->source : std::nullopt;
    if (!local) local = os::local_address_towards(server);
    if (!local) continue;
    if (!first) {
      first = server;
      facts.local = local;
      facts.route = route;
    }
    if (route && diagnosis::is_astray(*route)) {
      facts.route = route;
      break;
    }
  }
  return first;
}

void measure_lifetime(Run& run, Random& random, const NatOptions& options, NatFacts& facts) {
  if (!options.lifetime || !facts.behaviour || run.interrupted()) return;
  for (const path::StunServerSeen& server : facts.behaviour->servers) {
    if (!server.mapped) continue;
    facts.lifetime = {.server = server.server,
                      .longest_silence = options.longest_silence,
                      .one_way = {},
                      .stream = {},
                      .keepalive = {},
                      .error = {}};
    NatLanes lanes(run, random, *facts.local, server.server, mark_of(facts));
    lanes.measure(options.longest_silence, options.keepalive, *facts.lifetime);
    for (const diagnosis::SentTo& sent : lanes.sent()) add_sent(sent, facts.sent);
    const auto& stream = facts.lifetime->stream;
    // A server without RESPONSE-PORT: there may be another one.
    if (stream && stream->alive_after) return;
    if (run.interrupted() || facts.lifetime->error) return;
  }
}

}  // namespace

NatFacts nat(Run& run, const NatOptions& options) {
  NatFacts facts;
  facts.lifetime_wanted = options.lifetime;
  facts.keepalive = options.keepalive;
  facts.servers_are_gateways = options.servers_are_gateways;
  const std::vector<Endpoint> servers = find_servers(run, options, facts);
  crypto::SystemRandom random;
  const auto first = look_at_ways(servers, options, facts);
  if (!facts.local && !servers.empty())
    facts.error =
        Error{Errc::io, fmt::format("there is no route to {}", servers.front().to_string())};
  const bool astray = facts.route && diagnosis::is_astray(*facts.route);
  if (first && !astray && !run.interrupted()) {
    std::optional<RouterInquiry> router;
    if (options.router && options.family == Family::v4)
      router.emplace(run, *facts.local, first->address, mark_of(facts));
    Behaviour asking(run, mark_of(facts));
    auto behaviour = asking.run(random, servers, *facts.local);
    facts.sent = asking.sent();
    if (behaviour)
      facts.behaviour = std::move(*behaviour);
    else
      facts.error = behaviour.error();
    if (router) facts.router = router->finish();
    router.reset();
    measure_lifetime(run, random, options, facts);
  }
  facts.interrupted = run.interrupted();
  return facts;
}

}  // namespace wgscope::checks
