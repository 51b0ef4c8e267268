#include "mtu_service.hpp"

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <variant>

#include "wgscope/base/time.hpp"
#include "wgscope/checks/session.hpp"
#include "wgscope/inner/event.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/wire/ip.hpp"
#include "wgscope/wire/measuring.hpp"

namespace wgscope::checks {
namespace {

using namespace std::chrono_literals;

/// When to ask, since the first time. Chosen: one of three requests may be lost; all three are lost
/// once in a thousand times where loss is 10 %.
constexpr std::array<Nanoseconds, MtuService::kMostAsked> kAskAt{0ms, 200ms, 600ms};
/// Serials of these requests begin here, above those of probes.
constexpr std::uint32_t kAsking = 0xffff0000;

}  // namespace

MtuService::MtuService(Session& session, const IpAddress& target)
    : session_(session),
      target_(target),
      attention_(session.attend({.on_inner = [this](const inner::Event& event) { take(event); },
                                 .next = [this] { return next_timeout(); },
                                 .expired = [this](Instant now) { handle_timeout(now); }})) {
  if (const auto port = session_.host().bind_udp(0)) port_ = *port;
}

MtuService::~MtuService() {
  if (port_ != 0) session_.host().close_udp(port_);
}

void MtuService::ask(Instant now) {
  if (port_ == 0) return;
  asked_first_ = now;
  handle_timeout(now);
}

std::optional<Instant> MtuService::next_timeout() const {
  if (settled() || port_ == 0 || asked_ == 0 || asked_ == kAskAt.size()) return std::nullopt;
  return asked_first_ + kAskAt[asked_];
}

void MtuService::handle_timeout(Instant now) {
  if (settled() || asked_ == kAskAt.size() || now < asked_first_ + kAskAt[asked_]) return;
  request(kAsking + static_cast<std::uint32_t>(asked_++), 0);
}

void MtuService::take(const inner::Event& event) {
  if (!first_) first_ = answer_in(event);
  const auto* failed = std::get_if<inner::IcmpFailed>(&event);
  if (failed == nullptr || first_) return;
  const bool about_us = failed->about.protocol == wire::Protocol::udp &&
                        failed->about.destination == target_ &&
                        failed->about.destination_port == wire::kMeasuringPort;
  absent_ = absent_ || about_us;
}

std::optional<wire::MeasuringAnswer> MtuService::answer_in(const inner::Event& event) const {
  const auto* received = std::get_if<inner::UdpReceived>(&event);
  if (received == nullptr || port_ == 0 || received->to_port != port_ ||
      received->from.address != target_ || received->from.port != wire::kMeasuringPort)
    return std::nullopt;
  const auto answer = wire::parse_measuring_answer(received->payload);
  return answer ? std::optional(*answer) : std::nullopt;
}

void MtuService::request(std::uint32_t serial, std::size_t answer_size) {
  if (port_ == 0) return;
  const auto payload = wire::build_measuring_request(
      {.serial = serial, .answer_size = static_cast<std::uint16_t>(answer_size)});
  // A request that finds no room counts as lost.
  static_cast<void>(session_.host().send_udp(
      {.to = {target_, 0, wire::kMeasuringPort}, .from_port = port_}, payload));
  session_.pump();
}

}  // namespace wgscope::checks
