#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "wgscope/checks/run.hpp"
#include "wgscope/checks/target.hpp"
#include "wgscope/crypto/random.hpp"
#include "wgscope/endpoint/attachment.hpp"
#include "wgscope/endpoint/embedded_endpoint.hpp"
#include "wgscope/inner/event.hpp"
#include "wgscope/tunnel/event.hpp"

#include "wireguard_go.hpp"  // KeyPair

// The other end of checks on the loopback interface: an embedded endpoint on the loop of the check
// itself, so that one thread drives both.

namespace wgscope::test {

struct GatewayOptions {
  std::string preshared_key{};  ///< for the probe
  bool knows_probe = true;
  std::vector<std::string> allowed_ips{"10.9.0.2/32", "fd09::2/128"};  ///< of the probe
  std::vector<std::string> addresses{"10.9.0.1/24", "fd09::1/64"};
  std::vector<std::string> listen{"127.0.0.1:0", "[::1]:0"};
  bool answer_stun = false;
  bool measuring = false;  ///< answers on UDP 9587 inside the tunnel
  std::uint32_t handshakes_per_second = 1000;
  std::uint32_t handshake_burst = 512;
};

class Gateway final : private endpoint::Observer {
 public:
  /// @param run  outlives it.
  explicit Gateway(checks::Run& run, const GatewayOptions& options = {});

  /// A probe's target that is this gateway.
  [[nodiscard]] checks::Target target(const std::string& preshared_key = {}) const;
  [[nodiscard]] std::uint16_t port() const { return endpoint_->listen_port(); }
  endpoint::EmbeddedEndpoint& endpoint() { return *endpoint_; }
  /// What `wg show` would call latest-handshake; nothing: none.
  [[nodiscard]] std::optional<WallTime> latest_handshake() const;

  /// From now on as if it had never heard of the probe.
  void forget_probe();

  std::vector<tunnel::Event> events;
  /// Called for what happens inside; may use endpoint().host().
  std::function<void(const inner::Event&)> on_inner;
  /// Called for what happens to the tunnel.
  std::function<void(const tunnel::Event&)> on_tunnel;

 private:
  void on_tunnel_event(const tunnel::Event& event) override;
  void on_inner_event(const inner::Event& event) override {
    if (on_inner) on_inner(event);
    run_.wake();
  }
  void on_socket_error(const os::SocketError& /*error*/) override {}
  void on_send_failure(const os::SendFailure& /*failure*/) override {}

  checks::Run& run_;
  KeyPair keys_;
  KeyPair probe_keys_;
  crypto::SystemRandom random_;
  std::unique_ptr<endpoint::EmbeddedEndpoint> endpoint_;
  std::optional<tunnel::PeerId> peer_;
  std::optional<endpoint::Attachment> attachment_;
};

}  // namespace wgscope::test
