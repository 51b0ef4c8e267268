// Attempts of a packet each: an echo request, a datagram, a SYN.

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <variant>

#include "wgscope/base/time.hpp"
#include "wgscope/diagnosis/reach.hpp"
#include "wgscope/inner/event.hpp"
#include "wgscope/inner/host.hpp"
#include "wgscope/inner/tcp.hpp"
#include "wgscope/wire/ip.hpp"

#include "reach_attempt.hpp"

namespace wgscope::checks {
namespace {

using diagnosis::ReachOutcome;

class EchoAttempt final : public ReachAttempt {
 public:
  EchoAttempt(Instant now, inner::Host& host, const ReachAim& aim)
      : ReachAttempt(now, aim), host_(host), id_(host.open_echo()) {
    if (const auto sent = host.send_echo({.to = aim.to.address, .id = id_}); !sent)
      cannot_send(now, sent.error());
  }
  EchoAttempt(const EchoAttempt&) = delete;
  EchoAttempt& operator=(const EchoAttempt&) = delete;
  ~EchoAttempt() override { host_.close_echo(id_); }

  bool handle_event(Instant now, const inner::Event& event) override {
    if (const auto* reply = std::get_if<inner::EchoReplied>(&event)) {
      if (reply->id != id_) return false;
      if (reply->from == to().address)
        settle(reply->at, {.outcome = ReachOutcome::answered, .hop_limit = reply->hop_limit});
      return true;
    }
    const auto* failed = std::get_if<inner::IcmpFailed>(&event);
    const bool ours = failed != nullptr && failed->about.echo_id == id_ &&
                      (failed->about.protocol == wire::Protocol::icmp ||
                       failed->about.protocol == wire::Protocol::icmpv6);
    if (ours) settle(now, *failed);
    return ours;
  }

 private:
  inner::Host& host_;
  std::uint16_t id_;
};

class UdpAttempt final : public ReachAttempt {
 public:
  UdpAttempt(Instant now, inner::Host& host, const ReachAim& aim)
      : ReachAttempt(now, aim), host_(host) {
    const auto port = host.bind_udp(0);
    if (!port) {
      cannot_send(now, port.error());
      return;
    }
    port_ = *port;
    // Something that a service which answers anything has to send back, and that says who it was.
    constexpr std::string_view kPayload = "wgscope reach\n";
    if (const auto sent =
            host.send_udp({.to = aim.to, .from_port = port_}, std::as_bytes(std::span(kPayload)));
        !sent)
      cannot_send(now, sent.error());
  }
  UdpAttempt(const UdpAttempt&) = delete;
  UdpAttempt& operator=(const UdpAttempt&) = delete;
  ~UdpAttempt() override {
    if (port_ != 0) host_.close_udp(port_);
  }

  bool handle_event(Instant now, const inner::Event& event) override {
    if (const auto* received = std::get_if<inner::UdpReceived>(&event)) {
      if (received->to_port != port_) return false;
      if (received->from == to()) settle(received->at, ReachOutcome::answered);
      return true;
    }
    const auto* failed = std::get_if<inner::IcmpFailed>(&event);
    const bool ours = failed != nullptr && failed->about.protocol == wire::Protocol::udp &&
                      failed->about.source_port == port_;
    if (ours) settle(now, *failed);
    return ours;
  }

 private:
  inner::Host& host_;
  std::uint16_t port_ = 0;
};

class TcpAttempt final : public ReachAttempt {
 public:
  TcpAttempt(Instant now, inner::Host& host, const ReachAim& aim)
      : ReachAttempt(now, aim), tcp_(host.tcp()) {
    const auto id = tcp_.connect(now, aim.to, aim.timeout);
    id ? id_.emplace(*id), void() : cannot_send(now, id.error());
  }
  TcpAttempt(const TcpAttempt&) = delete;
  TcpAttempt& operator=(const TcpAttempt&) = delete;
  /// With a reset, which leaves nothing behind: the tunnel is gone before a service that is told
  /// goodbye has done the same, and the gateway would go on calling for it.
  ~TcpAttempt() override {
    if (id_) tcp_.abort(*id_);
  }

  bool handle_event(Instant now, const inner::Event& event) override {
    if (!id_) return false;
    if (const auto* up = std::get_if<inner::TcpConnected>(&event)) {
      if (up->id != *id_) return false;
      settle(now, ReachOutcome::answered);
      return true;
    }
    if (const auto* end = std::get_if<inner::TcpEnded>(&event)) {
      if (end->id != *id_) return false;
      settle(now,
             end->why == inner::TcpEnd::timed_out ? ReachOutcome::silent : ReachOutcome::refused);
      return true;
    }
    const auto* failed = std::get_if<inner::IcmpFailed>(&event);
    const bool ours = failed != nullptr && failed->connection == *id_;
    if (ours) settle(now, *failed);
    return ours;
  }

 private:
  inner::Tcp& tcp_;
  std::optional<inner::TcpId> id_;
};

}  // namespace

std::unique_ptr<ReachAttempt> begin_echo(Instant now, inner::Host& host, const ReachAim& aim) {
  return std::make_unique<EchoAttempt>(now, host, aim);
}

std::unique_ptr<ReachAttempt> begin_udp(Instant now, inner::Host& host, const ReachAim& aim) {
  return std::make_unique<UdpAttempt>(now, host, aim);
}

std::unique_ptr<ReachAttempt> begin_tcp(Instant now, inner::Host& host, const ReachAim& aim) {
  return std::make_unique<TcpAttempt>(now, host, aim);
}

}  // namespace wgscope::checks
