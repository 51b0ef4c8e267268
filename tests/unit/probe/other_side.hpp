#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>

#include <gtest/gtest.h>

#include "wgscope/config/wg_quick.hpp"
#include "wgscope/crypto/random.hpp"
#include "wgscope/endpoint/attachment.hpp"
#include "wgscope/endpoint/embedded_endpoint.hpp"
#include "wgscope/inner/event.hpp"
#include "wgscope/os/clock.hpp"
#include "wgscope/os/poll_loop.hpp"
#include "wgscope/os/udp_socket.hpp"

#include "files.hpp"

namespace wgscope::probe {

/// The other side, made of the file that `wgscope listen --generate` wrote for it.
class OtherSide final : public endpoint::Observer {
 public:
  explicit OtherSide(const std::string& file) : loop_(os::PollLoop::open().value()) {
    auto config = config::parse_wg_quick(test::read_file(file)).value();
    const config::WgQuickPeer& peer = config.peers.at(0);
    endpoint::EndpointConfig made;
    made.interface.private_key.secret = config.private_key.value().secret.clone();
    made.host.addresses = config.addresses;
    made.listen = {Endpoint::parse("127.0.0.1:0").value()};
    endpoint_ = endpoint::EmbeddedEndpoint::open(std::move(made), random_, *this).value();
    tunnel::PeerConfig to;
    to.public_key = peer.public_key;
    to.preshared_key.secret = peer.preshared_key.value().secret.clone();
    to.allowed_ips = peer.allowed_ips;
    gateway_ = peer.endpoint.value().address().value();
    to.endpoint = gateway_;
    EXPECT_TRUE(endpoint_->interface().add_peer(os::now(), std::move(to)));
    attachment_.emplace(endpoint::Attachment::make(loop_, *endpoint_).value());
  }

  bool ping(const char* address) {
    const std::uint16_t id = endpoint_->host().open_echo();
    EXPECT_TRUE(endpoint_->host().send_echo({.to = IpAddress::parse(address).value(), .id = id}));
    endpoint_->pump(os::now());
    static_cast<void>(loop_.run_until(os::boot_now() + std::chrono::seconds(30)));
    return std::exchange(replied_, false);
  }

  /// A datagram that is none of WireGuard's, from elsewhere.
  void send_rubbish() const {
    auto socket = os::UdpSocket::open(Endpoint::parse("127.0.0.1:0").value(), {}).value();
    const std::array<std::byte, 5> bytes{};
    const std::array batch{
        os::SendBatch{.to = gateway_, .bytes = bytes, .segment_size = bytes.size(), .from = {}}};
    EXPECT_TRUE(socket.send(batch).failures.empty());
  }

  [[nodiscard]] std::string gateway() const { return gateway_.to_string(); }

  void on_tunnel_event(const tunnel::Event& /*event*/) override {}
  void on_inner_event(const inner::Event& event) override {
    if (!std::holds_alternative<inner::EchoReplied>(event)) return;
    replied_ = true;
    loop_.stop();
  }
  void on_socket_error(const os::SocketError& /*error*/) override {}
  void on_send_failure(const os::SendFailure& /*failure*/) override {}

 private:
  crypto::SystemRandom random_;
  os::PollLoop loop_;
  std::unique_ptr<endpoint::EmbeddedEndpoint> endpoint_;
  std::optional<endpoint::Attachment> attachment_;
  Endpoint gateway_;
  bool replied_ = false;
};

}  // namespace wgscope::probe
