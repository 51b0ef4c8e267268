#include "wgscope/path/nat_behaviour.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "wgscope/base/random.hpp"
#include "wgscope/base/time.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/wire/stun.hpp"

// The order of requests matters, because sending opens filters (RFC 5780 §4.5):
//
//   servers   main -> each server. Two with different addresses show whether mappings differ.
//   others    main -> the other address of each server that has one. That shows whether anything
//             answers there, and whether the mapping depends on the address or on the port as well.
//   again     main -> everything that answered, once more. If a mapping is another one now, mappings
//             have come and gone during the run, and comparing them means nothing.
//             hairpin -> the server, to learn the mapping of `hairpin`.
//   rounds    filter -> one server, and nowhere else, asking for answers from other addresses.
//
// Rounds have two traps. A server may say that it has another address and never send from it, and
// its silence would look like the strictest filter. So `main`, which has sent to all these
// addresses and so lets their answers in, asks for the same (the proof); without a proof silence
// means nothing. And an answer that is lost would look like one that was filtered. So each probe
// has a plain request as a control beside it, and silence counts only where few enough controls
// were lost (silence_counts()).

namespace wgscope::path {
namespace {

/// Chosen: probes of a round are so far apart that one short outage does not lose several.
constexpr Nanoseconds kTick = std::chrono::milliseconds(250);
/// Chosen: answers to the last probes of a round are waited for so long.
constexpr Nanoseconds kGrace = std::chrono::milliseconds(1500);

constexpr std::size_t index(NatSocket socket) { return static_cast<std::size_t>(socket); }

bool is_answer(const wire::StunMessage& message) {
  return message.method == wire::kStunBinding && message.not_understood.empty() &&
         (message.kind == wire::StunClass::success ? message.mapped().has_value()
                                                   : message.kind == wire::StunClass::error);
}

/// Whether a server at `by` can have seen us as `mapped`.
bool may_be_seen(const Endpoint& mapped, const Endpoint& by) {
  const bool nobody = std::ranges::all_of(mapped.address.octets(),
                                          [](std::byte octet) { return octet == std::byte{0}; });
  return mapped.address.family == by.address.family && !nobody && mapped.port != 0;
}

}  // namespace

NatBehaviour::NatBehaviour(NatBehaviourConfig config, Random& random, Instant now)
    : config_(std::move(config)),
      random_(&random),
      others_(config_.servers.size(), OtherAddress::none) {
  for (std::size_t i = 0; i < config_.servers.size(); ++i)
    start(NatSocket::main, i, config_.servers[i], now);
  advance(now);
}

wire::StunTransaction NatBehaviour::new_transaction() {
  wire::StunTransaction transaction;
  random_->fill(transaction);
  return transaction;
}

void NatBehaviour::queue(NatSocket from, const Endpoint& to,
                         const wire::StunTransaction& transaction,
                         std::optional<wire::StunChange> change) {
  outbox_.push({from, to, wire::build_stun({.transaction = transaction, .change = change})});
  ++sent_;
}

void NatBehaviour::start(NatSocket socket, std::size_t server, const Endpoint& to, Instant now) {
  exchanges_.push_back(
      {.socket = socket, .server = server, .to = to, .transaction = new_transaction()});
  transmit(exchanges_.back(), now);
}

void NatBehaviour::transmit(Exchange& exchange, Instant now) {
  if (exchange.sent == kStunTransmissions) {
    exchange.state = State::failed;
    return;
  }
  queue(exchange.socket, exchange.to, exchange.transaction);
  const Nanoseconds wait = config_.first_timeout * (1 << exchange.sent);
  ++exchange.sent;
  exchange.next =
      now +
      (exchange.sent == kStunTransmissions ? config_.first_timeout * kStunLastWaitFactor : wait);
}

void NatBehaviour::handle_timeout(Instant now) {
  for (Exchange& exchange : exchanges_)
    if (exchange.state == State::waiting && exchange.next <= now) transmit(exchange, now);
  if (phase_ == Phase::rounds && next_tick_ <= now) tick(now);
  advance(now);
}

std::optional<Instant> NatBehaviour::next_timeout() const {
  if (done()) return std::nullopt;
  if (phase_ == Phase::rounds) return next_tick_;
  std::optional<Instant> first;
  for (const Exchange& exchange : exchanges_)
    if (exchange.state == State::waiting)
      first = std::min(first.value_or(exchange.next), exchange.next);
  return first;
}

void NatBehaviour::handle_unreachable(Instant now, NatSocket at, const Endpoint& destination) {
  for (Exchange& exchange : exchanges_) {
    if (exchange.state != State::waiting || exchange.socket != at || exchange.to != destination)
      continue;
    exchange.state = State::failed;
    exchange.unreachable = true;
  }
  advance(now);
}

void NatBehaviour::handle_datagram(Instant now, NatSocket at, const Endpoint& from,
                                   std::span<const std::byte> bytes) {
  const auto message = wire::parse_stun(bytes);
  if (!message) return;
  if (message->kind == wire::StunClass::request) {  // our own request came in at the other socket
    for (Probe& probe : probes_)
      if (probe.wanted && probe.expected_at == at && probe.expected_at != probe.from &&
          probe.transaction == message->transaction)
        probe.seen = true;
  } else if (is_answer(*message)) {
    handle_answer(at, from, *message);
  }
  advance(now);
}

void NatBehaviour::handle_answer(NatSocket at, const Endpoint& from,
                                 const wire::StunMessage& message) {
  for (Exchange& exchange : exchanges_) {
    if (exchange.transaction != message.transaction) continue;
    if (exchange.state != State::waiting || exchange.socket != at || exchange.to != from) return;
    const auto mapped = message.mapped();
    if (message.kind == wire::StunClass::success && !may_be_seen(*mapped, from)) {
      exchange.state = State::failed;
      exchange.untrue = mapped;
      return;
    }
    exchange.state = message.kind == wire::StunClass::success ? State::answered : State::failed;
    exchange.answer = message;
    return;
  }
  if (take_control(proof_controls_, message.transaction))
    return handle_probe_answer(probes_[kProofBoth], from, message);
  for (const NatSocket socket : {NatSocket::filter, NatSocket::main, NatSocket::hairpin}) {
    if (!take_control(controls_of(socket), message.transaction)) continue;
    // Mappings may also change during the rounds.
    const Exchange* first = find(socket, config_.servers[*control_]);
    if (first != nullptr && message.mapped() != first->answer.mapped()) changed_meanwhile_ = true;
    return;
  }
  for (Probe& probe : probes_)
    if (probe.wanted && probe.from == at && probe.change &&
        probe.transaction == message.transaction)
      return handle_probe_answer(probe, from, message);
  for (Exchange& exchange : exchanges_)
    if (exchange.socket == at && exchange.to == from && exchange.state == State::waiting)
      exchange.answers_others = true;
}

NatBehaviour::Controls& NatBehaviour::controls_of(NatSocket socket) {
  if (socket == NatSocket::filter) return filter_controls_;
  return socket == NatSocket::main ? main_controls_ : hairpin_controls_;
}

/// @returns whether it answers one of these controls.
bool NatBehaviour::take_control(Controls& controls, const wire::StunTransaction& transaction) {
  const auto found = std::ranges::find(controls.waiting, transaction);
  if (found == controls.waiting.end()) return false;
  controls.waiting.erase(found);
  ++controls.answered;
  return true;
}

void NatBehaviour::handle_probe_answer(Probe& probe, const Endpoint& from,
                                       const wire::StunMessage& message) {
  OtherAddress& other = others_[*tester_];
  if (message.kind == wire::StunClass::error) {
    other = OtherAddress::refused;
    return;
  }
  const Endpoint& server = config_.servers[*tester_];
  Endpoint expected = *find(NatSocket::main, server)->answer.other;
  if (!probe.change->address) expected.address = server.address;
  if (from != expected) {
    other = OtherAddress::ignored;
    return;
  }
  probe.seen = true;
  if (other == OtherAddress::unused) other = OtherAddress::proven;
}

bool NatBehaviour::all_settled() const {
  return std::ranges::none_of(exchanges_,
                              [](const Exchange& e) { return e.state == State::waiting; });
}

const NatBehaviour::Exchange* NatBehaviour::find(NatSocket socket, const Endpoint& to) const {
  const auto found = std::ranges::find_if(
      exchanges_, [&](const Exchange& e) { return e.socket == socket && e.to == to; });
  return found == exchanges_.end() ? nullptr : &*found;
}

bool NatBehaviour::answers(std::size_t server) const {
  return exchanges_[server].state == State::answered;
}

void NatBehaviour::advance(Instant now) {
  while (phase_ < Phase::rounds && all_settled()) {
    if (phase_ == Phase::servers)
      start_others(now);
    else if (phase_ == Phase::others)
      start_again(now);
    else
      start_rounds(now);
  }
  if (phase_ == Phase::rounds && nothing_to_ask()) phase_ = Phase::done;
}

void NatBehaviour::start_others(Instant now) {
  phase_ = Phase::others;
  const std::size_t servers = config_.servers.size();
  for (std::size_t i = 0; i < servers; ++i) {
    if (!answers(i)) continue;
    if (!control_) control_ = i;
    const std::optional<Endpoint> other = exchanges_[i].answer.other;
    if (!other) continue;
    const Endpoint& server = config_.servers[i];
    if (other->address.family != server.address.family || other->address == server.address ||
        other->port == server.port || other->port == 0) {
      others_[i] = OtherAddress::same;
      continue;
    }
    for (const Endpoint& to : {Endpoint{other->address, 0, server.port}, *other,
                               Endpoint{server.address, server.scope_id, other->port}})
      if (find(NatSocket::main, to) == nullptr) start(NatSocket::main, i, to, now);
  }
  if (!control_) phase_ = Phase::done;
}

void NatBehaviour::start_again(Instant now) {
  phase_ = Phase::again;
  for (std::size_t i = 0; i < config_.servers.size(); ++i) {
    if (!answers(i) || !exchanges_[i].answer.other || others_[i] == OtherAddress::same) continue;
    const Exchange* other = find(NatSocket::main, *exchanges_[i].answer.other);
    const bool there = other != nullptr && other->state == State::answered;
    others_[i] = there ? OtherAddress::unused : OtherAddress::silent;
    if (there && !tester_) tester_ = control_ = i;
  }
  again_ = exchanges_.size();
  start(NatSocket::main, *control_, config_.servers[*control_], now);
  start(NatSocket::hairpin, *control_, config_.servers[*control_], now);
  const std::vector<Exchange> before(exchanges_.begin(),
                                     exchanges_.begin() + static_cast<std::ptrdiff_t>(again_));
  for (const Exchange& exchange : before)
    if (exchange.state == State::answered && exchange.to != config_.servers[*control_])
      start(NatSocket::main, exchange.server, exchange.to, now);
}

void NatBehaviour::start_rounds(Instant now) {
  phase_ = Phase::rounds;
  next_tick_ = now;
  const Endpoint& server = config_.servers[*control_];
  const auto add = [&](ProbeIndex which, NatSocket from, NatSocket at, const Endpoint& to,
                       std::optional<wire::StunChange> change) {
    probes_[which] = {from, at, to, change, new_transaction(), false, true};
  };
  if (tester_) {
    constexpr wire::StunChange kBoth{.address = true, .port = true};
    constexpr wire::StunChange kPort{.address = false, .port = true};
    add(kFilterBoth, NatSocket::filter, NatSocket::filter, server, kBoth);
    add(kFilterPort, NatSocket::filter, NatSocket::filter, server, kPort);
    add(kProofBoth, NatSocket::main, NatSocket::main, server, kBoth);
    add(kProofPort, NatSocket::main, NatSocket::main, server, kPort);
  }
  const std::optional<Endpoint> main = exchanges_[again_].answer.mapped();
  const std::optional<Endpoint> hairpin = exchanges_[again_ + 1].answer.mapped();
  if (!main || !hairpin || *main == config_.local[index(NatSocket::main)]) return;
  add(kHairpin, NatSocket::hairpin, NatSocket::main, *main, {});
  add(kHairpinBack, NatSocket::main, NatSocket::hairpin, *hairpin, {});
}

bool NatBehaviour::nothing_to_ask() const {
  return std::ranges::none_of(probes_, [&](const Probe& probe) { return is_open(probe); });
}

bool NatBehaviour::is_open(const Probe& probe) const {
  if (!probe.wanted || probe.seen) return false;
  if (!probe.change)  // one direction is enough for the hairpin
    return !probes_[kHairpin].seen && !probes_[kHairpinBack].seen;
  return !probes_[kFilterBoth].seen && others_[*tester_] != OtherAddress::ignored &&
         others_[*tester_] != OtherAddress::refused;
}

void NatBehaviour::tick(Instant now) {
  if (ticks_ > 0 && ticks_ % kProbesInRound == 0 && !round_judged_) {
    round_judged_ = true;
    // Another round follows only where it can show more.
    if (ticks_ == kProbesInRound * kMostRounds || rounds_are_enough()) {
      phase_ = Phase::done;
      return;
    }
  }
  round_judged_ = false;
  ++ticks_;
  send_control(NatSocket::main);
  if (tester_) send_control(NatSocket::filter);
  if (probes_[kHairpin].wanted) send_control(NatSocket::hairpin);
  if (is_open(probes_[kFilterBoth])) send_proof();
  for (const ProbeIndex which : {kFilterBoth, kFilterPort, kProofPort, kHairpin, kHairpinBack}) {
    const Probe& probe = probes_[which];
    if (!is_open(probe)) continue;
    queue(probe.from, probe.to, probe.transaction, probe.change);
    // Twice, as the loss of all of them would look like a filter.
    if (which == kFilterBoth || which == kFilterPort)
      queue(probe.from, probe.to, probe.transaction, probe.change);
  }
  next_tick_ = now + (ticks_ % kProbesInRound == 0 ? kGrace : kTick);
}

/// Whether silence counts wherever there was some.
bool NatBehaviour::rounds_are_enough() const {
  if (!silence_counts(main_controls_)) return false;
  if (probes_[kHairpin].wanted && !silence_counts(hairpin_controls_)) return false;
  if (!tester_) return true;
  if (!silence_counts(filter_controls_)) return false;
  // A server that never answers so will not do it in another round either.
  return probes_[kFilterBoth].seen || proof_controls_.answered == 0 ||
         silence_counts(proof_controls_);
}

void NatBehaviour::send_control(NatSocket from) {
  Controls& controls = controls_of(from);
  controls.waiting.push_back(new_transaction());
  ++controls.sent;
  queue(from, config_.servers[*control_], controls.waiting.back());
}

void NatBehaviour::send_proof() {
  const Probe& proof = probes_[kProofBoth];
  proof_controls_.waiting.push_back(new_transaction());
  ++proof_controls_.sent;
  queue(proof.from, proof.to, proof_controls_.waiting.back(), proof.change);
}

}  // namespace wgscope::path
