#include "faults.hpp"

#include <algorithm>
#include <chrono>
#include <stdexcept>
#include <utility>

#include <fmt/format.h>

#include "traffic.hpp"

namespace wgscope::simulator {
namespace {

using namespace std::chrono_literals;

/// What rules look back at before a fault of a peer: TurnedOneWay wants 45 min of answers.
constexpr Time kHistory = 50min;
/// After the alert: for it to resolve, and be forgotten.
constexpr Time kAftermath = 3min;
/// After the start, and after what a fault needs.
constexpr Time kWarmUp = 5min;

void set_secrets_differ(Peer& peer, bool differ) {
  peer.side().set_responses_fail(differ);
  peer.device().side().set_responses_fail(differ);
}

}  // namespace

void Faults::schedule() {
  faults_of_peers();
  if (fleet_->options_.inventory) declared_faults();
  faults_of_gateways();
}

Time Faults::duration_of(const Fault& fault) const {
  return promises_->at(fault.alert) + kAftermath;
}

void Faults::plan(Fault fault, Fleet::Member& member, const Scope& scope, Time from, Time to) {
  const Time duration = duration_of(fault);
  if (to - from < duration)
    throw std::runtime_error(
        fmt::format("the run is too short for {}: give more --hours", fault.alert));
  const Time begin = fault.at ? *fault.at : fleet_->chance_.between(from, to - duration);
  const Time end = fault.lasting ? fault.until.value_or(begin + duration) : begin;
  member.reserved.emplace_back(begin - std::max(kHistory, fault.lead + kWarmUp), begin + duration);
  fleet_->truths_.push_back(
      {fault.what, fault.alert, scope, begin, end, true, fault.also, fault.unsure});
  if (fault.prepare) fleet_->clock_.at(begin - fault.lead, std::move(fault.prepare));
  fleet_->clock_.at(begin, std::move(fault.begin));
  if (fault.lasting) fleet_->clock_.at(end, std::move(fault.end));
}

Faults::Place Faults::place(int gateway) {
  Fleet::Member& member = fleet_->members_[static_cast<std::size_t>(gateway)];
  return {member, *member.gateway.interfaces().front()};
}

void Faults::at_peer(int gateway, const std::string& name,
                     std::unique_ptr<Life> (*life)(Clock&, Chance&, Peer&),
                     const std::function<Fault(Peer&, Life&)>& fault) {
  const Place at = place(gateway);
  Peer& peer =
      at.member.gateway.add_peer(at.interface, key_text(at.member.gateway.name(), name), name);
  fleet_->lives_.push_back(life(fleet_->clock_, fleet_->chance_, peer));
  Life& made = *fleet_->lives_.back();
  Fault planned = fault(peer, made);
  if (at.member.operators) {
    Terms terms;
    if (made.always_online()) {
      terms.online = config::ExpectedOnline::always;
      planned.also.emplace_back("WireGuardPeerUnexpectedlyOffline");
    }
    at.member.operators->declare(at.interface, peer, made, terms);
  }
  plan_at(at, peer, std::move(planned));
}

void Faults::plan_at(const Place& at, const Peer& peer, Fault fault) {
  plan_at(at, peer.key(), std::move(fault));
}

void Faults::plan_at(const Place& at, const std::string& key, Fault fault) {
  const Time from = std::max(kHistory, fault.lead + kWarmUp);
  plan(std::move(fault), at.member, {at.member.gateway.name() + ":9586", at.interface.name, key},
       from, fleet_->options_.duration);
}

void Faults::faults_of_peers() {
  at_peer(0, "filtered", make_site, [](Peer& peer, Life&) {
    return Fault{"our replies are dropped", "WireGuardPeerRepliesLost",
                 [&peer] { peer.block_replies(true); }, [&peer] { peer.block_replies(false); }};
  });
  // Where the gateway initiates as well, whoever was first goes on, and the other one only
  // responds: if that is the gateway, it counts nothing that arrives, and the alert is
  // WireGuardPeerUnanswered.
  at_peer(1, "othersecret", make_sensor, [](Peer& peer, Life&) {
    return Fault{"the peer has another preshared key", "WireGuardPeerRepliesLost",
                 [&peer] { set_secrets_differ(peer, true); },
                 [&peer] { set_secrets_differ(peer, false); }};
  });
  at_peer(0, "dying", make_site, [](Peer& peer, Life&) {
    return Fault{"the peer dies", "WireGuardPeerUnanswered",
                 [&peer] { peer.device().set_connected(false); },
                 [&peer] { peer.device().set_connected(true); }};
  });
  at_peer(1, "absent", make_unused, [](Peer& peer, Life&) {
    return Fault{"a peer that never came is expected", "WireGuardPeerUnanswered",
                 [&peer] {
                   peer.device().set_connected(false);
                   peer.side().set_endpoint(Address{0x0c000001, 51820});
                   peer.side().set_keepalive(25s);
                 },
                 [&peer] { peer.side().set_keepalive(0s); }};
  });
  at_peer(0, "forgotten", make_site, [this](Peer& peer, Life& life) {
    return Fault{"the NAT before the peer forgets it", "WireGuardPeerUnanswered",
                 [this, &peer, &life] {
                   // The router restarts for longer than a handshake is tried, so nothing gets out that
                   // was still to be sent.
                   life.stop();
                   peer.device().set_connected(false);
                   peer.device().join(static_cast<std::uint32_t>(fleet_->chance_.below(1U << 24U)));
                   fleet_->clock_.after(2min, [&peer] { peer.device().set_connected(true); });
                 },
                 [&life] { life.start(); }};
  });
  at_peer(1, "silenced", make_stream, [](Peer& peer, Life&) {
    return Fault{"answers in the tunnel end", "WireGuardPeerTurnedOneWay",
                 [&peer] { peer.device().set_mute(true); },
                 [&peer] { peer.device().set_mute(false); }};
  });
  if (promises_->contains("WireGuardPeerEndpointFlapping"))
    at_peer(0, "doubled", make_site, [this](Peer& peer, Life&) {
      fleet_->later_lives_.push_back(make_double(fleet_->clock_, fleet_->chance_, peer));
      Life& second = *fleet_->later_lives_.back();
      return Fault{"one key on two machines", "WireGuardPeerEndpointFlapping",
                   [&second] { second.start(); }, [&second] { second.stop(); }};
    });
}

void Faults::in_turn(std::vector<Fault> faults, Fleet::Member& member, const Scope& scope) {
  const Time end = fleet_->options_.duration;
  Time needed{0};
  for (const Fault& fault : faults) needed += duration_of(fault) + kMemory;
  // What is left over is shared out, so that each may begin at any time of its turn.
  const Time spare = (end - kWarmUp - needed) / static_cast<std::int64_t>(faults.size());
  Time from = kWarmUp;
  for (Fault& fault : faults) {
    const Time to = from + duration_of(fault) + spare;
    plan(std::move(fault), member, scope, from, to);
    from = to + kMemory;
  }
}

std::vector<Faults::Fault> Faults::faults_of_interface(Gateway& gateway, Interface& interface) {
  const auto counting = [&](std::int64_t& counter, std::int64_t by) {
    repeaters_.push_back(std::make_unique<Repeater>(
        fleet_->clock_, [&counter, by] { counter += by; }, [] { return Time(1s); }));
    return repeaters_.back().get();
  };
  Repeater* frame_errors = counting(interface.frame_errors, 1);
  Repeater* socket_drops = counting(interface.socket_drops, 5);
  return {
      {"the interface is set down", "WireGuardInterfaceDown",
       [&] { gateway.set_interface_up(interface, false); },
       [&] { gateway.set_interface_up(interface, true); }},
      {"the interface is deleted",
       "WireGuardInterfaceGone",
       [&] { gateway.delete_interface(interface); },
       [&] { gateway.create_interface(interface); },
       true,
       {"WireGuardInterfaceMissing"}},  // where Prometheus itself pauses after it
      {"packets from outside of allowed IPs", "WireGuardFrameErrors",
       [frame_errors] { frame_errors->start(); }, [frame_errors] { frame_errors->stop(); }},
      {"the daemon is too slow for its socket", "WireGuardSocketDrops",
       [socket_drops] { socket_drops->start(); }, [socket_drops] { socket_drops->stop(); }},
      {"peers are removed and added again",
       "WireGuardCountersReset",
       [&] {
         for (const auto& peer : interface.peers) peer->replace();
       },
       {},
       false},
      {"the interface cannot be read", "WireGuardInterfaceUnreadable",
       [&] { interface.readable = false; }, [&] { interface.readable = true; }},
  };
}

std::vector<Faults::Fault> Faults::faults_of_exporter(Fleet::Member& member) {
  return {
      {"the exporter is killed", "WireGuardExporterDown", [&] { member.exporter.stop(); },
       [&] { member.exporter.start(); }},
      {"a collector fails", "WireGuardCollectorFailing",
       [&] { member.exporter.set_collector_failing(true); },
       [&] { member.exporter.set_collector_failing(false); }},
      {"scrapes are slow", "WireGuardScrapeSlow", [&] { member.slow = true; },
       [&] { member.slow = false; }},
      {"the wall clock is set",
       "WireGuardClockStep",
       [&] { member.gateway.step_clock(fleet_->chance_.happens(0.5) ? Time(40s) : Time(-40s)); },
       {},
       false},
  };
}

void Faults::faults_of_gateways() {
  const auto member = [&](std::size_t number) -> Fleet::Member& {
    return fleet_->members_.at(number);
  };
  const auto scope = [](Fleet::Member& at) { return Scope{at.gateway.name() + ":9586", "", ""}; };
  for (const std::size_t number : {2U, 3U}) {
    Fleet::Member& at = member(number);
    Interface& interface = *at.gateway.interfaces().front();
    interface.userspace = true;
    std::vector<Fault> all = faults_of_interface(at.gateway, interface);
    std::vector<Fault> half;
    for (std::size_t i = number - 2; i < all.size(); i += 2) half.push_back(std::move(all[i]));
    if (at.operators)
      half.push_back(number == 2 ? missing_interface(at.gateway, interface)
                                 : other_port(interface));
    Scope narrow = scope(at);
    narrow.interface = interface.name;
    in_turn(std::move(half), at, narrow);
  }
  std::vector<Fault> of_exporter = faults_of_exporter(member(4));
  if (member(4).registry) of_exporter.push_back(broken_inventory(*member(4).registry));
  in_turn(std::move(of_exporter), member(4), scope(member(4)));
}

}  // namespace wgscope::simulator
