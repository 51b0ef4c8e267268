#pragma once

#include <optional>
#include <string>
#include <sys/types.h>
#include <vector>

#include "netns.hpp"
#include "process.hpp"

namespace wgscope::test {

/// Keys as `wg` prints them.
struct KeyPair {
  std::string private_key;
  std::string public_key;
};
KeyPair make_key_pair();

/// A WireGuard interface of Debian's wireguard-go, living in a namespace until the end of the
/// scope. Its UAPI socket lies in the folder that all namespaces share.
class WireguardGo {
 public:
  enum class Mode {
    foreground,  ///< a child of the test
    daemon,  ///< as wg-quick starts it: the process that listened has ended, and another one serves
             ///< the socket
  };

  explicit WireguardGo(const NetworkNamespace& netns, Mode mode = Mode::foreground,
                       std::string name = unique_interface_name());
  ~WireguardGo();
  WireguardGo(const WireguardGo&) = delete;
  WireguardGo& operator=(const WireguardGo&) = delete;

  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] std::string socket_path() const { return "/var/run/wireguard/" + name_ + ".sock"; }
  [[nodiscard]] pid_t pid() const { return pid_; }  ///< of the process that serves the socket

  /// Runs `wg` with these arguments inside the namespace; throws unless it succeeds.
  std::string wg(std::vector<std::string> arguments, std::string input = {}) const;

  /// Replaces the whole configuration, in wg(8)'s format: [Interface] with PrivateKey and
  /// ListenPort, [Peer] sections.
  void configure(std::string config) const {
    wg({"setconf", name_, "/dev/stdin"}, std::move(config));
  }

  /// Gives the interface an address ("10.9.0.1/24") and sets it up.
  void up(const std::string& address) const;

  void signal(int number) const;  ///< SIGSTOP makes a socket that accepts and never answers

 private:
  const NetworkNamespace& netns_;
  std::string name_;
  std::optional<Process> foreground_;
  pid_t pid_ = -1;
};

}  // namespace wgscope::test
