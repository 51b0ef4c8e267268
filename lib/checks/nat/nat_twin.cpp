#include "nat_twin.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <variant>
#include <vector>

#include "wgscope/base/bytes.hpp"
#include "wgscope/base/time.hpp"
#include "wgscope/checks/nat_flow.hpp"
#include "wgscope/checks/run.hpp"
#include "wgscope/checks/session.hpp"
#include "wgscope/crypto/random.hpp"
#include "wgscope/diagnosis/nat_flow.hpp"
#include "wgscope/diagnosis/text.hpp"
#include "wgscope/inner/event.hpp"
#include "wgscope/os/clock.hpp"
#include "wgscope/path/silence_search.hpp"
#include "wgscope/wire/icmp.hpp"
#include "wgscope/wire/ip.hpp"

#include "checks/nat/silent_flow.hpp"

namespace wgscope::checks {
namespace {

using std::chrono::seconds;

/// Chosen: shorter than any mapping lives, so that the twin's own mapping stays, its session is
/// renewed in time, and calls go out at once.
constexpr Nanoseconds kKeepWarm = seconds(5);
constexpr std::size_t kSerialSize = 4;

}  // namespace

TwinCalls::TwinCalls(Run& run, Session& ours, Session& twin, const TwinAddresses& way)
    : run_(run),
      ours_(ours),
      twin_(twin),
      way_(way),
      flow_(ours),
      warm_at_(os::boot_now()),
      twins_sessions_(twin.sessions()) {
  crypto::SystemRandom random;
  random.fill(mark_);
  id_ = load_be16(std::span(mark_).first<2>());
  attention_ = twin_.attend({.on_inner =
                                 [this](const inner::Event& event) {
                                   const auto* failed = std::get_if<inner::IcmpFailed>(&event);
                                   if (failed != nullptr && failed->about.destination == way_.to)
                                     rejected_by_ = failed->reporter;
                                 },
                             .next = [this] { return std::optional(warm_at_); },
                             .expired = [this](Instant now) { keep_twin_warm(now); }});
}

void TwinCalls::keep_twin_warm(Instant now) {
  warm_at_ = now + kKeepWarm;
  twin_.send_keepalive();
}

void TwinCalls::call(std::uint32_t serial) {
  std::vector<std::byte> payload(mark_.begin(), mark_.end());
  payload.resize(mark_.size() + kSerialSize);
  store_be32(std::span(payload).last<kSerialSize>(), serial);
  std::vector<std::byte> packet(wire::echo_packet_size(way_.to.family, payload.size()));
  wire::write_echo_request(packet, {way_.from, way_.to},
                           {id_, static_cast<std::uint16_t>(serial), payload});
  static_cast<void>(twin_.interface().send(os::now(), packet));
  twin_.pump();
}

/// Calls are recognized by what they carry, because the gateway may translate addresses.
std::optional<std::uint32_t> TwinCalls::serial_of(std::span<const std::byte> packet) const {
  const auto parsed = wire::parse_ip(packet);
  if (!parsed || parsed->fragment) return std::nullopt;
  const auto message = wire::parse_icmp(*parsed);
  if (!message || message->kind != wire::IcmpKind::echo_request) return std::nullopt;
  const auto body = message->body;
  if (body.size() != mark_.size() + kSerialSize ||
      !std::ranges::equal(body.first(mark_.size()), mark_))
    return std::nullopt;
  return load_be32(body.last<kSerialSize>());
}

void TwinCalls::heed_twins_handshakes(path::SilenceSearch& search) {
  if (twins_sessions_ == twin_.sessions()) return;
  twins_sessions_ = twin_.sessions();
  search.handle_caller_keyed();
}

void TwinCalls::send(path::SilenceSearch& search) {
  using Kind = path::SilenceSend::Kind;
  while (const auto wanted = search.poll_send()) {
    switch (wanted->kind) {
      case Kind::keepalive: ours_.send_keepalive(); break;
      case Kind::handshake: ours_.initiate(); break;
      case Kind::call: call(wanted->serial); break;
    }
  }
}

void TwinCalls::measure(const path::SilenceSearchConfig& config, diagnosis::FlowFacts& facts) {
  path::SilenceSearch search(config, flow_.keyed(), os::boot_now());
  const auto take_packet = [&](Instant now, std::span<const std::byte> packet) {
    heed_twins_handshakes(search);
    const auto serial = serial_of(packet);
    if (serial) search.handle_call(now, *serial, flow_.missing());
    return serial.has_value();
  };
  const auto attention =
      flow_.attend({.on_packet = take_packet,
                    .on_other = [&](Instant now) { search.handle_other(now, flow_.missing()); },
                    .on_keyed = [&](Instant now) { search.handle_keyed(now); }});
  run_.say("checking whether packets from the second peer arrive");
  wait_through_silences(run_, flow_, search, "of silence, then the second peer sends", [&] {
    heed_twins_handshakes(search);
    send(search);
  });
  facts.found = search.result();
  facts.rejected_by = rejected_by_;
}

}  // namespace wgscope::checks
