#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "wgscope/audit/drift.hpp"
#include "wgscope/config/inventory.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/model/public_key.hpp"

namespace wgscope::audit {
namespace {

using config::DeclaredInterface;
using config::DeclaredLabels;
using config::DeclaredPeer;
using config::InterfaceRef;
using config::Policies;

std::uint8_t least(const Policies& policies, const DeclaredLabels& labels, Family family) {
  return config::least_prefix_length(policies, labels, family).value_or(0);
}

}  // namespace

Declared::Declared(config::Inventory inventory, std::string host, bool complete, std::uint64_t seed)
    : inventory_(std::move(inventory)), host_(std::move(host)), complete_(complete), hash_{seed} {
  undeclared_.least_ipv4 = least(inventory_.policies, {}, Family::v4);
  undeclared_.least_ipv6 = least(inventory_.policies, {}, Family::v6);
  std::size_t keys = 0;
  for (const DeclaredPeer& peer : inventory_.peers) keys += peer.successor ? 2U : 1U;
  holders_.reserve(keys);
  slots_.assign(std::bit_ceil(2 * keys + 1), kNotDeclared);
  terms_.reserve(inventory_.peers.size());
  std::size_t prefixes = 0;
  for (const DeclaredPeer& peer : inventory_.peers) prefixes += peer.allowed_ips.size();
  allowed_ips_.reserve(prefixes);
  for (std::uint32_t i = 0; i < inventory_.peers.size(); ++i) {
    DeclaredPeer& peer = inventory_.peers[i];
    std::ranges::sort(peer.allowed_ips);
    const auto repeated = std::ranges::unique(peer.allowed_ips);
    peer.allowed_ips.erase(repeated.begin(), repeated.end());
    add_terms(peer, add_expected(i));
    add_holder(peer.public_key, i, false);
    if (peer.successor) add_holder(peer.successor->public_key, i, true);
  }
}

void Declared::add_terms(const DeclaredPeer& peer, bool expected) {
  Terms& terms = terms_.emplace_back();
  if (peer.endpoint) {
    terms.port = peer.endpoint->port;
    terms.address = peer.endpoint->address();
    if (!terms.address && expected) terms.name = index_of_name(peer.endpoint->host);
  }
  terms.allowed_ips_first = static_cast<std::uint32_t>(allowed_ips_.size());
  terms.allowed_ips_count = static_cast<std::uint32_t>(peer.allowed_ips.size());
  allowed_ips_.insert(allowed_ips_.end(), peer.allowed_ips.begin(), peer.allowed_ips.end());
  terms.keepalive_declared = peer.persistent_keepalive.has_value();
  if (peer.persistent_keepalive)
    terms.keepalive_seconds = static_cast<std::uint16_t>(peer.persistent_keepalive->count());
  terms.rotates = peer.successor.has_value();
  terms.preshared_key = peer.preshared_key;
  terms.least_ipv4 = least(inventory_.policies, peer.labels, Family::v4);
  terms.least_ipv6 = least(inventory_.policies, peer.labels, Family::v6);
}

std::uint32_t Declared::index_of_name(const std::string& host) {
  const auto [found, is_new] =
      name_indexes_.emplace(host, static_cast<std::uint32_t>(names_.size()));
  if (is_new) names_.push_back(host);
  return found->second;
}

bool Declared::add_expected(std::uint32_t index) {
  const std::vector<InterfaceRef>& interfaces = inventory_.peers[index].interfaces;
  if (interfaces.empty()) everywhere_.push_back(index);
  bool expected = interfaces.empty();
  for (const InterfaceRef& ref : interfaces) {
    if (!ref.host.empty() && ref.host != host_) continue;
    expected = true;
    std::vector<std::uint32_t>& peers = named_[ref.name];
    if (peers.empty() || peers.back() != index) peers.push_back(index);
  }
  return expected;
}

std::size_t Declared::slot_of(const PublicKey& key) const {
  std::size_t slot = hash_(key) & (slots_.size() - 1);
  while (slots_[slot] != kNotDeclared && holders_[slots_[slot]].key != key)
    slot = (slot + 1) & (slots_.size() - 1);
  return slot;
}

void Declared::add_holder(const PublicKey& key, std::uint32_t peer, bool successor) {
  std::uint32_t& first = slots_[slot_of(key)];
  const auto index = static_cast<std::uint32_t>(holders_.size());
  holders_.push_back({.key = key, .peer = peer, .next = first, .successor = successor});
  first = index;
}

const Declared::Holder* Declared::find_key(const PublicKey& key) const {
  const std::uint32_t index = slots_[slot_of(key)];
  return index == kNotDeclared ? nullptr : &holders_[index];
}

bool Declared::is_of_this_host(const DeclaredInterface& interface) const {
  return interface.hosts.empty() ||
         std::ranges::find(interface.hosts, host_) != interface.hosts.end();
}

bool Declared::knows_this_host() const {
  return inventory_.interfaces.empty() ||
         std::ranges::any_of(inventory_.interfaces, [this](const DeclaredInterface& interface) {
           return is_of_this_host(interface);
         });
}

std::uint32_t Declared::find_interface(std::string_view name) const {
  for (std::uint32_t i = 0; i < inventory_.interfaces.size(); ++i)
    if (inventory_.interfaces[i].name == name && is_of_this_host(inventory_.interfaces[i]))
      return i;
  return kNotDeclared;
}

Declared::Expected Declared::expected_on(std::string_view interface) const {
  const auto named = named_.find(std::string(interface));
  Expected expected{.named = {}, .everywhere = everywhere_};
  if (named != named_.end()) expected.named = named->second;
  return expected;
}

}  // namespace wgscope::audit
