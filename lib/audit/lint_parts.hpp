#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "wgscope/audit/lint.hpp"
#include "wgscope/audit/placed.hpp"
#include "wgscope/config/inventory.hpp"
#include "wgscope/config/tunnel_file.hpp"
#include "wgscope/diagnosis/finding.hpp"
#include "wgscope/diagnosis/text.hpp"
#include "wgscope/model/public_key.hpp"

// The parts of lint. A rule is a function that looks at what was read and adds findings.

namespace wgscope::audit {

/// A file that was read.
struct Linted {
  const LintFile* file = nullptr;
  config::TunnelFileRead read;
  std::optional<PublicKey> own_key;          ///< of its private key, unless that is zero
  std::vector<config::UnitText> units = {};  ///< of networkd: all files that make the tunnel

  [[nodiscard]] const config::TunnelFile& tunnel() const { return read.tunnel; }
  [[nodiscard]] bool is_networkd() const {
    return tunnel().program == config::TunnelProgram::networkd;
  }
  [[nodiscard]] Place at(const config::Spot& spot) const {
    const bool is_other = spot.file != 0 && spot.file < units.size();
    return {is_other ? units[spot.file].name : file->name, spot.line, spot.column};
  }
  [[nodiscard]] Place whole() const { return {file->name, 0, 0}; }
  /// Whether the line of a value has something that cannot be read.
  [[nodiscard]] bool has_error(const config::Spot& at) const;
};

/// Everything that rules look at.
struct LintView {
  std::span<const Linted> files;
  const LintOptions& options;
  /// Files by their own public keys.
  std::unordered_multimap<PublicKey, const Linted*, PublicKeyHash> by_key;
  /// Declared peers by their keys, successors too. Empty without an inventory.
  std::unordered_map<PublicKey, const config::DeclaredPeer*, PublicKeyHash> declared;
};

class Findings {
 public:
  /// @returns what was added, to say more about it; valid until the next call.
  PlacedFinding& add(diagnosis::FindingId id, Place place, diagnosis::Text cause);
  std::vector<PlacedFinding> take() { return std::move(found_); }

 private:
  std::vector<PlacedFinding> found_;
};

/// A line with a part of it replaced. Nothing where the part is not within the line.
std::optional<std::string> replaced(std::string_view line, const config::Spot& part,
                                    std::string_view by);
/// The edit that replaces a value.
Edit replacing(const config::Spot& part, std::string by);
/// "line 3", or "line 3 of FILE" where that is another file than that of `seen_from`.
diagnosis::Text line_of(const Place& place, const Place& seen_from);
/// The peer's name, or its key.
diagnosis::Text name_of(const config::TunnelPeer& peer);

// Of one file.
void lint_reading(const Linted& file, Findings& findings);    // what the reader found
void lint_keys(const Linted& file, Findings& findings);       // zeros, our own
void lint_prefixes(const Linted& file, Findings& findings);   // allowed IPs of its peers
void lint_routes(const Linted& file, Findings& findings);     // what becomes of them as routes
void lint_interface(const Linted& file, Findings& findings);  // addresses, MTU, DNS, values
/// Whether networkd adds a route for the peer's allowed IPs, and to which table.
std::optional<std::string_view> route_table(const config::TunnelFile& tunnel,
                                            const config::TunnelPeer& peer);
/// Whether a table is the one that all packets of the host ask.
bool is_main_table(std::string_view table);
/// Whether two texts name one table.
bool is_one_table(std::string_view one, std::string_view other);
void lint_keepalive(const Linted& file, const LintView& view, Findings& findings);
void lint_rights(const Linted& file, const LintView& view, Findings& findings);  // of its files
void lint_networkd(const Linted& file, Findings& findings);  // what only networkd's files have
void lint_commands(const Linted& file, const LintView& view, Findings& findings);
// Of several.
void lint_shared_keys(const LintView& view, Findings& findings);
void lint_ends(const LintView& view, Findings& findings);
// Of the inventory.
void lint_inventory(const LintView& view, Findings& findings);
void lint_policies(const LintView& view, Findings& findings);

/// Which findings comments in a file suppress.
class Suppressions {
 public:
  explicit Suppressions(std::string_view text);
  [[nodiscard]] bool covers(const PlacedFinding& finding) const;

 private:
  std::multimap<std::uint32_t, std::string> ids_;  ///< by the comment's line
  std::uint32_t first_section_ = 0;                ///< line of the first line that is no comment
};

}  // namespace wgscope::audit
