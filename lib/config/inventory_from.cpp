#include "wgscope/config/inventory_from.hpp"

#include <chrono>
#include <cstddef>
#include <span>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include <fmt/core.h>

#include "wgscope/config/inventory.hpp"
#include "wgscope/config/inventory_file.hpp"
#include "wgscope/config/wg_quick.hpp"
#include "wgscope/model/public_key.hpp"

namespace wgscope::config {
namespace {

/// Gives each key one name, and each name to one key.
class Names {
 public:
  const std::string& of(const WgQuickPeer& peer, const std::string& interface) {
    const auto known = by_key_.find(peer.public_key);
    if (known != by_key_.end()) return known->second;
    // Room for the number behind it, which must not make a text too long.
    constexpr std::size_t kLongest = kMaxInventoryText - 8;
    const bool usable = is_inventory_text(peer.name) && peer.name.size() <= kLongest;
    const std::string wanted = usable ? peer.name : interface + "-peer";
    std::string name = usable ? wanted : wanted + "-1";
    for (std::size_t& number = numbers_[wanted]; !used_.insert(name).second;)
      name = fmt::format("{}-{}", wanted, ++number + 1);
    return by_key_.emplace(peer.public_key, std::move(name)).first->second;
  }

 private:
  std::unordered_map<PublicKey, std::string, PublicKeyHash> by_key_;
  std::unordered_set<std::string> used_;
  std::unordered_map<std::string, std::size_t> numbers_;  ///< the last one behind each name
};

DeclaredInterface interface_of(const InterfaceFile& file) {
  DeclaredInterface made;
  made.name = file.name;
  if (!file.host.empty()) made.hosts.push_back(file.host);
  made.public_key = file.public_key;
  made.addresses = file.config->addresses;
  made.listen_port = file.config->listen_port;
  made.mtu = file.config->mtu;
  made.fwmark = file.config->fwmark;
  return made;
}

DeclaredPeer peer_of(const WgQuickPeer& peer, std::string name, const InterfaceFile& file) {
  DeclaredPeer made;
  made.name = std::move(name);
  made.public_key = peer.public_key;
  made.interfaces.push_back({file.name, file.host});
  made.allowed_ips = peer.allowed_ips;
  made.endpoint = peer.endpoint;
  made.persistent_keepalive = peer.persistent_keepalive.value_or(std::chrono::seconds(0));
  made.preshared_key = peer.preshared_key ? PresharedKeyRule::required : PresharedKeyRule::absent;
  return made;
}

}  // namespace

Inventory inventory_from(std::span<const InterfaceFile> files) {
  Inventory made;
  Names names;
  for (const InterfaceFile& file : files) {
    made.interfaces.push_back(interface_of(file));
    std::unordered_set<PublicKey, PublicKeyHash> of_interface;
    for (const WgQuickPeer& peer : file.config->peers) {
      // Of a key that a file has twice, WireGuard makes one peer; the file has a warning.
      if (!of_interface.insert(peer.public_key).second) continue;
      made.peers.push_back(peer_of(peer, names.of(peer, file.name), file));
    }
  }
  return made;
}

}  // namespace wgscope::config
