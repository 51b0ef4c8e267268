#include <algorithm>
#include <cstddef>
#include <iterator>
#include <string>
#include <string_view>

#include "wgscope/audit/placed.hpp"
#include "wgscope/config/tunnel_file.hpp"
#include "wgscope/config/wg_quick.hpp"
#include "wgscope/diagnosis/finding.hpp"
#include "wgscope/diagnosis/text.hpp"

#include "lint_parts.hpp"

// What the reader of files found: its errors, its warnings, the file's name.

namespace wgscope::audit {
namespace {

using config::WarningKind;
using diagnosis::FindingId;
using diagnosis::text;
using diagnosis::Words;

struct WarningRow {
  WarningKind kind{};
  FindingId id{};
  Words fix;
  Words networkd_fix = "";
};

// The kinds that are missing here are values, which rules look at themselves.
constexpr WarningRow kWarnings[] = {
    {WarningKind::not_known, FindingId::line_not_known,
     "correct the spelling, or delete the line: wg refuses the whole file"},
    {WarningKind::refused, FindingId::line_refused, ""},  // the text says what to write
    {WarningKind::name_unclear, FindingId::peer_name_unclear,
     "write the name between [Peer] and PublicKey: # friendly_name = NAME",
     "write the name between [WireGuardPeer] and PublicKey: # friendly_name = NAME"},
    {WarningKind::header_missing, FindingId::peer_header_missing,
     "insert a line [Peer] above the settings of the second peer",
     "insert a line [WireGuardPeer] above the settings of the second peer"},
    {WarningKind::obfuscated, FindingId::amneziawg_needed,
     "start this tunnel with AmneziaWG, or remove its settings on both ends"},
    {WarningKind::obfuscating, FindingId::amneziawg_not_needed,
     "remove the settings of AmneziaWG: wg refuses the file because of them"},
    {WarningKind::reserved, FindingId::reserved_bytes_configured,
     "use the file with a client that knows the setting, or remove the line"},
    {WarningKind::value_unclear, FindingId::lint_value_unclear,
     "write the IPv6 address in brackets: [ADDRESS]:PORT",
     "write a decimal number that does not begin with 0"},
    {WarningKind::set_again, FindingId::lint_setting_repeated, "delete the line that is not meant",
     "delete the line that is not meant"},
    {WarningKind::ignored, FindingId::line_ignored, "",
     "correct the line; on the host: journalctl -u systemd-networkd shows what networkd ignores"},
};

/// Only texts about unknown and ignored lines have something of the file in them: a name.
diagnosis::Text said(const config::TunnelWarning& warning) {
  if (warning.kind == WarningKind::not_known || warning.kind == WarningKind::ignored)
    return text("{}", diagnosis::Name{warning.text});
  return diagnosis::vouched(warning.text);
}

void lint_errors(const Linted& file, Findings& findings) {
  for (const config::TunnelError& error : file.read.errors) {
    const bool is_exposed = error.kind == config::TunnelErrorKind::key_exposed;
    findings.add(is_exposed ? FindingId::lint_key_exposed : FindingId::lint_line_malformed,
                 file.at(error.at), diagnosis::vouched(error.text));
  }
}

void lint_warnings(const Linted& file, Findings& findings) {
  for (const config::TunnelWarning& warning : file.read.warnings) {
    const auto* const row = std::ranges::find(kWarnings, warning.kind, &WarningRow::kind);
    if (row == std::end(kWarnings)) continue;
    // The error of a line says more than what else is odd about it.
    if (file.has_error(warning.at)) continue;
    auto& added = findings.add(warning.costs_peer ? FindingId::lint_peer_ignored : row->id,
                               file.at(warning.at), said(warning));
    const Words& fix = file.is_networkd() ? row->networkd_fix : row->fix;
    if (!fix.view().empty()) added.finding.fix.emplace_back(fix);
  }
}

/// The letters that wg-quick accepts in the name of an interface.
bool is_of_name(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view("_=+.-").find(c) != std::string_view::npos;
}

void lint_name(const Linted& file, Findings& findings) {
  constexpr std::size_t kLongest = 15;  // IFNAMSIZ - 1 (linux/if.h)
  constexpr std::string_view kEnding = ".conf";
  std::string_view name = file.file->name;
  name.remove_prefix(name.find_last_of('/') + 1);
  if (!name.ends_with(kEnding)) return;
  name.remove_suffix(kEnding.size());
  if (!name.empty() && name.size() <= kLongest && std::ranges::all_of(name, is_of_name)) return;
  auto& added = findings.add(FindingId::lint_file_name, file.whole(),
                             text("wg-quick cannot name an interface '{}' after this file",
                                  diagnosis::Name{std::string(name)}));
  added.finding.evidence = {
      text("the name has {} characters, of which wg-quick accepts at most {}, and only letters, "
           "digits and _=+.-",
           name.size(), kLongest)};
  added.finding.fix = {"rename the file, for instance to wg0.conf"};
}

}  // namespace

bool Linted::has_error(const config::Spot& at) const {
  return std::ranges::any_of(read.errors, [&](const config::TunnelError& error) {
    return error.at.line == at.line && error.at.file == at.file && at.line != 0;
  });
}

void lint_reading(const Linted& file, Findings& findings) {
  lint_errors(file, findings);
  lint_warnings(file, findings);
  if (!file.is_networkd()) lint_name(file, findings);
}

}  // namespace wgscope::audit
