#include "nat_alarm.hpp"

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "wgscope/base/bytes.hpp"
#include "wgscope/base/time.hpp"
#include "wgscope/checks/run.hpp"
#include "wgscope/checks/session.hpp"
#include "wgscope/crypto/random.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/os/clock.hpp"
#include "wgscope/path/alarm_trials.hpp"
#include "wgscope/path/flow_lifetime.hpp"
#include "wgscope/wire/fragment.hpp"
#include "wgscope/wire/icmp.hpp"
#include "wgscope/wire/ip.hpp"

#include "checks/nat/silent_flow.hpp"

namespace wgscope::checks {
namespace {

using wire::IcmpKind;

/// "Fragment reassembly time exceeded" (RFC 792, RFC 4443 §3.3).
constexpr std::uint8_t kReassemblyCode = 1;
/// Chosen: the first piece has the whole ICMP header, which the error quotes.
constexpr std::size_t kPayload = 64;

std::vector<std::byte> echo_request(const IpAddress& from, const IpAddress& to, std::uint16_t id,
                                    std::uint32_t number) {
  const std::vector<std::byte> payload(kPayload);
  std::vector<std::byte> packet(wire::echo_packet_size(to.family, payload.size()));
  wire::write_echo_request(
      packet, {.source = from, .destination = to},
      {.id = id, .sequence = static_cast<std::uint16_t>(number), .payload = payload});
  return packet;
}

}  // namespace

AlarmCalls::AlarmCalls(Run& run, Session& ours, SilentFlow& flow, const IpAddress& from,
                       const IpAddress& host)
    : run_(run), ours_(ours), flow_(flow), from_(from), host_(host) {
  crypto::SystemRandom random;
  std::array<std::byte, 8> bytes{};
  random.fill(bytes);
  const auto numbers = std::span(bytes);
  ask_id_ = load_be16(numbers.first<2>());
  piece_id_ = load_be32(numbers.last<4>());
}

std::chrono::seconds AlarmCalls::alarm_of(const IpAddress& host) {
  return host.family == Family::v4 ? path::kReassemblyTime4 : path::kReassemblyTime6;
}

void AlarmCalls::send_ask(std::uint32_t number) {
  static_cast<void>(ours_.interface().send(os::now(), echo_request(from_, host_, ask_id_, number)));
  ours_.pump();
}

void AlarmCalls::send_piece(std::uint32_t number) {
  const auto id = static_cast<std::uint16_t>(ask_id_ + 1);
  const std::vector<std::byte> whole = echo_request(from_, host_, id, number);
  const std::size_t mtu = wire::kLeastPiece + (host_.family == Family::v6 ? 32 : 0);
  const wire::Pieces pieces(whole, mtu, ++piece_id_);
  std::vector<std::byte> first(pieces.size(0));
  pieces.write(0, first);
  static_cast<void>(ours_.interface().send(os::now(), first));
  ours_.pump();
}

void AlarmCalls::send(path::AlarmTrials& trials) {
  using Kind = path::AlarmSend::Kind;
  while (const auto wanted = trials.poll_send()) {
    switch (wanted->kind) {
      case Kind::keepalive: ours_.send_keepalive(); break;
      case Kind::handshake: ours_.initiate(); break;
      case Kind::ask: send_ask(wanted->number); break;
      case Kind::piece: send_piece(wanted->number); break;
    }
  }
}

/// @returns whether the packet was waited for.
bool AlarmCalls::take(Instant now, std::span<const std::byte> bytes, path::AlarmTrials& trials) {
  const auto packet = wire::parse_ip(bytes);
  if (!packet || packet->fragment || packet->source != host_ || packet->destination != from_)
    return false;
  const auto message = wire::parse_icmp(*packet);
  if (!message) return false;
  if (message->kind == IcmpKind::echo_reply && message->echo_id == ask_id_) {
    trials.handle_answer(now, message->echo_sequence, flow_.missing());
    return true;
  }
  if (message->kind != IcmpKind::time_exceeded || message->code != kReassemblyCode) return false;
  const auto quoted = wire::parse_quoted(message->body);
  if (!quoted || quoted->source != from_ || quoted->destination != host_ ||
      quoted->echo_id != static_cast<std::uint16_t>(ask_id_ + 1))
    return false;
  trials.handle_alarm(now, quoted->echo_sequence, flow_.missing());
  return true;
}

bool AlarmCalls::measure(const path::AlarmConfig& config, path::FlowLifetime& known) {
  path::AlarmTrials trials(config, std::move(known), flow_.keyed(), flow_.missing(),
                           os::boot_now());
  const auto attention =
      flow_.attend({.on_packet = [&](Instant now, auto bytes) { return take(now, bytes, trials); },
                    .on_other = [&](Instant now) { trials.handle_other(now, flow_.missing()); },
                    .on_keyed = [&](Instant now) { trials.handle_keyed(now); }});
  wait_through_silences(run_, flow_, trials, "of silence for the host of the TCP service",
                        [&] { send(trials); });
  known = trials.result();
  return trials.has_rung();
}

}  // namespace wgscope::checks
