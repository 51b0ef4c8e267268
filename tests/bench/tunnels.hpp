#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "wgscope/base/keys.hpp"
#include "wgscope/base/random.hpp"
#include "wgscope/base/result.hpp"
#include "wgscope/base/time.hpp"
#include "wgscope/crypto/random.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/model/public_key.hpp"
#include "wgscope/os/udp_socket.hpp"
#include "wgscope/tunnel/interface.hpp"

// Both ends of tunnels, for the bench.

namespace wgscope::bench {

/// Throws what went wrong.
void must(const Result<>& result);

struct Keys {
  PrivateKey private_key;
  PublicKey public_key;

  static Keys make(Random& random);
  [[nodiscard]] PrivateKey copy() const { return {private_key.secret.clone()}; }
};

Endpoint loopback_endpoint(std::uint16_t port);
IpAddress inner_address(std::uint32_t number);  ///< 10.0.0.0 plus the number
Prefix inner_host(std::uint32_t number);

/// Peers of a gateway that share one socket, each an Interface of its own. Their clock runs ahead
/// as it has to for the next handshake; the gateway's does not know.
class Clients {
 public:
  explicit Clients(std::size_t count);
  void connect(const PublicKey& gateway, std::uint16_t gateway_port);

  [[nodiscard]] const std::vector<PublicKey>& public_keys() const { return public_keys_; }
  /// One handshake of each, confirmed, `at_once` of them under way at a time. Throws when one does
  /// not come about.
  void handshake_all(std::size_t at_once);

 private:
  struct Client {
    std::unique_ptr<tunnel::Interface> interface;
    tunnel::PeerId gateway{};
    bool done = false;
  };
  static bool has_new_session(Client& client);
  void receive(Now now);
  [[nodiscard]] Now later() const;

  crypto::SystemRandom random_;
  os::UdpSocket socket_;
  std::vector<Client> clients_;
  std::vector<PublicKey> public_keys_;
  int rounds_ = 0;
};

/// An inner IPv4 packet of UDP, `size` bytes, from and to the numbers' addresses.
std::vector<std::byte> inner_packet(std::uint32_t from, std::uint32_t to, std::size_t size);

/// Sends all that the interface has to send.
void flush(tunnel::Interface& interface, os::UdpSocket& socket);

}  // namespace wgscope::bench
