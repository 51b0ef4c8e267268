// From what each file says to one inventory: groups and defaults are applied, and names and keys
// are compared across files.

#include "inventory_join.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include <fmt/core.h>

#include "wgscope/base/closest.hpp"
#include "wgscope/config/inventory.hpp"
#include "wgscope/config/inventory_file.hpp"
#include "wgscope/model/public_key.hpp"

#include "inventory_cursor.hpp"
#include "inventory_entries.hpp"

namespace wgscope::config {
namespace {

/// How many entries may share one key or one name on different interfaces: more would be compared
/// with one another in vain.
constexpr std::size_t kMaxShared = 64;
/// Among more groups than these none is suggested in place of one that is not known: each is
/// compared with it.
constexpr std::size_t kMaxSuggested = 64;

template <class Setting>
void inherit(std::optional<Setting>& own, const std::optional<Setting>& from) {
  if (!own) own = from;
}

void inherit(PeerSettings& own, const PeerSettings& from) {
  inherit(own.interfaces, from.interfaces);
  inherit(own.persistent_keepalive, from.persistent_keepalive);
  inherit(own.preshared_key, from.preshared_key);
  if (!own.expected_online) {
    own.expected_online = from.expected_online;
    own.schedule = from.schedule;
  }
  inherit(own.grace, from.grace);
  inherit(own.rotation, from.rotation);
  inherit(own.key_created, from.key_created);
  for (const DeclaredLabel& label : from.labels)
    if (find_label(own.labels, label.name) == nullptr)
      own.labels.insert(std::ranges::lower_bound(own.labels, label.name, {}, &DeclaredLabel::name),
                        label);
}

DeclaredPeer made_of(DeclaredPeer peer, PeerSettings settings) {
  if (settings.interfaces) peer.interfaces = std::move(*settings.interfaces);
  peer.persistent_keepalive = settings.persistent_keepalive.value_or(std::nullopt);
  peer.preshared_key = settings.preshared_key.value_or(PresharedKeyRule::any);
  peer.expected_online = settings.expected_online.value_or(ExpectedOnline::roaming);
  peer.schedule = std::move(settings.schedule);
  peer.grace = settings.grace.value_or(std::nullopt);
  peer.rotation = settings.rotation.value_or(std::nullopt);
  peer.key_created = settings.key_created;
  peer.labels = std::move(settings.labels);
  return peer;
}

bool hosts_overlap(const DeclaredInterface& a, const DeclaredInterface& b) {
  return a.hosts.empty() || b.hosts.empty() ||
         std::ranges::find_first_of(a.hosts, b.hosts) != a.hosts.end();
}

bool overlap(const InterfaceRef& a, const InterfaceRef& b) {
  return a.name == b.name && (a.host.empty() || b.host.empty() || a.host == b.host);
}

/// Whether two peers can be of one interface.
bool interfaces_overlap(const DeclaredPeer& a, const DeclaredPeer& b) {
  if (a.interfaces.empty() || b.interfaces.empty()) return true;
  return std::ranges::any_of(a.interfaces, [&b](const InterfaceRef& one) {
    return std::ranges::any_of(b.interfaces,
                               [&one](const InterfaceRef& other) { return overlap(one, other); });
  });
}

bool refers_to(const InterfaceRef& ref, const DeclaredInterface& interface) {
  return ref.name == interface.name &&
         (ref.host.empty() || interface.hosts.empty() ||
          std::ranges::find(interface.hosts, ref.host) != interface.hosts.end());
}

class Join {
 public:
  Join(std::vector<FilePart>& files, bool& complete) : files_(&files), complete_(&complete) {}

  Inventory run() {
    for (FilePart& file : *files_) {
      if (file.broken) {
        any_broken_ = true;
        continue;
      }
      collect(file);
    }
    for (FilePart& file : *files_)
      if (!file.broken) add_interfaces(file);
    reserve();
    for (FilePart& file : *files_)
      if (!file.broken) add_peers(file);
    *complete_ = complete_so_far_ && !any_broken_;
    return std::move(made_);
  }

 private:
  void collect(FilePart& file) {
    for (GroupEntry& group : file.entries.groups) {
      const auto [known, is_new] = groups_.emplace(group.name, &group);
      if (!is_new)
        leave_out(file, group.position, fmt::format("the group '{}' is declared twice", group.name),
                  known->second->position);
    }
    const auto append = [](auto& to, auto& from) {
      std::move(from.begin(), from.end(), std::back_inserter(to));
    };
    Policies& from = file.entries.policies;
    append(made_.policies.widest_prefix, from.widest_prefix);
    append(made_.policies.no_overlap, from.no_overlap);
    append(made_.policies.no_reach, from.no_reach);
    append(made_.policies.reserved, from.reserved);
    append(made_.unmanaged_interfaces, file.entries.unmanaged_interfaces);
  }

  void leave_out(FilePart& file, Position at, std::string why,
                 std::optional<Position> other = std::nullopt) {
    file.problems.add(ProblemKind::error, at, std::move(why), other);
    complete_so_far_ = false;
  }

  void add_interfaces(FilePart& file) {
    for (DeclaredInterface& interface : file.entries.interfaces)
      if (is_unique(file, interface)) {
        const std::size_t index = made_.interfaces.size();
        by_interface_[interface.name].push_back(index);
        if (interface.public_key) interface_keys_.emplace(*interface.public_key, index);
        made_.interfaces.push_back(std::move(interface));
      }
  }

  bool is_unique(FilePart& file, const DeclaredInterface& interface) {
    if (interface.public_key)
      if (const auto same = interface_keys_.find(*interface.public_key);
          same != interface_keys_.end()) {
        leave_out(file, interface.position, "another interface has the same public key",
                  made_.interfaces[same->second].position);
        return false;
      }
    const auto namesakes = by_interface_.find(interface.name);
    if (namesakes == by_interface_.end()) return true;
    if (namesakes->second.size() >= kMaxInventoryItems) {
      leave_out(file, interface.position, "too many interfaces have this name");
      return false;
    }
    for (const std::size_t other : namesakes->second)
      if (hosts_overlap(made_.interfaces[other], interface)) {
        leave_out(file, interface.position,
                  fmt::format("the interface '{}' is declared twice for one host", interface.name),
                  made_.interfaces[other].position);
        return false;
      }
    return true;
  }

  void reserve() {
    std::size_t count = 0;
    for (const FilePart& file : *files_)
      if (!file.broken) count += file.entries.peers.size();
    made_.peers.reserve(count);
    by_name_.reserve(count);
    by_key_.reserve(count);
    next_with_key_.reserve(count);
  }

  void add_peers(FilePart& file) {
    for (PeerEntry& entry : file.entries.peers) {
      if (made_.peers.size() >= kMaxInventoryPeers) {
        leave_out(file, entry.peer.position,
                  fmt::format("there are more than {} peers", kMaxInventoryPeers));
        return;
      }
      if (!apply_settings(file, entry)) continue;
      DeclaredPeer peer = made_of(std::move(entry.peer), std::move(entry.settings));
      if (!knows_interfaces(file, peer) || !is_unique(file, peer)) continue;
      if (peer.rotation && !peer.key_created)
        file.problems.add(ProblemKind::warning, peer.position,
                          "rotation has no effect: the peer has no key_created");
      remember(peer);
      made_.peers.push_back(std::move(peer));
    }
  }

  /// Adds what the peer's group and the file's defaults say.
  bool apply_settings(FilePart& file, PeerEntry& entry) {
    const DefaultsEntry& defaults = file.entries.defaults;
    const bool own = !entry.group.empty();
    const std::string& name = own ? entry.group : defaults.group;
    if (!name.empty()) {
      const auto group = groups_.find(name);
      if (group == groups_.end()) {
        leave_out(file, own ? entry.group_at : entry.peer.position, unknown_group(name));
        return false;
      }
      inherit(entry.settings, group->second->settings);
    }
    inherit(entry.settings, defaults.settings);
    return true;
  }

  [[nodiscard]] std::string unknown_group(const std::string& name) const {
    std::vector<std::string> known;
    if (groups_.size() <= kMaxSuggested)
      for (const auto& [group, unused] : groups_) known.emplace_back(group);
    std::ranges::sort(known);
    return fmt::format("unknown group '{}'{}", name, did_you_mean(name, known));
  }

  /// An interface of a broken file is not known, and an inventory of peers alone has none.
  bool knows_interfaces(FilePart& file, const DeclaredPeer& peer) {
    if (any_broken_ || made_.interfaces.empty()) return true;
    for (const InterfaceRef& ref : peer.interfaces) {
      const auto found = by_interface_.find(ref.name);
      const bool known = found != by_interface_.end() &&
                         std::ranges::any_of(found->second, [&](std::size_t index) {
                           return refers_to(ref, made_.interfaces[index]);
                         });
      if (known) continue;
      leave_out(file, peer.position,
                fmt::format("the interface '{}' of this peer is not declared", ref.to_string()));
      return false;
    }
    return true;
  }

  bool is_unique(FilePart& file, const DeclaredPeer& peer) {
    return !is_own_key(file, peer) && has_unique_name(file, peer) &&
           has_unique_key(file, peer, peer.public_key) &&
           (!peer.successor || has_unique_key(file, peer, peer.successor->public_key));
  }

  /// Whether the only interface that the peer belongs to has the peer's key.
  bool is_own_key(FilePart& file, const DeclaredPeer& peer) {
    const auto same = interface_keys_.find(peer.public_key);
    if (same == interface_keys_.end()) return false;
    const DeclaredInterface& interface = made_.interfaces[same->second];
    for (const InterfaceRef& ref : peer.interfaces) {
      if (!refers_to(ref, interface)) continue;
      const auto& namesakes = by_interface_[ref.name];
      const auto of_ref = std::ranges::count_if(
          namesakes, [&](std::size_t index) { return refers_to(ref, made_.interfaces[index]); });
      if (of_ref != 1) continue;
      leave_out(file, peer.position,
                fmt::format("the interface '{}' would be its own peer: both have one public key",
                            ref.to_string()),
                interface.position);
      return true;
    }
    return false;
  }

  bool has_unique_name(FilePart& file, const DeclaredPeer& peer) {
    const auto same = by_name_.find(peer.name);
    if (same == by_name_.end()) return true;
    const DeclaredPeer& other = made_.peers[same->second];
    // One peer of several interfaces may have an entry for each.
    if (other.public_key == peer.public_key && !interfaces_overlap(peer, other)) return true;
    leave_out(file, peer.position, fmt::format("the name '{}' is used twice", peer.name),
              other.position);
    return false;
  }

  bool has_unique_key(FilePart& file, const DeclaredPeer& peer, const PublicKey& key) {
    std::size_t count = 0;
    const auto first = by_key_.find(key);
    std::size_t at = first == by_key_.end() ? kNone : first->second;
    for (; at != kNone; at = next_with_key_[at].second) {
      const DeclaredPeer& other = made_.peers[next_with_key_[at].first];
      if (++count <= kMaxShared && !interfaces_overlap(peer, other)) continue;
      leave_out(file, peer.position,
                fmt::format("the public key of '{}' is used twice, the other time by '{}'",
                            peer.name, other.name),
                other.position);
      return false;
    }
    return true;
  }

  void remember(const DeclaredPeer& peer) {
    const std::size_t index = made_.peers.size();
    by_name_.emplace(peer.name, index);
    remember_key(peer.public_key, index);
    if (peer.successor) remember_key(peer.successor->public_key, index);
  }

  void remember_key(const PublicKey& key, std::size_t index) {
    const auto [first, is_new] = by_key_.emplace(key, next_with_key_.size());
    next_with_key_.emplace_back(
        index, is_new ? kNone : std::exchange(first->second, next_with_key_.size()));
  }

  static constexpr std::size_t kNone = SIZE_MAX;

  std::vector<FilePart>* files_;
  bool* complete_;
  bool any_broken_ = false;
  bool complete_so_far_ = true;
  Inventory made_;
  std::unordered_map<std::string, const GroupEntry*> groups_;
  std::unordered_map<std::string, std::vector<std::size_t>> by_interface_;
  std::unordered_map<PublicKey, std::size_t, PublicKeyHash> interface_keys_;
  std::unordered_map<std::string, std::size_t> by_name_;
  std::unordered_map<PublicKey, std::size_t, PublicKeyHash> by_key_;
  /// Peers with one key, each with where the next one is.
  std::vector<std::pair<std::size_t, std::size_t>> next_with_key_;
};

}  // namespace

Inventory join(std::vector<FilePart>& files, bool& complete) { return Join(files, complete).run(); }

}  // namespace wgscope::config
