#pragma once

#include <chrono>
#include <cstdint>
#include <fstream>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include <fmt/core.h>

#include "endpoint_fixture.hpp"
#include "netns.hpp"
#include "paths.hpp"
#include "process.hpp"
#include "temp_dir.hpp"
#include "wireguard_go.hpp"

namespace wgscope::test {

inline constexpr std::uint16_t kPort = 51820;

enum class Kind : std::uint8_t { wireguard_go, wgscope_listen };

/// A gateway as a process in a namespace, whose only peer is the probe.
class GatewayProcess {
 public:
  GatewayProcess(const NetworkNamespace& netns, Kind kind) {
    const std::string interface =
        fmt::format("[Interface]\nPrivateKey={}\nListenPort={}\n", keys_.private_key, kPort);
    const std::string peer = fmt::format(
        "[Peer]\nPublicKey={}\nAllowedIPs=10.9.0.2/32,fd09::2/128\n", probe_keys_.public_key);
    if (kind == Kind::wireguard_go) {
      tunnel_.emplace(netns);
      tunnel_->configure(interface + peer);
      tunnel_->up("10.9.0.1/24");
      return;
    }
    const std::string file = folder_ / "gateway.conf";
    std::ofstream(file) << interface << "Address=10.9.0.1/24\n" << peer;
    process_.emplace(
        std::vector<std::string>{binary_dir() / "probe/wgscope", "listen", "--config", file,
                                 "--interface", unique_interface_name(), "--state.dir",
                                 folder_.path(), "--uapi.dir", folder_.path()},
        ProcessOptions{.env = {}, .netns = netns.name(), .input = {}});
    if (!process_->wait_for_output("stop with Ctrl-C", std::chrono::seconds{30}))
      throw std::runtime_error("wgscope listen: " + process_->err());
  }

  /// The probe's configuration.
  [[nodiscard]] std::string target_file(const std::string& host) const {
    return fmt::format(
        "[Interface]\nPrivateKey={}\nAddress=10.9.0.2/24\nMTU=1420\n[Peer]\nPublicKey={}\n"
        "AllowedIPs=10.9.0.0/24\nEndpoint={}:{}\n",
        probe_keys_.private_key, keys_.public_key, host, kPort);
  }

  /// The same file on another device of the same owner, which keeps its tunnel alive.
  [[nodiscard]] std::string second_device(const std::string& host) const {
    return fmt::format(
        "[Interface]\nPrivateKey={}\n[Peer]\nPublicKey={}\nAllowedIPs=10.9.0.0/24\n"
        "Endpoint={}:{}\nPersistentKeepalive=1\n",
        probe_keys_.private_key, keys_.public_key, host, kPort);
  }

  [[nodiscard]] const KeyPair& keys() const { return keys_; }
  [[nodiscard]] const KeyPair& probe_keys() const { return probe_keys_; }
  /// What wgscope listen says.
  [[nodiscard]] Process& process() { return process_.value(); }

  /// What `wg show` says of the gateway's interface: "endpoints", "transfer". Of wireguard-go.
  [[nodiscard]] std::string show(const std::string& what) const {
    return tunnel_.value().wg({"show", tunnel_->name(), what});
  }

  /// Of wireguard-go: one more peer, with that address. @returns its file.
  [[nodiscard]] std::string add_peer(const std::string& host, const std::string& address) {
    const KeyPair keys = generate_key_pair();
    static_cast<void>(tunnel_.value().wg(
        {"set", tunnel_->name(), "peer", keys.public_key, "allowed-ips", address + "/32"}));
    return fmt::format(
        "[Interface]\nPrivateKey={}\nAddress={}/24\n[Peer]\nPublicKey={}\nAllowedIPs=10.9.0.0/24\n"
        "Endpoint={}:{}\n",
        keys.private_key, address, keys_.public_key, host, kPort);
  }

  /// Nobody has the port from now on.
  void die() {
    tunnel_.reset();
    process_.reset();
  }

 private:
  KeyPair keys_ = generate_key_pair();
  KeyPair probe_keys_ = generate_key_pair();
  TempDir folder_;
  std::optional<WireguardGo> tunnel_;
  std::optional<Process> process_;
};

}  // namespace wgscope::test
