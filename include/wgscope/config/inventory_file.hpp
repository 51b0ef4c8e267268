#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "wgscope/base/result.hpp"
#include "wgscope/config/inventory.hpp"

// Inventories as YAML, of which JSON is a part: docs/inventory.md.

namespace wgscope::config {

inline constexpr std::size_t kMaxInventoryFileSize = std::size_t{64} << 20U;  ///< bytes
inline constexpr std::size_t kMaxInventoryFiles = 10'000;
inline constexpr std::size_t kMaxInventoryPeers = 1'000'000;  ///< in all files
inline constexpr std::size_t kMaxInventoryDepth = 8;          ///< of lists and maps in one another
inline constexpr std::size_t kMaxInventoryItems = 4096;       ///< of one list inside an entry
inline constexpr std::size_t kMaxInventoryText = 128;   ///< bytes of a name or a label's value
inline constexpr std::size_t kMaxProblemsPerFile = 50;  ///< errors, and as many warnings

/// Of the files that count in a folder.
inline constexpr std::array<std::string_view, 3> kInventoryEndings{".yaml", ".yml", ".json"};

struct InventoryText {
  std::string name;  ///< of the file, for messages
  std::string_view text;
};

enum class ProblemKind : std::uint8_t { error, warning };

/// Something wrong in a file.
struct InventoryProblem {
  ProblemKind kind = ProblemKind::error;
  Position position;
  std::string text;               ///< never a key of the file
  std::optional<Position> other;  ///< of what it contradicts
};

struct InventoryFile {
  std::string name;
  bool broken = false;         ///< it has errors of its own, and nothing of it counts
  std::size_t interfaces = 0;  ///< that count
  std::size_t peers = 0;
  std::size_t errors = 0;  ///< how many there are, those that are not kept among them
  std::size_t warnings = 0;
};

struct InventoryRead {
  Inventory inventory;
  std::vector<InventoryFile> files;        ///< in the order in which they were given
  std::vector<InventoryProblem> problems;  ///< by position; kMaxProblemsPerFile of each kind
  /// Every declaration is in the inventory. If false, a key that it does not have may be declared
  /// all the same.
  bool complete = true;

  [[nodiscard]] std::size_t errors() const;
  [[nodiscard]] std::size_t warnings() const;
};

/// Whether this host knows a time zone, and what is wrong otherwise: os::utc_offset().
using KnowsTimeZone = std::function<Result<>(std::string_view name)>;

/// Reads the files of one inventory. Every error is found, not only the first: only after text that
/// is not YAML the rest of its file remains unread.
///
/// A file with an error is broken: nothing of it counts, and the other files do. What several files
/// contradict one another about (a name or a key that is given twice, a group or an interface that
/// nobody declares) costs the entry that comes later, or refers to it.
///
/// YAML's anchors, aliases and tags are refused, so that nothing grows beyond its file. Keys that
/// would be secrets (private and preshared ones), and whatever looks like a key where none belongs,
/// are errors, which do not repeat them.
InventoryRead read_inventory(std::span<const InventoryText> files,
                             const KnowsTimeZone& knows_time_zone);

/// A file's name for messages: one that a terminal can show and an editor can open, where it is one.
std::string shown_file_name(std::string_view name);

/// "team.yaml:12:7: the name is not unique (first used in other.yaml:3:5)"
std::string to_string(const InventoryProblem& problem, std::span<const InventoryFile> files);

/// An inventory as one file, which read_inventory() reads as the same. Groups and defaults are not
/// in it: each peer has its own settings.
std::string write_inventory(const Inventory& inventory);
/// One peer, as an inventory of its own.
std::string write_peer(const DeclaredPeer& peer);

/// Whether a text can be a name or the value of a label: not empty, of at most kMaxInventoryText
/// bytes, UTF-8, without control characters and line breaks, and not a key.
bool is_inventory_text(std::string_view text);
/// Whether Linux takes a name for an interface (dev_valid_name in net/core/dev.c), and an inventory
/// can refer to it: "@" would begin a host.
bool is_interface_name(std::string_view name);
/// Whether a text can be the name of a label, as Prometheus allows them.
bool is_label_name(std::string_view name);
/// Whether a text can be the name of a host.
bool is_host_name(std::string_view name);

}  // namespace wgscope::config
