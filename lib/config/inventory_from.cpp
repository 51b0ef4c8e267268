#include "wgscope/config/inventory_from.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include <fmt/core.h>

#include "wgscope/base/text.hpp"
#include "wgscope/config/inventory.hpp"
#include "wgscope/config/inventory_file.hpp"
#include "wgscope/config/wg_quick.hpp"
#include "wgscope/model/device.hpp"
#include "wgscope/model/public_key.hpp"

namespace wgscope::config {
namespace {

/// Gives each key one name, and each name to one key.
class Names {
 public:
  const std::string& of(const KnownPeer& peer, const std::string& interface) {
    const auto known = by_key_.find(peer.public_key);
    if (known != by_key_.end()) return known->second;
    // Room for the number behind it, which must not make a text too long.
    constexpr std::size_t kLongest = kMaxInventoryText - 8;
    const bool usable = is_inventory_text(peer.name) && peer.name.size() <= kLongest;
    const std::string wanted = usable ? peer.name : interface + "-peer";
    std::string name = usable ? wanted : wanted + "-1";
    made_up_ |= !usable;
    for (std::size_t& number = numbers_[wanted]; !used_.insert(name).second;)
      name = fmt::format("{}-{}", wanted, ++number + 1);
    return by_key_.emplace(peer.public_key, std::move(name)).first->second;
  }
  /// Whether a peer got a name that is not its own.
  [[nodiscard]] bool made_up() const { return made_up_; }

 private:
  std::unordered_map<PublicKey, std::string, PublicKeyHash> by_key_;
  std::unordered_set<std::string> used_;
  std::unordered_map<std::string, std::size_t> numbers_;  ///< the last one behind each name
  bool made_up_ = false;
};

DeclaredInterface declared(const KnownInterface& known) {
  DeclaredInterface made;
  made.name = known.name;
  if (!known.host.empty()) made.hosts.push_back(known.host);
  made.public_key = known.public_key;
  made.addresses = known.addresses;
  made.listen_port = known.listen_port;
  made.mtu = known.mtu;
  made.fwmark = known.fwmark;
  return made;
}

DeclaredPeer declared(const KnownPeer& peer, std::string name, const KnownInterface& interface) {
  DeclaredPeer made;
  made.name = std::move(name);
  made.public_key = peer.public_key;
  made.interfaces.push_back({interface.name, interface.host});
  made.allowed_ips = peer.allowed_ips;
  made.endpoint = peer.endpoint;
  made.persistent_keepalive = peer.persistent_keepalive;
  made.preshared_key =
      peer.has_preshared_key ? PresharedKeyRule::required : PresharedKeyRule::absent;
  return made;
}

/// Makes an inventory that has no errors, and remembers what had to be left out for that.
class Declaring {
 public:
  explicit Declaring(std::span<const KnownInterface> interfaces) {
    for (const KnownInterface& interface : interfaces) {
      declare(interface);
      std::unordered_set<PublicKey, PublicKeyHash> of_interface;
      for (const KnownPeer& peer : interface.peers) {
        // Of a key that a file has twice, WireGuard makes one peer; the file has a warning.
        if (!of_interface.insert(peer.public_key).second || is_own(peer, interface)) continue;
        made_.peers.push_back(declared(peer, names_.of(peer, interface.name), interface));
      }
    }
    if (names_.made_up())
      notes_.emplace_back("Names such as wg0-peer-1 are made up: give these peers their own.");
    if (!made_.peers.empty())
      notes_.emplace_back(
          "Nothing says who should be online: change roaming to always for peers that must be.");
  }

  [[nodiscard]] const Inventory& inventory() const { return made_; }
  [[nodiscard]] const std::vector<std::string>& notes() const { return notes_; }

 private:
  void declare(const KnownInterface& interface) {
    made_.interfaces.push_back(declared(interface));
    if (!interface.public_key) return;
    const auto [holder, is_new] = key_holders_.emplace(*interface.public_key, interface.name);
    if (is_new) return;
    made_.interfaces.back().public_key.reset();
    notes_.push_back(
        fmt::format("public_key of {} is left out: {} has the same key. Give each "
                    "interface a key of its own.",
                    interface.name, holder->second));
  }

  bool is_own(const KnownPeer& peer, const KnownInterface& interface) {
    if (peer.public_key != interface.public_key) return false;
    notes_.push_back(
        fmt::format("A peer of {} is left out: it has the key of {} itself, so "
                    "WireGuard ignores it.",
                    interface.name, interface.name));
    return true;
  }

  Inventory made_;
  Names names_;
  std::unordered_map<PublicKey, std::string, PublicKeyHash> key_holders_;
  std::vector<std::string> notes_;
};

}  // namespace

KnownInterface known_interface(const WgQuickConfig& config, std::optional<PublicKey> public_key) {
  KnownInterface known;
  known.public_key = public_key;
  known.addresses = config.addresses;
  known.listen_port = config.listen_port;
  known.mtu = config.mtu;
  known.fwmark = config.fwmark;
  for (const WgQuickPeer& peer : config.peers)
    known.peers.push_back(
        {.name = peer.name,
         .public_key = peer.public_key,
         .allowed_ips = peer.allowed_ips,
         .endpoint = peer.endpoint,
         .persistent_keepalive = peer.persistent_keepalive.value_or(std::chrono::seconds(0)),
         .has_preshared_key = peer.preshared_key.has_value()});
  return known;
}

KnownInterface known_interface(const Device& device) {
  KnownInterface known;
  known.name = device.name;
  known.public_key = device.public_key;
  if (device.listen_port != 0) known.listen_port = device.listen_port;
  if (device.link && device.link->mtu_bytes <= UINT16_MAX)
    known.mtu = static_cast<std::uint16_t>(device.link->mtu_bytes);
  known.fwmark = device.fwmark;
  for (const Peer& peer : device.peers) {
    const auto allowed = device.allowed_ips_of(peer);
    known.peers.push_back(
        {.name = {},
         .public_key = peer.public_key,
         .allowed_ips = {allowed.begin(), allowed.end()},
         .endpoint = {},
         .persistent_keepalive = std::chrono::seconds(peer.persistent_keepalive_seconds),
         .has_preshared_key = peer.has_preshared_key});
  }
  known.notes = {
      fmt::format("{} as it runs now. Endpoints are left out: WireGuard tells where its peers are, "
                  "not where they are configured to be.",
                  device.name),
      fmt::format("The listen_port of {} is the one in use: remove it if WireGuard chooses it.",
                  device.name)};
  return known;
}

Inventory inventory_from(std::span<const KnownInterface> interfaces) {
  return Declaring(interfaces).inventory();
}

std::string write_inventory_from(std::span<const KnownInterface> interfaces) {
  const Declaring declaring(interfaces);
  std::string text;
  // One line each, which YAML allows, whatever a path in it holds.
  const auto comment = [&text](std::string_view note) {
    text += fmt::format("# {}\n", printable(note, note.size()));
  };
  for (const KnownInterface& interface : interfaces)
    for (const std::string& note : interface.notes) comment(note);
  for (const std::string& note : declaring.notes()) comment(note);
  return text + write_inventory(declaring.inventory());
}

}  // namespace wgscope::config
