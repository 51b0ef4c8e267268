#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <poll.h>
#include <span>
#include <string>
#include <vector>

#include "wgscope/base/time.hpp"
#include "wgscope/crypto/random.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/model/public_key.hpp"
#include "wgscope/noise/cookies.hpp"
#include "wgscope/os/clock.hpp"
#include "wgscope/os/udp_socket.hpp"
#include "wgscope/wire/message.hpp"

#include "endpoint_fixture.hpp"
#include "udp_sockets.hpp"

namespace wgscope::test {

/// Initiations whose mac1 is right and the rest noise: each costs its receiver a multiplication.
class Flood {
 public:
  /// @param netns  path of the namespace it comes from; empty: the test's own
  /// @param public_key  of who listens at `to`
  Flood(const std::string& netns, const std::string& public_key, const std::string& to)
      : to_(wgscope::Endpoint::parse(to).value()) {
    const auto open = [&] {
      socket_.emplace(must_open(wgscope::Endpoint::parse("0.0.0.0:0").value()));
    };
    netns.empty() ? open() : inside(netns, open);
    crypto::SystemRandom random;
    noise::CookieJar macs(PublicKey::from_base64(public_key).value());
    datagrams_.resize(kCount * wire::kInitiationSize);
    for (std::size_t i = 0; i < kCount; ++i) {
      const auto one =
          std::span(datagrams_).subspan(i * wire::kInitiationSize).first<wire::kInitiationSize>();
      random.fill(one);
      wire::write_type(wire::MessageType::initiation, one.first<4>());
      macs.add_macs(os::boot_now(), {one});
    }
  }

  /// All of them, as fast as they go out.
  void send() {
    std::size_t sent = 0;
    while (sent < datagrams_.size()) {
      const os::SendBatch rest{to_, std::span(datagrams_).subspan(sent), wire::kInitiationSize, {}};
      const auto report = socket_->send({&rest, 1});
      if (!report.blocked) return;
      sent += report.bytes_of_next;
      wait_for(*socket_, POLLOUT);
    }
  }

  /// Waits until one of them has been answered with a cookie.
  bool wait_for_cookie() {
    const Instant deadline = os::boot_now() + std::chrono::seconds{1};
    bool seen = false;
    while (!seen) {
      pollfd wait{.fd = socket_->fd(), .events = POLLIN, .revents = 0};
      if (poll(&wait, 1, os::poll_timeout_ms(deadline)) <= 0) return false;
      static_cast<void>(socket_->receive([&](const os::Received& one) {
        seen = seen || wire::classify(one.datagram) == wire::MessageType::cookie_reply;
      }));
    }
    return true;
  }
  /// Forgets what has come.
  void drain() {
    for (bool more = true; more;) {
      const auto report = socket_->receive([](const os::Received&) {});
      more = report && report->datagrams != 0;
    }
  }

 private:
  static constexpr std::size_t kCount = 1000;  // wireguard-go calls 128 load, the kernel 512

  wgscope::Endpoint to_;
  std::optional<os::UdpSocket> socket_;
  std::vector<std::byte> datagrams_;
};

}  // namespace wgscope::test
