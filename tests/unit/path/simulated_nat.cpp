#include "simulated_nat.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <map>
#include <optional>
#include <queue>
#include <random>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "wgscope/wire/stun.hpp"

namespace wgscope::path::testing {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

IpAddress ipv4(unsigned a, unsigned b, unsigned c, unsigned d) {
  IpAddress address;
  address.bytes[0] = static_cast<std::byte>(a);
  address.bytes[1] = static_cast<std::byte>(b);
  address.bytes[2] = static_cast<std::byte>(c);
  address.bytes[3] = static_cast<std::byte>(d);
  return address;
}

struct Flying {
  Instant arrives;
  std::uint64_t order = 0;
  Endpoint from;
  Endpoint to;
  std::vector<std::byte> bytes;

  friend bool operator>(const Flying& a, const Flying& b) {
    return std::pair(a.arrives, a.order) > std::pair(b.arrives, b.order);
  }
};

/// Sockets, NAT and servers around one engine.
class World {
 public:
  explicit World(const Scenario& scenario)
      : scenario_(scenario),
        random_(scenario.seed),
        nat_(scenario.nat, ipv4(203, 0, 113, 5), random_) {
    config_.local = {Endpoint{ipv4(192, 168, 1, 2), 0, 40001},
                     Endpoint{ipv4(192, 168, 1, 2), 0, 40002},
                     Endpoint{ipv4(192, 168, 1, 2), 0, 40003}};
    for (const SimulatedServer& server : scenario.servers)
      config_.servers.push_back(server.primary);
  }

  Outcome run();

 private:
  void launch(Instant now, const Endpoint& from, const Endpoint& to, std::vector<std::byte> bytes);
  void send(Instant now, NatBehaviour& engine);
  void arrive(Instant now, NatBehaviour& engine, Flying flying);
  void serve(Instant now, const SimulatedServer& server, const Flying& flying);
  [[nodiscard]] Endpoint other_of(const SimulatedServer& server, const Flying& flying) const;
  bool is_rationed(Instant now, const SimulatedServer& server);

  Scenario scenario_;
  SeededRandom random_;
  SimulatedNat nat_;
  NatBehaviourConfig config_;
  struct Tokens {
    double left = 0;
    Instant at;
  };
  std::map<IpAddress, Tokens> tokens_;  ///< by the primary address of each server that rations
  std::uint64_t order_ = 0;
  std::priority_queue<Flying, std::vector<Flying>, std::greater<>> flying_;
};

void World::launch(Instant now, const Endpoint& from, const Endpoint& to,
                   std::vector<std::byte> bytes) {
  if (random_.chance(scenario_.loss)) return;
  const Nanoseconds delay = milliseconds(10) + random_.between(milliseconds(0), scenario_.jitter);
  flying_.push({now + delay, ++order_, from, to, std::move(bytes)});
}

void World::send(Instant now, NatBehaviour& engine) {
  while (auto sent = engine.poll_transmit()) {
    const Endpoint& inner = config_.local[static_cast<std::size_t>(sent->from)];
    const auto source = nat_.outbound(now, inner, sent->to);
    if (!source) continue;
    const Endpoint outer = *source;
    if (nat_.is_outer(sent->to)) {
      if (scenario_.nat.hairpin)
        flying_.push({now, ++order_, outer, sent->to, std::move(sent->bytes)});
    } else {
      launch(now, outer, sent->to, std::move(sent->bytes));
    }
  }
}

void World::arrive(Instant now, NatBehaviour& engine, Flying flying) {
  for (const SimulatedServer& server : scenario_.servers)
    if (flying.to.address == server.primary.address || flying.to.address == server.other.address)
      return serve(now, server, flying);
  const auto inner = nat_.inbound(now, flying.from, flying.to);
  if (!inner) return;
  const auto socket = std::ranges::find(config_.local, *inner);
  engine.handle_datagram(now, static_cast<NatSocket>(socket - config_.local.begin()), flying.from,
                         flying.bytes);
}

Endpoint World::other_of(const SimulatedServer& server, const Flying& flying) const {
  if (server.kind == ServerKind::other_is_ours) return flying.from;
  if (server.kind != ServerKind::other_stranger) return server.other;
  for (const SimulatedServer& one : scenario_.servers)
    if (one.kind == ServerKind::honest) return one.other;
  return server.other;
}

bool World::is_rationed(Instant now, const SimulatedServer& server) {
  if (!server.ration) return false;
  const double most = 2 * *server.ration;
  auto [at, is_new] = tokens_.try_emplace(server.primary.address, Tokens{.left = most, .at = now});
  Tokens& tokens = at->second;
  const double passed = std::chrono::duration<double>(now - tokens.at).count();
  tokens.left = std::min(most, tokens.left + passed * *server.ration);
  tokens.at = now;
  if (tokens.left < 1) return true;
  tokens.left -= 1;
  return false;
}

void World::serve(Instant now, const SimulatedServer& server, const Flying& flying) {
  const bool at_other = flying.to.address == server.other.address;
  if (server.kind == ServerKind::dead || (at_other && server.kind == ServerKind::other_dead))
    return;
  const auto request = wire::parse_stun(flying.bytes);
  if (!request || is_rationed(now, server)) return;
  wire::StunMessage answer{.kind = wire::StunClass::success, .transaction = request->transaction};
  answer.xor_mapped = flying.from;
  if (server.kind != ServerKind::plain) answer.other = other_of(server, flying);
  if (random_.chance(server.wrong_transaction)) random_.fill(answer.transaction);
  Endpoint from = flying.to;
  if (request->change) {
    if (server.kind == ServerKind::never_changes) return;
    if (server.kind == ServerKind::refuses_change) {
      answer.kind = wire::StunClass::error;
      answer.error_code = std::uint16_t{420};
    }
    if (server.kind == ServerKind::honest || server.kind == ServerKind::same_address) {
      if (request->change->address)
        from.address = at_other ? server.primary.address : server.other.address;
      if (request->change->port)
        from.port = from.port == server.primary.port ? server.other.port : server.primary.port;
    }
  }
  const bool late = request->change || !server.changes_late;
  const Nanoseconds wait = late ? random_.between(Nanoseconds(0), server.late) : Nanoseconds(0);
  launch(now + wait, from, flying.from, wire::build_stun(answer));
}

Outcome World::run() {
  const Instant start{seconds(1000)};
  Instant now = start;
  NatBehaviour engine(config_, random_, now);
  send(now, engine);
  while (!engine.done()) {
    const Instant timeout = *engine.next_timeout();
    if (!flying_.empty() && flying_.top().arrives <= timeout) {
      Flying next = flying_.top();
      flying_.pop();
      now = next.arrives;
      arrive(now, engine, std::move(next));
    } else {
      now = timeout;
      engine.handle_timeout(now);
    }
    send(now, engine);
  }
  return {engine.result(), now - start};
}

}  // namespace

void SeededRandom::fill(std::span<std::byte> out) {
  for (std::byte& byte : out) byte = static_cast<std::byte>(engine_());
}

bool SeededRandom::chance(double probability) {
  return std::uniform_real_distribution<>(0, 1)(engine_) < probability;
}

std::size_t SeededRandom::below(std::size_t bound) {
  return std::uniform_int_distribution<std::size_t>(0, bound - 1)(engine_);
}

Nanoseconds SeededRandom::between(Nanoseconds least, Nanoseconds most) {
  return Nanoseconds(
      std::uniform_int_distribution<Nanoseconds::rep>(least.count(), most.count())(engine_));
}

std::uint64_t worlds_to_try(std::uint64_t in_the_suite) {
  const char* const wanted = std::getenv("WGSCOPE_WORLDS");
  return wanted == nullptr ? in_the_suite : std::stoull(wanted);
}

Nanoseconds SimulatedNat::lifetime_of(Instant now, const Mapping& mapping) const {
  if (truth_.changes && now - first_.value_or(now) >= *truth_.changes) return truth_.lifetime_then;
  return mapping.stream ? truth_.stream_lifetime : truth_.lifetime;
}

void SimulatedNat::expire(Instant now) {
  std::erase_if(mappings_, [&](const Mapping& mapping) {
    return now - mapping.last > lifetime_of(now, mapping);
  });
}

bool SimulatedNat::is_outer(const Endpoint& endpoint) const {
  IpAddress address = outer_;
  for (std::size_t i = 0; i < truth_.addresses; ++i) {
    if (endpoint.address == address) return true;
    address.bytes[3] = static_cast<std::byte>(std::to_integer<unsigned>(address.bytes[3]) + 1);
  }
  return false;
}

Endpoint SimulatedNat::key_of(const Endpoint& to) const {
  switch (truth_.mapping) {
    case NatMapping::address_dependent: return {to.address, 0, 0};
    case NatMapping::address_and_port_dependent: return to;
    default: return {};
  }
}

Endpoint SimulatedNat::outer_for(const Endpoint& inner, const Endpoint& key) const {
  if (truth_.mapping == NatMapping::none) return inner;
  Endpoint outer{outer_, 0, inner.port};
  if (truth_.addresses > 1)
    outer.address.bytes[3] =
        static_cast<std::byte>(std::to_integer<unsigned>(outer_.bytes[3]) +
                               static_cast<unsigned>(random_->below(truth_.addresses)));
  // What is let in from anywhere must be for one socket.
  const bool shared = truth_.filtering == NatFiltering::address_and_port_dependent;
  const auto is_taken = [&] {
    return std::ranges::any_of(mappings_, [&](const Mapping& m) {
      return m.outer == outer && (m.key == key || (!shared && m.inner != inner));
    });
  };
  if (truth_.keeps_ports && !is_taken()) return outer;
  do outer.port = static_cast<std::uint16_t>(1024 + random_->below(64000));
  while (is_taken());
  return outer;
}

std::optional<Endpoint> SimulatedNat::outbound(Instant now, const Endpoint& inner,
                                               const Endpoint& to) {
  if (!first_) first_ = now;
  if (truth_.drops > 0 && random_->chance(truth_.drops)) return std::nullopt;
  expire(now);
  const Endpoint key = key_of(to);
  auto found = std::ranges::find_if(
      mappings_, [&](const Mapping& m) { return m.inner == inner && m.key == key; });
  if (found == mappings_.end()) {
    mappings_.push_back(
        {.inner = inner, .key = key, .outer = outer_for(inner, key), .made = now, .last = now});
    found = mappings_.end() - 1;
  }
  found->last = now;
  if (found->replied && now - found->made > seconds(2)) found->stream = true;
  found->sent_to.push_back(to);
  return found->outer;
}

bool SimulatedNat::lets_in(const Mapping& mapping, const Endpoint& from) const {
  return std::ranges::any_of(mapping.sent_to, [&](const Endpoint& to) {
    switch (truth_.filtering) {
      case NatFiltering::endpoint_independent: return true;
      case NatFiltering::address_dependent: return to.address == from.address;
      default: return to == from;
    }
  });
}

std::optional<Endpoint> SimulatedNat::inbound(Instant now, const Endpoint& from,
                                              const Endpoint& outer) {
  expire(now);
  for (Mapping& mapping : mappings_) {
    if (mapping.outer != outer || !lets_in(mapping, from)) continue;
    mapping.replied = true;
    if (now - mapping.made > seconds(2)) mapping.stream = true;
    if (truth_.inbound_refreshes) mapping.last = now;
    return mapping.inner;
  }
  return std::nullopt;
}

Outcome run(const Scenario& scenario) { return World(scenario).run(); }

SimulatedServer server(unsigned last, ServerKind kind) {
  SimulatedServer server{.primary = {ipv4(198, 51, 100, last), 0, 3478},
                         .other = {ipv4(198, 51, 100, last + 100), 0, 3479},
                         .kind = kind};
  if (kind == ServerKind::same_address) server.other.address = server.primary.address;
  return server;
}

}  // namespace wgscope::path::testing
