#include "fleet.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <utility>

#include <fmt/format.h>

#include "faults.hpp"

namespace wgscope::simulator {
namespace {

using namespace std::chrono_literals;

/// Prometheus' default, which must not be longer than the interval.
Time scrape_timeout(Time interval) { return std::min<Time>(10s, interval); }

bool reserved(const Fleet::Member& member, Time from, Time to) {
  return std::any_of(member.reserved.begin(), member.reserved.end(),
                     [&](const auto& span) { return span.first <= to && from <= span.second; });
}

}  // namespace

Fleet::~Fleet() = default;

Fleet::Fleet(const FleetOptions& options, const Promises& promises)
    : options_(options),
      day_(day_of_change(options.first_gateway / options.gateways % 2 == 0)),
      chance_(options.seed * 1'000'003 + static_cast<std::uint64_t>(options.first_gateway)) {
  for (int i = 0; i < options.gateways; ++i) {
    Member& member = members_.emplace_back(
        clock_, chance_, fmt::format("gw{:03}", options.first_gateway + i), options.counters);
    if (options.inventory) give_inventory(member);
    populate(member, i);
    member.phase = options.slot * static_cast<std::int64_t>(chance_.below(static_cast<std::size_t>(
                                      options.scrape_interval / options.slot)));
  }
  if (options.faults) {
    faults_ = std::make_unique<Faults>(*this, promises);
    faults_->schedule();
  }
  for (Member& member : members_) {
    schedule_ordinary_life(member);
    schedule_scrapes(member);
  }
}

std::vector<const Target*> Fleet::targets() const {
  std::vector<const Target*> all;
  for (const Member& member : members_) all.push_back(&member.target);
  return all;
}

void Fleet::populate(Member& member, int number) {
  // The last in a namespace, every other one in userspace.
  member.gateway.add_interface("wg0", "", number % 2 == 1);
  member.gateway.add_interface("wg1", number == options_.gateways - 1 ? "edge" : "",
                               number % 2 == 0);
  const auto& interfaces = member.gateway.interfaces();
  if (member.operators)
    for (const auto& interface : interfaces) member.operators->declare_interface(*interface);
  for (int i = 0; i < options_.peers_per_gateway; ++i) {
    Interface& interface = *interfaces[i % 4 == 3 ? 1 : 0];
    const std::string key = key_text(member.gateway.name(), fmt::format("peer{:04}", i));
    Peer& peer = member.gateway.add_peer(interface, key, fmt::format("peer {}", i));
    if (member.operators)
      add_declared_peer(member, interface, peer, i);
    else
      lives_.push_back(make_life(peer, i));
  }
}

void Fleet::give_inventory(Member& member) {
  member.gateway.set_epoch(day_.epoch());
  member.registry = std::make_unique<Registry>(clock_, chance_, member.gateway.name());
  member.operators =
      std::make_unique<Operators>(clock_, chance_, member.gateway, *member.registry, day_);
  member.exporter.use(*member.registry);
}

/// As without an inventory, but every sixth laptop is a machine with hours.
void Fleet::add_declared_peer(Member& member, Interface& interface, Peer& peer, int number) {
  using config::ExpectedOnline;
  const int tenth = number % 10;
  Operators::Terms terms;
  if (tenth == 5) {
    const std::vector<LocalHours> hours = some_hours();
    terms = {ExpectedOnline::scheduled, hours[chance_.below(hours.size())]};
    lives_.push_back(make_office(clock_, chance_, peer, spans_of(*terms.hours, day_)));
  } else {
    lives_.push_back(make_life(peer, number));
    if (lives_.back()->always_online()) terms.online = ExpectedOnline::always;
    if (tenth < 5) terms.kind = Operators::Kind::laptop;
    if (tenth == 7) terms.kind = Operators::Kind::site;
    terms.named_endpoint = terms.kind == Operators::Kind::site && number / 10 % 2 == 0;
  }
  member.operators->declare(interface, peer, *lives_.back(), terms);
}

/// Of a hundred: 60 laptops, 12 phones, 12 sites, 3 streams, 4 receivers, 4 sensors, 5 unused.
std::unique_ptr<Life> Fleet::make_life(Peer& peer, int number) {
  const int tenth = number % 10;
  const int round = number / 10;
  if (tenth < 6) return make_laptop(clock_, chance_, peer, options_.messages);
  if (tenth == 6) return make_phone(clock_, chance_, peer);
  if (tenth == 7) return make_site(clock_, chance_, peer);
  if (tenth == 8) {
    switch (round % 5) {
      case 0: return make_stream(clock_, chance_, peer);
      case 1: return make_receiver(clock_, chance_, peer);
      case 2: return make_sensor(clock_, chance_, peer);
      case 3: return make_site(clock_, chance_, peer);
      default: return make_phone(clock_, chance_, peer);
    }
  }
  return round % 2 == 0 ? make_unused(clock_, chance_, peer)
                        : (round % 4 == 1 ? make_receiver(clock_, chance_, peer)
                                          : make_sensor(clock_, chance_, peer));
}

void Fleet::run() {
  for (Member& member : members_) {
    member.gateway.start();
    if (member.registry) member.registry->start();
    member.exporter.start();
  }
  for (const auto& life : lives_) life->start();
  clock_.run_until(options_.duration);
}

void Fleet::schedule_scrapes(Member& member) {
  clock_.at(member.phase, [this, &member] { scrape(member); });
}

void Fleet::scrape(Member& member) {
  clock_.after(options_.scrape_interval, [this, &member] { scrape(member); });
  if (std::ranges::any_of(pauses_, [this](const Pause& p) { return clock_.now() < p.end; })) return;
  const std::int64_t slot = clock_.now() / options_.slot;
  const Time timeout = scrape_timeout(options_.scrape_interval);
  double duration = chance_.between(0.004, 0.08);
  if (chance_.happens(0.01))
    duration = chance_.between(0.1, 0.9) * static_cast<double>(timeout.count()) / 1e3;
  if (member.slow)
    duration = chance_.between(0.6, 0.9) * static_cast<double>(timeout.count()) / 1e3;
  const bool refused = !member.gateway.running() || !member.exporter.running();
  const bool quiet = reserved(member, clock_.now(), clock_.now());
  const bool timed_out = chance_.happens(0.001) && !quiet;
  const bool lost = !member.reachable || timed_out;
  if (!refused && !lost) {
    // An interrupted dump, now and then.
    const bool interrupted = chance_.happens(0.001) && !quiet;
    if (interrupted) member.exporter.set_collector_failing(true);
    member.exporter.write(slot);
    if (interrupted) member.exporter.set_collector_failing(false);
  }
  if (lost) duration = static_cast<double>(timeout.count()) / 1e3;
  note_outage(member, refused || lost);
  member.target.series("up").sample(slot, refused || lost ? 0 : 1);
  member.target.series("scrape_duration_seconds").sample(slot, refused ? 0.001 : duration);
  member.target.end_scrape(slot);
}

/// Two short outages may follow each other at once, and a scrape that succeeds in between may fall
/// between two evaluations. Then the alert is right.
void Fleet::note_outage(Member& member, bool failed) {
  constexpr Time kLong = 4min;
  constexpr Time kUnseen = 30s;
  const Time now = clock_.now();
  if (failed) {
    if (!member.failing_since || (member.well_since && now - *member.well_since > kUnseen))
      member.failing_since = now;
    member.well_since.reset();
    return;
  }
  if (!member.failing_since || member.well_since) return;
  member.well_since = now;
  if (now - *member.failing_since >= kLong)
    truths_.push_back({"scrapes failed for minutes",
                       "WireGuardExporterDown",
                       {member.gateway.name() + ":9586", "", ""},
                       *member.failing_since,
                       now});
}

void Fleet::ordinarily(Member& member, double per_day, Time lasts,
                       const std::function<void()>& event) {
  const double expected =
      per_day * std::chrono::duration<double, std::ratio<86400>>(options_.duration).count();
  const int times = static_cast<int>(std::floor(expected + chance_.fraction()));
  for (int i = 0; i < times; ++i) {
    const Time time = chance_.between(5min, options_.duration);
    if (!reserved(member, time, time + lasts)) clock_.at(time, event);
  }
}

void Fleet::schedule_ordinary_life(Member& member) {
  ordinarily(member, 2, 1min, [this, &member] { reload(member); });
  ordinarily(member, 1, 5min, [this, &member] { reboot(member); });
  ordinarily(member, 2, 1min, [this, &member] { restart_exporter(member); });
  ordinarily(member, 3, 4min, [this, &member] { lose_way(member); });
  if (member.operators) schedule_deployments(member);
  if (&member != &members_.back()) return;
  // Of Prometheus itself, and so of all gateways at once: an upgrade, a machine that is too busy.
  Member everybody(clock_, chance_, "", false);
  for (const Member& each : members_)
    everybody.reserved.insert(everybody.reserved.end(), each.reserved.begin(), each.reserved.end());
  ordinarily(everybody, 3, 8min, [this] {
    pauses_.push_back({clock_.now(), clock_.now() + chance_.between(20s, 8min)});
  });
}

void Fleet::schedule_deployments(Member& member) {
  Operators& operators = *member.operators;
  const auto at_times = [&](double per_day, void (Operators::*happens)()) {
    ordinarily(member, per_day, Operators::kDeployment,
               [&operators, happens] { (operators.*happens)(); });
  };
  at_times(2, &Operators::add_laptop);
  at_times(1, &Operators::add_site);
  at_times(1, &Operators::remove_laptop);
  at_times(1, &Operators::extend_allowed_ips);
  at_times(1, &Operators::move_allowed_ip);
  at_times(0.5, &Operators::change_keepalive);
  at_times(0.5, &Operators::change_port);
  at_times(0.5, &Operators::add_interface);
  at_times(0.5, &Operators::exempt_interface);
  at_times(2, &Operators::rotate_key);
  at_times(2, &Operators::move_named_site);
  at_times(2, &Operators::restart_router);
  at_times(1, &Operators::break_inventory);
  at_times(1, &Operators::lose_name_server);
}

void Fleet::reload(Member& member) {
  if (!member.gateway.running()) return;
  Interface& interface = *member.gateway.interfaces()[chance_.below(2)];
  member.gateway.delete_interface(interface);
  clock_.after(chance_.between(200ms, 20s), [&member, &interface] {
    if (member.gateway.running() && !interface.present) member.gateway.create_interface(interface);
  });
}

/// Down for a minute or two. The machine's own clock is off until NTP sets it, some time after the
/// exporter started.
void Fleet::reboot(Member& member) {
  if (!member.gateway.running()) return;
  member.exporter.stop();
  member.gateway.stop();
  clock_.after(chance_.between(40s, 150s), [this, &member] {
    constexpr std::array kOff{Time(0), Time(-400), Time(3s), Time(-90s), Time(1h), Time(-1h)};
    member.gateway.boot(kOff[chance_.below(kOff.size())]);
    clock_.after(chance_.between(1s, 15s), [&member] { member.exporter.start(); });
    clock_.after(chance_.between(10s, 90s), [this, &member] { set_clock_right(member); });
  });
}

void Fleet::set_clock_right(Member& member) {
  const std::string instance = member.gateway.name() + ":9586";
  if (std::chrono::abs(member.gateway.clock_offset()) > 1s)
    truths_.push_back({"NTP set the clock after a boot",
                       "WireGuardClockStep",
                       {instance, "", ""},
                       clock_.now(),
                       clock_.now()});
  member.gateway.step_clock(0s);
  // A peer that heard of the future ignores this gateway until then, unless it initiates itself.
  for (const auto& interface : member.gateway.interfaces())
    for (const auto& peer : interface->peers)
      if (const auto until = peer->device().side().ignores_until();
          until && *until > clock_.now() + 1s)
        truths_.push_back(
            {"a peer ignores handshakes older than those from before the clock was set back",
             "WireGuardPeerUnanswered",
             {instance, interface->name, peer->key()},
             clock_.now(),
             *until,
             false,
             {"WireGuardPeerUnexpectedlyOffline"}});
}

void Fleet::restart_exporter(Member& member) {
  if (!member.exporter.running()) return;
  member.exporter.stop();
  clock_.after(chance_.between(500ms, 5s), [&member] {
    if (member.gateway.running()) member.exporter.start();
  });
}

void Fleet::lose_way(Member& member) {
  member.reachable = false;
  clock_.after(chance_.between(10s, 200s), [&member] { member.reachable = true; });
}

}  // namespace wgscope::simulator
