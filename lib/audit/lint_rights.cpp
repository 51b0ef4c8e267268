#include <algorithm>

#include <fmt/core.h>

#include "wgscope/audit/lint.hpp"
#include "wgscope/audit/placed.hpp"
#include "wgscope/config/tunnel_file.hpp"
#include "wgscope/diagnosis/finding.hpp"
#include "wgscope/diagnosis/text.hpp"

#include "lint_parts.hpp"

// Who can read a file with keys, and who can change what root runs.

namespace wgscope::audit {
namespace {

using diagnosis::FindingId;
using diagnosis::text;
using diagnosis::Words;

constexpr unsigned kReadableByOthers = 077;
constexpr unsigned kWritableByOthers = 02;
constexpr unsigned kWritableByGroup = 020;
constexpr unsigned kSticky = 01000;

bool has_secret(const config::TunnelFile& tunnel) {
  return tunnel.private_key ||
         std::ranges::any_of(tunnel.peers, [](const config::TunnelPeer& peer) {
           return peer.preshared_key.has_value();
         });
}

diagnosis::Text mode(unsigned mode) {
  return text("its mode is {}", diagnosis::vouched(fmt::format("{:04o}", mode)));
}

/// Who but root can change it. A user's own group is a usual thing in a working copy.
Words who_can_change(const FileRights& rights, bool is_system) {
  if ((rights.mode & kWritableByOthers) != 0) return "every user";
  if (!is_system) return "";
  if (rights.owner != 0) return "its owner, who is not root,";
  return diagnosis::either((rights.mode & kWritableByGroup) != 0 && rights.group != 0, "its group",
                           "");
}

void lint_folder(const Linted& file, const FileFacts& facts, Findings& findings) {
  // In a sticky directory, such as /tmp, nobody replaces the files of others.
  if (!facts.folder || (facts.folder->mode & kSticky) != 0) return;
  const Words who = who_can_change(*facts.folder, facts.is_system);
  if (who.view().empty()) return;
  auto& added = findings.add(
      FindingId::lint_file_changeable, file.whole(),
      text("{} can write to the directory of this file and replace the file, whose commands run as "
           "root",
           who));
  added.finding.evidence = {text("of the directory: {}", mode(facts.folder->mode))};
  added.finding.fix = {"on the host: chown root:, then chmod 700 for the directory"};
}

}  // namespace

void lint_rights(const Linted& file, Findings& findings) {
  if (!file.file->facts) return;
  const FileFacts& facts = *file.file->facts;
  if (has_secret(file.tunnel()) && (facts.file.mode & kReadableByOthers) != 0) {
    auto& added =
        findings.add(FindingId::key_readable_by_others, file.whole(),
                     "other users of this host can read this file, which contains a secret key");
    added.finding.evidence = {mode(facts.file.mode)};
    added.finding.fix = {text("chmod 600 {}", diagnosis::Path{file.file->name})};
  }
  if (const Words who = who_can_change(facts.file, facts.is_system); !who.view().empty()) {
    auto& added =
        findings.add(FindingId::lint_file_changeable, file.whole(),
                     text("{} can change this file, whose commands wg-quick runs as root", who));
    added.finding.evidence = {mode(facts.file.mode)};
    const diagnosis::Path path{file.file->name};
    added.finding.fix = {text("on the host: chown root: {}, then chmod 600 {}", path, path)};
  }
  lint_folder(file, facts, findings);
}

}  // namespace wgscope::audit
