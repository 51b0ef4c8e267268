#include "wgscope/path/silent_tcp.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "wgscope/base/time.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/wire/ip.hpp"
#include "wgscope/wire/tcp.hpp"

namespace wgscope::path {
namespace {

using std::chrono::milliseconds;

/// The initial RTO of RFC 6298 §2.1. It does not double here, as the connection must stand soon.
constexpr Nanoseconds kAgain = milliseconds(1'000);
/// Chosen: SSH and the like speak first, and at once.
constexpr Nanoseconds kSpeaksFirst = milliseconds(1'500);
/// Chosen: five seconds, in which chance loses five packets in a row once in 4 000 times with 10 %
/// loss each way.
constexpr int kMostTries = 5;
/// Chosen: less than the smallest usual segment (536 bytes, RFC 9293 §3.7.1), so that the service
/// sends one segment of data and no more, and all of it again each time.
constexpr std::uint16_t kWindow = 512;

/// It asks for keep-alive, because a server that closes gives up much sooner.
std::string request_to(const Endpoint& to) {
  std::string host = to.address.to_string();
  if (to.address.family == Family::v6) host = '[' + host + ']';  // RFC 3986 §3.2.2
  return "GET / HTTP/1.1\r\nHost: " + host + "\r\nConnection: keep-alive\r\n\r\n";
}

/// Whether `value` lies in a window that begins with `from`, modulo 2^32.
bool within(std::uint32_t value, std::uint32_t from) { return value - from <= 0xffffU; }

}  // namespace

SilentTcp::SilentTcp(const Endpoint& from, const Endpoint& to, std::uint32_t sequence, Instant now)
    : from_(from), to_(to), next_sequence_(sequence), resend_at_(now) {
  connect(now);
}

std::optional<Instant> SilentTcp::next_timeout() const {
  return is_opening() ? std::optional(resend_at_) : std::nullopt;
}

void SilentTcp::send(const wire::TcpSegment& segment) {
  wire::TcpSegment whole = segment;
  whole.source = from_.port;
  whole.destination = to_.port;
  whole.window = kWindow;
  std::vector<std::byte> packet(wire::tcp_packet_size(to_.address.family, segment.payload.size()));
  wire::write_tcp_packet(packet, {from_.address, to_.address}, whole);
  outbox_.push(std::move(packet));
}

void SilentTcp::connect(Instant now) {
  ++tries_;
  resend_at_ = now + kAgain;
  send({.sequence = next_sequence_, .syn = true});
}

void SilentTcp::request(Instant now) {
  ++tries_;
  resend_at_ = now + kAgain;
  const std::string text = request_to(to_);
  send({.sequence = next_sequence_,
        .acknowledgement = expected_,
        .ack = true,
        .payload = std::as_bytes(std::span(text))});
}

void SilentTcp::ask() {
  if (state_ != State::stalled) return;
  send({.sequence = next_sequence_ - 1, .acknowledgement = expected_, .ack = true});
}

void SilentTcp::reset() {
  if (state_ == State::waiting || state_ == State::stalled)
    send({.sequence = next_sequence_, .acknowledgement = expected_, .ack = true, .rst = true});
  state_ = State::ended;
}

void SilentTcp::handle_timeout(Instant now) {
  if (!is_opening() || now < resend_at_) return;
  if (tries_ == kMostTries) {
    state_ = state_ == State::connecting ? State::silent : State::no_data;
    return;
  }
  if (state_ == State::connecting)
    connect(now);
  else
    request(now);
}

TcpSeen SilentTcp::handle_packet(Instant now, const wire::IpPacket& packet) {
  if (packet.protocol != wire::Protocol::tcp || packet.fragment) return TcpSeen::nothing;
  if (packet.source != to_.address || packet.destination != from_.address) return TcpSeen::nothing;
  const auto segment = wire::parse_tcp(packet);
  if (!segment || segment->source != to_.port || segment->destination != from_.port)
    return TcpSeen::nothing;
  if (segment->rst) return handle_reset(*segment);
  if (is_opening()) return handle_opening(now, *segment);
  if (state_ != State::stalled || !segment->ack) return TcpSeen::nothing;
  if (!segment->payload.empty() && segment->sequence == expected_) return TcpSeen::data;
  return segment->payload.empty() && !segment->fin ? TcpSeen::answer : TcpSeen::progress;
}

TcpSeen SilentTcp::handle_reset(const wire::TcpSegment& segment) {
  if (state_ == State::connecting) {
    if (!segment.ack || segment.acknowledgement != next_sequence_ + 1) return TcpSeen::nothing;
    state_ = State::refused;
    return TcpSeen::ended;
  }
  if (!within(segment.sequence, expected_)) return TcpSeen::nothing;
  state_ = state_ == State::waiting ? State::no_data : State::ended;
  return TcpSeen::ended;
}

TcpSeen SilentTcp::handle_opening(Instant now, const wire::TcpSegment& segment) {
  if (segment.syn && segment.ack) {
    if (state_ == State::connecting) {
      if (segment.acknowledgement != next_sequence_ + 1) return TcpSeen::nothing;
      state_ = State::waiting;
      expected_ = segment.sequence + 1;
      ++next_sequence_;
      tries_ = 0;
      resend_at_ = now + kSpeaksFirst;
    }
    send({.sequence = next_sequence_, .acknowledgement = expected_, .ack = true});
    return TcpSeen::progress;
  }
  if (state_ == State::connecting || !segment.ack || segment.sequence != expected_)
    return TcpSeen::nothing;
  if (segment.payload.empty()) {
    if (segment.fin) state_ = State::no_data;
    return TcpSeen::progress;
  }
  // We go on behind the part of the request that the service acknowledges.
  if (within(segment.acknowledgement, next_sequence_)) next_sequence_ = segment.acknowledgement;
  state_ = State::stalled;
  return TcpSeen::data;
}

}  // namespace wgscope::path
