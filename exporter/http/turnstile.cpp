#include "exporter/http/turnstile.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <tuple>
#include <utility>
#include <vector>

#include "wgscope/base/time.hpp"
#include "wgscope/model/address.hpp"

#include "exporter/http/origin.hpp"

namespace wgscope::exporter::http {
namespace {

using namespace std::chrono_literals;

constexpr Nanoseconds kRateWindow = 10s;
constexpr Nanoseconds kPatienceForSlow = 1s;   // while others wait
constexpr Nanoseconds kPatienceForAll = 10s;   // as well: Prometheus' default scrape timeout
constexpr std::uint64_t kBriskness = 4;        // times the least rate, for more patience
constexpr Nanoseconds kPause = 500ms;          // between an address' claims to a kept worker
constexpr Nanoseconds kSecond = 1s;            // an address' first handshake in it is free
constexpr int kRestAfterHandshakes = 3;        // times as long as they took
constexpr Nanoseconds kMemory = 60s;           // of who read too slowly
constexpr std::size_t kMostOrigins = 4096;     // with those that are remembered
constexpr Nanoseconds kLookAtReaders = 250ms;  // how far apart

std::uint64_t rate(std::uint64_t bytes, Nanoseconds time) {
  const double seconds = std::chrono::duration<double>(std::max(time, Nanoseconds(1ms))).count();
  return static_cast<std::uint64_t>(static_cast<double>(bytes) / seconds);
}

}  // namespace

Turnstile::Admission Turnstile::admit(const IpAddress& address, Instant now) {
  const Origin origin = origin_of(address);
  if (origins_.size() >= kMostOrigins) forget_origins(now);
  Admission admission;
  const auto known = origins_.find(origin);
  const std::size_t its_own = known == origins_.end() ? 0 : known->second.connections;
  if (its_own >= limits_.per_address || count_ >= limits_.connections) {
    const bool crowded = its_own >= limits_.per_address;
    const Counts* only = crowded ? &known->second : nullptr;
    const std::size_t at_least = crowded ? 0 : its_own;
    admission.evicted = longest([](State s) { return s == State::idle; }, only, at_least);
    if (!admission.evicted) {
      admission.full = crowded ? Full::address : Full::everything;
      admission.evicted = longest(is_waiting, only, at_least);
    }
    if (!admission.evicted && !crowded) admission.evicted = last_of_a_crowd(its_own + 1);
  }
  if (admission.full != Full::no && !admission.evicted) return admission;
  if (admission.evicted) end(*admission.evicted);

  Id id = static_cast<Id>(clients_.size());
  if (free_.empty()) {
    clients_.emplace_back();
  } else {
    id = free_.back();
    free_.pop_back();
  }
  const auto counts = origins_.try_emplace(origin).first;
  clients_[id] = {.state = State::waiting, .origin = counts, .since = now};
  ++counts->second.connections;
  ++count_;
  admission.id = id;
  return admission;
}

/// The one that has been in a state longest.
/// @param meant  whether a state is.
/// @param only  of this origin; nullptr: of the origin with most connections that has any.
/// @param at_least  so many connections has its origin, so that a crowd sends nobody away who is alone.
template <class Meant>
std::optional<Turnstile::Id> Turnstile::longest(Meant meant, const Counts* only,
                                                std::size_t at_least) const {
  std::optional<Id> found;
  std::size_t most = at_least;
  for (Id id = 0; id < clients_.size(); ++id) {
    const Client& client = clients_[id];
    if (!meant(client.state) || (only != nullptr && &client.origin->second != only)) continue;
    const std::size_t crowd = client.origin->second.connections;
    if (crowd < most || (found && crowd == most && client.since >= clients_[*found].since))
      continue;
    found = id;
    most = crowd;
  }
  return found;
}

/// Of those that have sent their requests, the last one of the origin with most connections.
/// @param larger_than  as many connections are no crowd.
std::optional<Turnstile::Id> Turnstile::last_of_a_crowd(std::size_t larger_than) const {
  std::optional<Id> found;
  std::pair<std::size_t, std::uint64_t> most{larger_than, UINT64_MAX};
  for (Id id = 0; id < clients_.size(); ++id) {
    const Client& client = clients_[id];
    if (client.state != State::ready) continue;
    const std::pair rank{client.origin->second.connections, client.turn};
    if (rank <= most) continue;
    found = id;
    most = rank;
  }
  return found;
}

void Turnstile::ready(Id id) {
  Client& client = clients_[id];
  if (client.state != State::waiting) return;
  set_state(client, State::ready);
  client.turn = turns_++;
}

void Turnstile::greets(Id id) {
  Client& client = clients_[id];
  if (client.state != State::waiting) return;
  set_state(client, State::greeting);
  client.turn = turns_++;
}

/// Whose turn it is among those of whom somebody waits for a handshake; the end: none.
Turnstile::Origins::const_iterator Turnstile::first_greeting() const {
  auto best = origins_.end();
  if (greeting_ == 0) return best;
  for (auto origin = origins_.begin(); origin != origins_.end(); ++origin)
    if (origin->second.greeting > 0 &&
        (best == origins_.end() || origin->second.greeted < best->second.greeted))
      best = origin;
  return best;
}

bool Turnstile::may_shake_hands(const Counts& counts, Instant now) const {
  const bool is_first = !counts.greeted || now - *counts.greeted >= kSecond;
  return is_first || now >= handshakes_pause_;
}

std::optional<Turnstile::Id> Turnstile::next_handshake(Instant now) {
  const auto best = first_greeting();
  if (best == origins_.end() || !may_shake_hands(best->second, now)) return std::nullopt;
  std::optional<Id> found;
  for (Id id = 0; id < clients_.size(); ++id)
    if (clients_[id].state == State::greeting && &clients_[id].origin->second == &best->second &&
        (!found || clients_[id].turn < clients_[*found].turn))
      found = id;
  clients_[*found].origin->second.greeted = now;
  set_state(clients_[*found], State::waiting);
  return found;
}

void Turnstile::shook_hands(Nanoseconds took, Instant now) {
  handshakes_pause_ = now + took * kRestAfterHandshakes;
}

/// Keeps the counts of states.
void Turnstile::set_state(Client& client, State state) {
  Counts& counts = client.origin->second;
  const auto count = [&](State counted, std::size_t& all, std::size_t* of_origin) {
    const int change = (state == counted ? 1 : 0) - (client.state == counted ? 1 : 0);
    all += static_cast<std::size_t>(change);
    if (of_origin != nullptr) *of_origin += static_cast<std::size_t>(change);
  };
  count(State::ready, ready_, nullptr);
  count(State::greeting, greeting_, &counts.greeting);
  count(State::serving, serving_, &counts.serving);
  client.state = state;
}

std::optional<Turnstile::Id> Turnstile::next(Instant now) {
  if (ready_ == 0 || serving_ >= limits_.serving) return std::nullopt;
  const std::size_t most_of_one = std::max<std::size_t>(1, limits_.serving / 2);
  std::optional<Id> best;
  std::tuple<std::size_t, std::uint64_t, std::uint64_t> best_rank;
  for (Id id = 0; id < clients_.size(); ++id) {
    const Client& client = clients_[id];
    if (client.state != State::ready) continue;
    const Counts& counts = client.origin->second;
    const std::tuple rank{counts.serving, counts.served_last, client.turn};
    if (counts.serving >= most_of_one || (best && rank > best_rank)) continue;
    if (limits_.serving - serving_ <= kept() && !may_take_kept(counts, now)) continue;
    best = id;
    best_rank = rank;
  }
  if (!best) return std::nullopt;
  Client& client = clients_[*best];
  set_state(client, State::serving);
  client.since = now;
  client.hurries = client.served && now - *client.served < limits_.request_interval;
  client.served = now;
  Counts& counts = client.origin->second;
  counts.served_last = ++services_;
  counts.kept_from_until = std::max(counts.kept_from_until.value_or(now), now + kPause);
  return best;
}

bool Turnstile::may_take_kept(const Counts& counts, Instant now) const {
  return counts.serving == 0 && (!counts.kept_from_until || now >= *counts.kept_from_until);
}

/// Only those whose time is over, unless somebody has so many addresses that they would fill the
/// memory.
void Turnstile::forget_origins(Instant now) {
  std::erase_if(origins_, [&](const auto& entry) {
    const Counts& counts = entry.second;
    return counts.connections == 0 && (!counts.kept_from_until || now >= *counts.kept_from_until) &&
           (!counts.greeted || now - *counts.greeted >= kSecond);
  });
  if (origins_.size() < kMostOrigins) return;
  std::erase_if(origins_, [](const auto& entry) { return entry.second.connections == 0; });
}

void Turnstile::end(Id id) {
  Client& client = clients_[id];
  if (client.state == State::free) return;
  set_state(client, State::free);
  if (client.leaves) --told_to_leave_;
  const auto counts = client.origin;
  if (--counts->second.connections == 0 && !counts->second.kept_from_until &&
      !counts->second.greeted)
    origins_.erase(counts);
  client = {};
  --count_;
  free_.push_back(id);
}

bool Turnstile::may_stay(Id id) const {
  const Client& client = clients_[id];
  return client.state == State::serving && !client.leaves && !client.hurries &&
         limits_.idle_time != Nanoseconds(0);
}

bool Turnstile::answered(Id id, Instant now) {
  if (!may_stay(id)) return false;
  Client& client = clients_[id];
  set_state(client, State::idle);
  client = {.state = State::idle, .origin = client.origin, .since = now, .served = client.served};
  return true;
}

void Turnstile::begins(Id id, Instant now) {
  Client& client = clients_[id];
  if (client.state != State::idle) return;
  set_state(client, State::waiting);
  client.since = now;
}

void Turnstile::progress(Id id, const Progress& progress, Instant now) {
  Client& client = clients_[id];
  if (client.state != State::serving) return;
  if (!client.reading && (progress.owing || progress.acknowledged > 0)) {
    client.reading = now;
    client.mark = now;
  }
  client.acknowledged = progress.acknowledged;
  client.owing = progress.owing;
}

bool Turnstile::is_too_slow(Client& client, Instant now) const {
  if (!client.reading || !client.owing) return false;
  if (now - *client.reading >= limits_.answer_time) return true;
  if (now - client.mark < kRateWindow) return false;
  const std::uint64_t seen =
      rate(client.acknowledged - client.mark_acknowledged, now - client.mark);
  client.mark = now;
  client.mark_acknowledged = client.acknowledged;
  return seen < limits_.least_rate;
}

Turnstile::Overdue Turnstile::overdue(Instant now) {
  Overdue overdue;
  for (Id id = 0; id < clients_.size(); ++id) {
    Client& client = clients_[id];
    if (is_waiting(client.state) && now - client.since >= limits_.head_time)
      overdue.heads.push_back(id);
    if (client.state == State::idle && now - client.since >= limits_.idle_time)
      overdue.idle.push_back(id);
    if (client.state == State::serving && !client.leaves && is_too_slow(client, now))
      overdue.readers.push_back(id);
  }
  make_room(overdue.readers, now);
  for (const Id id : overdue.readers) {
    clients_[id].leaves = true;
    clients_[id].origin->second.kept_from_until = now + kMemory;
  }
  told_to_leave_ += overdue.readers.size();
  return overdue;
}

/// @param readers  that have to leave anyway; others are added.
void Turnstile::make_room(std::vector<Id>& readers, Instant now) {
  const std::size_t free = limits_.serving - serving_ + told_to_leave_ + readers.size();
  if (ready_ + kept() <= free || now < makes_room_again_) return;
  std::vector<std::pair<std::uint64_t, Id>> slow;
  for (Id id = 0; id < clients_.size(); ++id) {
    const Client& client = clients_[id];
    if (client.state != State::serving || client.leaves || !client.reading || !client.owing)
      continue;
    if (std::ranges::find(readers, id) != readers.end()) continue;
    const Nanoseconds time = now - *client.reading;
    const std::uint64_t speed = rate(client.acknowledged, time);
    const bool sluggish = speed < kBriskness * limits_.least_rate;
    if (time >= kPatienceForAll || (time >= kPatienceForSlow && sluggish))
      slow.emplace_back(speed, id);
  }
  std::ranges::sort(slow);
  // Those who come in their places cost as much as they do, all at once: a scrape beside them would
  // wait for it.
  const std::size_t most = std::max<std::size_t>(1, limits_.serving / 4);
  const std::size_t wanted = std::min(most, ready_ + kept() - free);
  for (std::size_t i = 0; i < std::min(wanted, slow.size()); ++i) readers.push_back(slow[i].second);
  if (!slow.empty()) makes_room_again_ = now + kLookAtReaders;
}

std::optional<Instant> Turnstile::next_look(Instant now) const {
  std::optional<Instant> next;
  if (serving_ > 0) next = now + kLookAtReaders;
  if (const auto best = first_greeting(); best != origins_.end()) {
    const Instant then = may_shake_hands(best->second, now) ? now : handshakes_pause_;
    next = std::min(next.value_or(then), then);
  }
  for (const Client& client : clients_) {
    if (!is_waiting(client.state) && client.state != State::idle) continue;
    const Instant end =
        client.since + (client.state == State::idle ? limits_.idle_time : limits_.head_time);
    next = std::min(next.value_or(end), end);
  }
  return next;
}

std::vector<Turnstile::Id> Turnstile::cut_those_reading_since_before(Instant then) {
  std::vector<Id> found;
  for (Id id = 0; id < clients_.size(); ++id) {
    Client& client = clients_[id];
    if (client.state != State::serving || client.leaves || !client.owing || client.since >= then)
      continue;
    client.leaves = true;
    found.push_back(id);
  }
  told_to_leave_ += found.size();
  return found;
}

std::vector<Turnstile::Id> Turnstile::served() const {
  std::vector<Id> served;
  for (Id id = 0; id < clients_.size(); ++id)
    if (clients_[id].state == State::serving) served.push_back(id);
  return served;
}

}  // namespace wgscope::exporter::http
