#pragma once

#include <cstddef>
#include <map>
#include <optional>

#include "wgscope/model/address.hpp"

namespace wgscope::endpoint {

/// Which of the host's addresses each remote one has called, so that answers leave from there: a
/// NAT or a firewall on the path would not let them pass from another one. The kernel's WireGuard
/// keeps that with a peer's endpoint; here it is kept by remote address, for answers to handshakes
/// of peers that are not known yet.
class LocalAddresses {
 public:
  /// A sender that forges source addresses can fill this. All entries are then forgotten, and the
  /// kernel chooses the address, as it does for remote addresses that never sent anything.
  static constexpr std::size_t kMost = 8192;

  void note(const Endpoint& remote, const IpAddress& local) {
    if (remote == last_remote_ && local == last_local_) return;
    if (called_.size() >= kMost && !called_.contains(remote)) called_.clear();
    called_.insert_or_assign(remote, local);
    last_remote_ = remote;
    last_local_ = local;
  }

  [[nodiscard]] std::optional<IpAddress> find(const Endpoint& remote) const {
    const auto found = called_.find(remote);
    return found == called_.end() ? std::nullopt : std::optional(found->second);
  }

  /// That address can no longer be sent from.
  void forget(const Endpoint& remote) {
    called_.erase(remote);
    last_remote_.reset();
  }

 private:
  std::map<Endpoint, IpAddress> called_;  // ordered, so that no choice of keys makes it slow
  // Most datagrams come from where the last one did.
  std::optional<Endpoint> last_remote_;
  IpAddress last_local_;
};

}  // namespace wgscope::endpoint
