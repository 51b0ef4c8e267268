#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "exporter.hpp"
#include "netns.hpp"
#include "process.hpp"
#include "scenario.hpp"
#include "wireguard_go.hpp"

namespace wgscope::test {

/// Programs that send until they are stopped.
std::unique_ptr<Process> ping(const NetworkNamespace& from, const std::string& to,
                              const std::string& interval = "1", int bytes = 56);

/// An end of a tunnel: a host, its keys, and its wireguard-go, which may come and go.
struct End {
  NetworkNamespace host;
  KeyPair keys = make_key_pair();
  std::optional<WireguardGo> wireguard;
  std::string address;  ///< inside the tunnel
  std::string config;   ///< of its interface

  void start(const std::string& name = unique_interface_name());
};

struct TunnelOptions {
  int peer_keepalive = 0;  ///< seconds; 0 is off
};

/// A gateway with one peer, and an exporter that looks at the gateway's interface alone:
///
///   gateway 192.0.2.1 ------ 192.0.2.2 peer
///            10.9.0.1 ====== 10.9.0.2
///
/// The peer knows the gateway's address, and the gateway learns that of the peer.
class Tunnel : public Fault {
 public:
  explicit Tunnel(const TunnelOptions& options = {});

  [[nodiscard]] std::uint16_t port() const override { return exporter_->server().port; }

 protected:
  /// For a topology of its own: nothing is connected or started.
  struct Unconnected {};
  explicit Tunnel(Unconnected) {}

  /// @param endpoint  the gateway's address as the peer sees it
  void start(const std::string& endpoint, const TunnelOptions& options);
  /// Packets from the peer to the gateway and back; throws when they are lost.
  void meet() const;

  End gateway_{.host = {}, .wireguard = {}, .address = "10.9.0.1", .config = {}};
  End peer_{.host = {}, .wireguard = {}, .address = "10.9.0.2", .config = {}};
  std::optional<Exporter> exporter_;
};

}  // namespace wgscope::test
