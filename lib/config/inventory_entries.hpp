#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "wgscope/config/inventory.hpp"

#include "inventory_cursor.hpp"

// What one file says, before groups and defaults are applied.

namespace wgscope::config {

/// What defaults, a group or a peer itself may say of a peer. Each setting that is there replaces
/// that of the group, which replaces that of the defaults; an optional inside says "none".
struct PeerSettings {
  std::optional<std::vector<InterfaceRef>> interfaces;
  std::optional<std::optional<std::chrono::seconds>> persistent_keepalive;
  std::optional<PresharedKeyRule> preshared_key;
  std::optional<ExpectedOnline> expected_online;
  std::optional<Schedule> schedule;
  std::optional<std::optional<std::chrono::hours>> grace;
  std::optional<std::optional<std::chrono::days>> rotation;
  std::optional<std::chrono::sys_days> key_created;
  DeclaredLabels labels;
};

struct PeerEntry {
  DeclaredPeer peer;  ///< what only the peer itself can say
  std::string group;  ///< empty: none of its own
  Position group_at;
  PeerSettings settings;
};

struct GroupEntry {
  std::string name;
  PeerSettings settings;
  Position position;
};

struct DefaultsEntry {
  PeerSettings settings;
  std::string group;  ///< of peers that name none
  Position group_at;
};

struct FileEntries {
  std::vector<DeclaredInterface> interfaces;
  std::vector<PeerEntry> peers;
  std::vector<GroupEntry> groups;
  DefaultsEntry defaults;
  Policies policies;
  std::vector<InterfaceRef> unmanaged_interfaces;
};

/// Reads a file from its beginning to its end.
FileEntries read_entries(InventoryCursor& in);

// The parts of that.
DeclaredInterface read_interface(InventoryCursor& in);
PeerEntry read_peer(InventoryCursor& in);
void read_defaults(InventoryCursor& in, DefaultsEntry& defaults);
void read_groups(InventoryCursor& in, std::vector<GroupEntry>& groups);
void read_policies(InventoryCursor& in, Policies& policies);

// Values that several of them have.
void read_text(InventoryCursor& in, std::string& into);
void read_texts(InventoryCursor& in, std::vector<std::string>& into);
void read_interface_refs(InventoryCursor& in, std::vector<InterfaceRef>& into);
void read_key(InventoryCursor& in, std::optional<PublicKey>& into);
void read_labels(InventoryCursor& in, DeclaredLabels& into);
/// Prefixes without their host bits, with a warning about those.
void read_prefixes(InventoryCursor& in, std::vector<Prefix>& into);
void read_day(InventoryCursor& in, std::optional<std::chrono::sys_days>& into);

}  // namespace wgscope::config
