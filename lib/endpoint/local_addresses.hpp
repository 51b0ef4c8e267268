#pragma once

#include <cstddef>
#include <map>
#include <optional>

#include "wgscope/model/address.hpp"

namespace wgscope::endpoint {

/// Remembers to which of the host's addresses each remote address has sent, so that answers leave
/// from the same one: a NAT or firewall on the path would drop them from another one. The kernel's
/// WireGuard keeps that with a peer's endpoint. Here it is kept by remote address, because answers
/// to handshakes go to peers that are not known yet.
class LocalAddresses {
 public:
  /// Forged source addresses can fill this. Then all entries are dropped, and the kernel chooses
  /// the address, as it does for remote addresses that never sent anything.
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

  /// Call it when the local address for this remote one can no longer be sent from.
  void forget(const Endpoint& remote) {
    called_.erase(remote);
    last_remote_.reset();
  }

 private:
  std::map<Endpoint, IpAddress> called_;  // not a hash map: forged keys cannot make it slow
  // A cache: most datagrams come from the same address as the last one.
  std::optional<Endpoint> last_remote_;
  IpAddress last_local_;
};

}  // namespace wgscope::endpoint
