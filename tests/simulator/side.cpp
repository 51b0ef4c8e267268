#include "side.hpp"

#include <atomic>
#include <utility>

namespace wgscope::simulator {
namespace {

using namespace std::chrono_literals;

// Whitepaper section 6.1.
constexpr Time kRekeyAfter = 120s;
constexpr Time kRejectAfter = 180s;
constexpr Time kRekeyTimeout = 5s;
constexpr Time kKeepaliveTimeout = 10s;
// Linux, messages.h: REKEY_ATTEMPT_TIME / REKEY_TIMEOUT, and how much a retransmission is delayed.
constexpr int kMaxHandshakes = 18;
constexpr Time kMaxJitter = 333ms;
constexpr std::size_t kMaxStaged = 128;
// Of Debian's kernels, CONFIG_HZ=250.
constexpr Time kJiffy = 4ms;

// Whitepaper section 5.4.
constexpr std::int64_t kInitiationBytes = 148;
constexpr std::int64_t kResponseBytes = 92;
constexpr std::int64_t kDataOverhead = 32;

}  // namespace

std::int64_t Packet::size() const {
  switch (kind) {
    case Kind::initiation: return kInitiationBytes;
    case Kind::response: return kResponseBytes;
    case Kind::data: break;
  }
  return payload.bytes + kDataOverhead * std::max<std::int64_t>(1, payload.packets);
}

Side::Side(Clock& clock, Chance& chance, Surroundings around)
    : clock_(&clock),
      chance_(&chance),
      around_(std::move(around)),
      retransmit_timer_(clock, [this] { retransmit_expired(); }),
      keepalive_timer_(clock, [this] { keepalive_expired(); }),
      new_handshake_timer_(clock, [this] { initiate(false); }),
      persistent_timer_(clock, [this] { send_keepalive(); }) {}

void Side::set(Timer& timer, Time delay) {
  if (!booted_) return timer.set(delay);
  // kernel/time/timer.c: each level has 64 slots, eight times as long as those of the level before.
  Time slot = kJiffy;
  for (Time reach = 63 * kJiffy; delay >= reach; reach *= 8) slot *= 8;
  const Time uptime = clock_->now() + *booted_;
  timer.set((uptime + delay) / slot * slot + slot - uptime);
}

Time Side::jitter() { return chance_->between(0ms, kMaxJitter); }

bool Side::usable(const std::optional<Session>& session) const {
  return session && clock_->now() - session->born < kRejectAfter;
}

void Side::set_keepalive(Time interval) {
  persistent_ = interval;
  if (interval == 0ms) return persistent_timer_.cancel();
  send_keepalive();
}

void Side::arm_persistent() {
  if (persistent_ != 0ms) set(persistent_timer_, persistent_);
}

void Side::transmit(Kind kind, std::uint64_t session, const Payload& payload) {
  if (!endpoint_) return;
  Packet packet{kind, session, kind == Kind::initiation ? around_.stamp() : 0, payload, {}};
  sent_ += packet.size();
  around_.transmit(packet);
}

void Side::send(const Payload& payload) {
  // Linux refuses packets of a peer without an endpoint before it queues them.
  if (suspended_ || (!endpoint_ && payload.bytes != 0)) return;
  if (usable(current_)) return send_in_session(payload);
  if (staged_.size() < kMaxStaged) staged_.push_back(payload);
  initiate(false);
}

void Side::send_in_session(const Payload& payload) {
  keepalive_timer_.cancel();
  arm_persistent();
  if (payload.bytes != 0 && !new_handshake_timer_.pending())
    set(new_handshake_timer_, kKeepaliveTimeout + kRekeyTimeout + jitter());
  const Session session = *current_;
  transmit(Kind::data, session.id, payload);
  if (session.initiator && clock_->now() - session.born > kRekeyAfter) initiate(false);
}

void Side::send_staged() {
  for (const Payload& payload : std::exchange(staged_, {})) send(payload);
}

void Side::send_keepalive() {
  if (staged_.empty()) return send({});
  if (usable(current_)) return send_staged();
  initiate(false);
}

void Side::initiate(bool is_retry) {
  if (suspended_) return;
  if (!is_retry) attempts_ = 0;
  if (last_sent_handshake_ && clock_->now() - *last_sent_handshake_ < kRekeyTimeout) return;
  last_sent_handshake_ = clock_->now();
  static std::atomic<std::uint64_t> last_id = 0;
  pending_ = ++last_id;
  keepalive_timer_.cancel();
  arm_persistent();
  set(retransmit_timer_, kRekeyTimeout + jitter());
  transmit(Kind::initiation, *pending_);
}

void Side::retransmit_expired() {
  if (attempts_ > kMaxHandshakes) {
    keepalive_timer_.cancel();
    staged_.clear();
    return;
  }
  ++attempts_;
  initiate(true);
}

void Side::keepalive_expired() {
  send_keepalive();
  if (std::exchange(another_keepalive_, false)) set(keepalive_timer_, kKeepaliveTimeout);
}

void Side::receive(const Packet& packet) {
  if (suspended_) return;
  switch (packet.kind) {
    case Kind::initiation: return receive_initiation(packet);
    case Kind::response: return receive_response(packet);
    case Kind::data: return receive_data(packet);
  }
}

void Side::authenticated(const Packet& packet) {
  received_ += packet.size();
  endpoint_ = packet.from;
  new_handshake_timer_.cancel();
  arm_persistent();
}

void Side::receive_initiation(const Packet& packet) {
  if (greatest_stamp_ && packet.stamp <= *greatest_stamp_) return;
  greatest_stamp_ = packet.stamp;
  authenticated(packet);
  next_ = Session{packet.session, clock_->now(), false};
  last_sent_handshake_ = clock_->now();
  keepalive_timer_.cancel();
  transmit(Kind::response, packet.session);
}

void Side::receive_response(const Packet& packet) {
  if (packet.session != pending_ || responses_fail_) return;
  pending_.reset();
  authenticated(packet);
  previous_ = std::exchange(current_, Session{packet.session, clock_->now(), true});
  next_.reset();
  handshake_complete();
  send_keepalive();
}

void Side::handshake_complete() {
  retransmit_timer_.cancel();
  attempts_ = 0;
  last_minute_sent_ = false;
  last_handshake_ = Time(around_.stamp());
}

void Side::receive_data(const Packet& packet) {
  const auto is = [&](const std::optional<Session>& session) {
    return usable(session) && session->id == packet.session;
  };
  const bool confirms = is(next_);
  if (!confirms && !is(current_) && !is(previous_)) return;
  authenticated(packet);
  if (confirms) {
    previous_ = std::exchange(current_, std::exchange(next_, std::nullopt));
    handshake_complete();
    send_staged();
  }
  if (packet.payload.bytes != 0) {
    if (keepalive_timer_.pending())
      another_keepalive_ = true;
    else
      set(keepalive_timer_, kKeepaliveTimeout);
  }
  if (current_ && current_->initiator && !last_minute_sent_ &&
      clock_->now() - current_->born > kRejectAfter - kKeepaliveTimeout - kRekeyTimeout) {
    last_minute_sent_ = true;
    initiate(false);
  }
  if (packet.payload.bytes != 0) around_.deliver(packet.payload);
}

void Side::cancel_timers() {
  retransmit_timer_.cancel();
  keepalive_timer_.cancel();
  new_handshake_timer_.cancel();
  persistent_timer_.cancel();
}

void Side::suspend() {
  suspended_ = true;
  current_ = previous_ = next_ = std::nullopt;
  pending_.reset();
  staged_.clear();
  cancel_timers();
}

void Side::resume() {
  suspended_ = false;
  arm_persistent();
}

void Side::restart() {
  suspend();
  suspended_ = false;
  last_sent_handshake_.reset();
  last_handshake_.reset();
  greatest_stamp_.reset();
  attempts_ = 0;
  another_keepalive_ = last_minute_sent_ = false;
  received_ = sent_ = 0;
}

}  // namespace wgscope::simulator
