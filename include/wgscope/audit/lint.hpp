#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "wgscope/audit/placed.hpp"
#include "wgscope/base/keys.hpp"
#include "wgscope/config/inventory_file.hpp"
#include "wgscope/model/public_key.hpp"

// What files say that they should not: each file alone, all together, and both ends of a tunnel.

namespace wgscope::audit {

/// Who can read and change a file or a directory: permission bits and numbers of owner and group
/// (stat(2)).
struct FileRights {
  unsigned mode = 0;
  unsigned owner = 0;
  unsigned group = 0;
};

struct FileFacts {
  FileRights file;
  std::optional<FileRights> folder;  ///< the directory that it is in
  /// It is where root's programs look for it, below /etc. A working copy of a repository belongs to
  /// whoever works on it.
  bool is_system = false;
};

/// A file that belongs to a .netdev file: a drop-in, or the .network file.
struct LintUnit {
  std::string name;
  std::string_view text;  ///< outlives the call of lint()
  std::optional<FileFacts> facts = {};
};

/// A file in which a .netdev file says that a key is.
struct LintKeyFile {
  std::string path;       ///< as the .netdev file has it
  std::string_view text;  ///< outlives the call of lint()
  std::optional<FileFacts> facts = {};
  bool is_missing = false;
  /// Why it could not be read, though it is there; `text` is empty then.
  std::optional<std::string> unread = {};
};

/// What belongs to a .netdev file of systemd-networkd.
struct LintNetworkd {
  std::vector<LintUnit> drop_ins;
  std::vector<LintUnit> network;  ///< the first .network file that fits, and its drop-ins
  bool may_have_network = false;  ///< .network files were looked for, so that none means none
  std::vector<LintKeyFile> keys;
};

struct LintFile {
  std::string name;       ///< as the user named it
  std::string_view text;  ///< outlives the call of lint()
  std::optional<FileFacts> facts = {};
  /// Why it could not be read, without its path or anything of it; `text` is empty then.
  std::optional<std::string> unread = {};
  std::optional<LintNetworkd> networkd = {};  ///< of a .netdev file
};

/// Crypto is no part of this room. @returns nothing if there is no public key for a private one.
using DerivePublicKey = std::function<std::optional<PublicKey>(const PrivateKey&)>;

/// An inventory, whose policies the other files are judged by as well.
struct LintInventory {
  const config::InventoryRead* read = nullptr;
  std::span<const config::InventoryText> texts;  ///< of its files, in the order of read->files
};

struct NetworkdUser {
  unsigned user = 0;
  unsigned group = 0;
};

struct LintOptions {
  DerivePublicKey derive;
  bool behind_nat = false;  ///< the hosts of all files are behind a NAT or a stateful firewall
  /// The user as whom systemd-networkd reads its files. Nothing: this host has none.
  std::optional<NetworkdUser> networkd_user = {};
  std::optional<LintInventory> inventory = {};
};

struct LintResult {
  std::vector<PlacedFinding> findings;  ///< in the order in which they are shown
  std::size_t files = 0;                ///< that were looked at, those that could not be read too
  std::size_t unread = 0;
  std::size_t suppressed = 0;  ///< findings that comments in the files suppress
  std::size_t left_off = 0;    ///< errors of single files behind the first kMaxTunnelErrors
};

/// Looks at wg-quick files, systemd-networkd's files and an inventory. No finding repeats a private or preshared key.
///
/// A comment suppresses findings of its own line and of the line below, and one above the first
/// section also those about the file as a whole:
///
///     # wgscope: ignore WGS-LNT-008, WGS-LNT-013
LintResult lint(std::span<const LintFile> files, const LintOptions& options);

/// What the edits of the findings make of a file, as a unified diff without lines of context, so
/// that no line is shown but those that change. Lines with something that looks like a key are left
/// out, with their edits.
/// @param findings  those of other files are skipped.
/// @returns nothing where there is nothing to change.
std::string diff(const std::string& name, std::string_view text,
                 std::span<const PlacedFinding> findings);

}  // namespace wgscope::audit
