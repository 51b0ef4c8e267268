#pragma once

#include <optional>
#include <string>
#include <vector>

#include "process.hpp"

namespace wgscope::test {

/// What keeps network namespaces with userspace WireGuard in them from being made here (for
/// GTEST_SKIP); nothing when they can be.
std::optional<std::string> why_no_netns();

/// A name for an interface that no other test uses at this moment, 15 characters at most
/// (IFNAMSIZ). Names must differ between namespaces too: UAPI sockets all lie in one folder, named
/// after their interface.
std::string unique_interface_name();

/// Gives this program and what it starts a /run/netns and a /run/wireguard of their own, empty
/// ones: for tests that stop or kill daemons, whose sockets others would wait for in vain. Before
/// any thread is started. Throws std::system_error.
void leave_shared_folders();

/// A network namespace with its loopback up, named as `ip netns` does and deleted, with the
/// interfaces in it, at the end. Made by `ip`, so the test's own threads stay where they are.
class NetworkNamespace {
 public:
  NetworkNamespace();
  ~NetworkNamespace();
  NetworkNamespace(const NetworkNamespace&) = delete;
  NetworkNamespace& operator=(const NetworkNamespace&) = delete;

  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] std::string path() const { return "/run/netns/" + name_; }

  /// run() and must_run() inside it.
  Finished exec(std::vector<std::string> argv, std::string input = {}) const;
  std::string must(std::vector<std::string> argv, std::string input = {}) const;
  /// `ip` inside it, a command a line, in one process: a tenth of the cost of must(), which gives
  /// its program the namespace's /sys too.
  void ip(std::string commands) const;

 private:
  std::string name_;
};

/// Names of the two ends of a veth pair.
struct Veth {
  std::string left;
  std::string right;
};

/// Joins two namespaces with a veth pair, both ends up.
/// @param left_address, right_address  with prefix length: "10.0.0.1/24".
Veth connect(const NetworkNamespace& left, const std::string& left_address,
             const NetworkNamespace& right, const std::string& right_address);

}  // namespace wgscope::test
