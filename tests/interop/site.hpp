#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "endpoint_fixture.hpp"
#include "netns.hpp"
#include "process.hpp"

// The embedded endpoint against a WireGuard that others wrote. The scenarios are written once; a
// program that has them defines which implementation it is (tests/netns: wireguard-go,
// tests/kernel: the kernel's module).

namespace wgscope::test {

/// An interface of the other implementation, in existence as long as this object.
class RealInterface {
 public:
  RealInterface() = default;
  RealInterface(const RealInterface&) = delete;
  RealInterface& operator=(const RealInterface&) = delete;
  virtual ~RealInterface() = default;
  [[nodiscard]] virtual const std::string& name() const = 0;
};

// What each program defines.
std::optional<std::string> why_no_real_interface();
std::unique_ptr<RealInterface> make_real_interface(const NetworkNamespace& netns);
/// Whether its IPv4 datagrams must not be cut (DF).
bool sets_dont_fragment();

/// A peer of the gateway, as `wg set` takes it; what is empty is left as it is.
struct GatewayPeer {
  std::string public_key{};
  std::string preshared_key{};
  std::string endpoint{};
  std::string allowed_ips = "10.9.0.2/32,fd09::2/128";
  int keepalive = 0;
};

/// The other end: 10.9.0.1 and fd09::1 inside the tunnel, port 51820 outside.
class RealGateway {
 public:
  explicit RealGateway(const NetworkNamespace& netns);

  [[nodiscard]] const KeyPair& keys() const { return keys_; }
  [[nodiscard]] const std::string& name() const {
    return interface_->name();
  }  ///< of the interface
  void set_peer(const GatewayPeer& peer) const;
  void forget_peer(const std::string& public_key) const;
  void listen_on(std::uint16_t port) const;
  void remove();  ///< the interface; nothing else of it may be asked for afterwards

  /// One echo request from its side of the tunnel. @returns whether it was answered.
  [[nodiscard]] bool ping(const std::string& address, std::size_t payload_size) const;

  // As `wg show` has it.
  [[nodiscard]] std::int64_t latest_handshake(const std::string& public_key) const;  ///< 0: none
  [[nodiscard]] std::uint64_t received_bytes(const std::string& public_key) const;
  [[nodiscard]] std::string endpoint_of(const std::string& public_key) const;

 private:
  std::string wg(std::vector<std::string> arguments, std::string input = {}) const;
  [[nodiscard]] std::string show(const char* what, const std::string& public_key) const;

  const NetworkNamespace& netns_;
  std::unique_ptr<RealInterface> interface_;
  KeyPair keys_ = generate_key_pair();
};

/// Two hosts side by side: ours has 10.1.0.1, the gateway's 10.1.0.2. Not a member of Interop:
/// std::optional can construct it only where the class around it is complete.
struct InteropSite {
  NetworkNamespace ours;
  NetworkNamespace theirs;
  Veth way = connect(ours, "10.1.0.1/24", theirs, "10.1.0.2/24");
  RealGateway gateway{theirs};
};

/// Our endpoints' namespace, the gateway's, and a way between them.
///
///   ours 10.1.0.1, fd01::1 ------- 10.1.0.2, fd01::2 theirs
///   10.9.0.2, fd09::2 =============== 10.9.0.1, fd09::1
class Interop : public testing::Test {
 protected:
  void SetUp() override;

  static constexpr const char* kOuter = "10.1.0.2:51820";
  static constexpr const char* kOuter6 = "[fd01::2]:51820";
  static constexpr const char* kInner = "10.9.0.1";
  static constexpr const char* kInner6 = "fd09::1";
  static constexpr const char* kOurs = "10.9.0.2";
  static constexpr const char* kOurs6 = "fd09::2";

  /// An endpoint in `ours`. @param options  where it listens is replaced.
  TestEndpoint make_endpoint(TestEndpointOptions options = {});
  /// The gateway as a peer of ours. @param endpoint  empty: it has to come to us.
  [[nodiscard]] TestPeer gateway_peer(const std::string& endpoint = kOuter) const;
  /// Ours as a peer of the gateway's that it can call by itself.
  static GatewayPeer callable(const TestEndpoint& ours, bool ipv6 = false);

  /// RealGateway::ping() while our endpoints run.
  bool ping_from_gateway(const std::string& address, std::size_t payload_size = 56);
  /// Asks the gateway until it says yes, while our endpoints run. @returns false when
  /// it never does.
  bool gateway_comes_to(const std::function<bool()>& say_yes);
  void between_initiations() { loop_.between_initiations(); }

  [[nodiscard]] const RealGateway& gateway() const { return site_->gateway; }

  std::optional<InteropSite> site_;  ///< made when the test begins, if it can be
  TestLoop loop_;
};

}  // namespace wgscope::test
