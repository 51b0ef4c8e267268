#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "wgscope/base/time.hpp"
#include "wgscope/crypto/random.hpp"
#include "wgscope/endpoint/embedded_endpoint.hpp"
#include "wgscope/inner/event.hpp"
#include "wgscope/inner/services.hpp"
#include "wgscope/noise/tai64n.hpp"
#include "wgscope/os/poll_loop.hpp"
#include "wgscope/os/udp_socket.hpp"
#include "wgscope/tunnel/event.hpp"
#include "wgscope/tunnel/interface.hpp"

#include "wireguard_go.hpp"  // KeyPair

// The embedded endpoint as tests use it: on real sockets, driven until something has happened.

namespace wgscope::test {

/// Runs `work` on a thread in a network namespace, and throws what it throws. Sockets stay in the
/// namespace they were made in, so everything after that may happen outside.
void inside(const std::string& netns_path, const std::function<void()>& work);

/// Keys as make_key_pair() makes them, without the program wg.
KeyPair generate_key_pair();
std::string generate_preshared_key();

/// Longer than anything takes that happens at all, a handshake's retry included.
inline constexpr std::chrono::seconds kLongEnough{30};

/// The loop that endpoints of one thread share. All functions throw where the system fails.
class TestLoop {
 public:
  TestLoop();

  os::PollLoop& get() { return loop_; }
  /// Something has happened that run_until() may wait for. From any thread.
  void wake() const { loop_.stop(); }

  /// Drives what is in the loop until `happened` says yes; asks after every event.
  /// @returns false when it has not by `timeout`.
  [[nodiscard]] bool run_until(const std::function<bool()>& happened,
                               Nanoseconds timeout = kLongEnough);
  /// Drives what is in the loop for as long as a gateway demands between two initiations of one
  /// peer: it drops one that comes sooner, and nothing tells from outside that the time is over.
  void between_initiations();
  /// Runs `work`, which may block, on another thread while this one drives the loop. Throws
  /// what it throws.
  void run_while(const std::function<void()>& work);

 private:
  os::PollLoop loop_;
};

struct TestEndpointOptions {
  KeyPair keys = generate_key_pair();
  std::vector<std::string> addresses{"10.9.0.2/24", "fd09::2/64"};  ///< inside the tunnel
  std::vector<std::string> listen{"127.0.0.1:0", "[::1]:0"};
  std::uint32_t handshakes_per_second = 1000;
  std::uint32_t handshake_burst = 512;
  noise::Tai64n last_stamp{};
  bool measuring = false;
  bool stun = false;    ///< answers STUN on the same port
  std::string netns{};  ///< path of the namespace its sockets lie in; empty: the test's own
};

/// A peer as it stands in a configuration file; what is empty is left out.
struct TestPeer {
  std::string public_key;
  std::string preshared_key;
  std::string endpoint;
  std::vector<std::string> allowed_ips{"0.0.0.0/0", "::/0"};
  std::chrono::seconds keepalive{0};
};

/// An EmbeddedEndpoint in a TestLoop, with everything it reported. Its clock can be set forward,
/// so that sessions grow old without waiting; the other side's stays where it is.
class TestEndpoint final : private endpoint::Observer {
 public:
  /// Throws where the endpoint cannot be made. @param loop  must outlive it.
  explicit TestEndpoint(TestLoop& loop, TestEndpointOptions options = {});

  tunnel::PeerId add_peer(const TestPeer& peer);
  endpoint::EmbeddedEndpoint& endpoint() { return *endpoint_; }
  tunnel::Interface& interface() { return endpoint_->interface(); }
  inner::Host& host() { return endpoint_->host(); }
  [[nodiscard]] const KeyPair& keys() const { return options_.keys; }
  [[nodiscard]] std::uint16_t port() const { return endpoint_->listen_port(); }

  [[nodiscard]] Now now() const;
  void advance(Nanoseconds by) { ahead_ += by; }
  void rebind();
  void pump();
  void serve();  ///< inner::Services

  bool initiate(tunnel::PeerId peer);
  /// @returns its sequence number. @throws when it cannot be sent.
  std::uint16_t send_echo(const std::string& address, std::size_t payload_size = 56);
  /// Sends one echo request. @returns how long until it was answered intact.
  std::optional<Nanoseconds> ping(const std::string& address, std::size_t payload_size = 56);
  /// Connects, sends `data`, and collects as many bytes that come back.
  std::vector<std::byte> exchange_tcp(const std::string& to, const std::vector<std::byte>& data);
  /// Waits until as many events of a kind have been reported, ever.
  [[nodiscard]] bool wait_for(tunnel::EventKind kind, std::size_t count = 1);

  [[nodiscard]] std::size_t count(tunnel::EventKind kind) const;
  [[nodiscard]] std::size_t count(tunnel::DropReason reason) const;

  std::vector<tunnel::Event> events;
  std::vector<inner::Event> inner_events;
  std::vector<os::SocketError> socket_errors;
  std::vector<os::SendFailure> send_failures;

 private:
  void on_tunnel_event(const tunnel::Event& event) override;
  void on_inner_event(const inner::Event& event) override;
  void on_socket_error(const os::SocketError& error) override { socket_errors.push_back(error); }
  void on_send_failure(const os::SendFailure& failure) override {
    send_failures.push_back(failure);
  }
  void watch();

  TestLoop& loop_;
  TestEndpointOptions options_;
  Nanoseconds ahead_{0};
  crypto::SystemRandom random_;
  std::unique_ptr<endpoint::EmbeddedEndpoint> endpoint_;
  std::optional<inner::Services> services_;
  std::uint16_t echo_id_ = 0;
  std::uint16_t sequence_ = 0;
  std::vector<os::PollLoop::Watch> watches_;
};

}  // namespace wgscope::test
