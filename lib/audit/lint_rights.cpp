#include <cstdint>
#include <optional>
#include <set>
#include <string>

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
constexpr unsigned kOfGroup = 070;
constexpr unsigned kOfOthers = 07;
constexpr unsigned kReadableByOwner = 0400;
constexpr unsigned kReadableByGroup = 0040;
constexpr unsigned kReadableByAll = 0004;

/// A file, and what is in it.
struct Judged {
  std::string name;
  const FileFacts& facts;
  bool has_secret = false;
  bool is_networkd = false;
};

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

void lint_folder(const Judged& file, Findings& findings) {
  // In a sticky directory, such as /tmp, nobody replaces the files of others.
  const auto& folder = file.facts.folder;
  if (!folder || (folder->mode & kSticky) != 0) return;
  const Words who = who_can_change(*folder, file.facts.is_system);
  if (who.view().empty()) return;
  auto& added = findings.add(
      FindingId::lint_file_changeable, {file.name, 0, 0},
      file.is_networkd
          ? text("{} can write to the directory of this file and replace the file, from which "
                 "networkd makes the tunnel",
                 who)
          : text("{} can write to the directory of this file and replace the file, whose commands "
                 "run as root",
                 who));
  added.finding.evidence = {text("of the directory: {}", mode(folder->mode))};
  added.finding.fix = {file.is_networkd
                           ? "on the host: chown root:, then chmod 755 for the directory"
                           : "on the host: chown root:, then chmod 700 for the directory"};
}

/// Who reads a file's secrets and must not. networkd reads them as a user of its own, whose group
/// may have them.
bool is_readable_by_others(const Judged& file, const std::optional<NetworkdUser>& networkd) {
  const FileRights& rights = file.facts.file;
  if (!file.is_networkd) return (rights.mode & kReadableByOthers) != 0;
  if ((rights.mode & kOfOthers) != 0) return true;
  const bool is_its_group = !networkd || rights.group == networkd->group || rights.group == 0;
  return (rights.mode & kOfGroup) != 0 && !is_its_group;
}

void lint_secret(const Judged& file, const LintView& view, Findings& findings) {
  if (!file.has_secret || !is_readable_by_others(file, view.options.networkd_user)) return;
  auto& added =
      findings.add(FindingId::key_readable_by_others, {file.name, 0, 0},
                   "other users of this host can read this file, which contains a secret key");
  added.finding.evidence = {mode(file.facts.file.mode)};
  const diagnosis::Path path{file.name};
  added.finding.fix = {
      file.is_networkd
          ? text("on the host: chown root:systemd-network {}, then chmod 640 {}", path, path)
          : text("chmod 600 {}", path)};
}

/// networkd has no more rights than any user.
void lint_unreadable(const Judged& file, const LintView& view, Findings& findings) {
  const auto& networkd = view.options.networkd_user;
  if (!file.is_networkd || !file.facts.is_system || !networkd) return;
  const FileRights& rights = file.facts.file;
  const unsigned needed = rights.owner == networkd->user    ? kReadableByOwner
                          : rights.group == networkd->group ? kReadableByGroup
                                                            : kReadableByAll;
  if ((rights.mode & needed) != 0) return;
  auto& added =
      findings.add(FindingId::lint_networkd_unreadable, {file.name, 0, 0},
                   "networkd runs as the user systemd-network, who cannot read this file");
  added.finding.evidence = {mode(rights.mode)};
  const diagnosis::Path path{file.name};
  added.finding.fix = {
      text("on the host: chown root:systemd-network {}, then chmod 640 {}", path, path)};
}

void lint_file(const Judged& file, const LintView& view, Findings& findings) {
  lint_secret(file, view, findings);
  lint_unreadable(file, view, findings);
  if (const Words who = who_can_change(file.facts.file, file.facts.is_system);
      !who.view().empty()) {
    auto& added = findings.add(
        FindingId::lint_file_changeable, {file.name, 0, 0},
        file.is_networkd
            ? text("{} can change this file, from which networkd makes the tunnel", who)
            : text("{} can change this file, whose commands wg-quick runs as root", who));
    added.finding.evidence = {mode(file.facts.file.mode)};
    const diagnosis::Path path{file.name};
    added.finding.fix = {
        file.is_networkd
            ? text("on the host: chown root:systemd-network {}, then chmod 640 {}", path, path)
            : text("on the host: chown root: {}, then chmod 600 {}", path, path)};
  }
  lint_folder(file, findings);
}

/// The files in which the tunnel has its keys, by their numbers.
std::set<std::uint32_t> with_secrets(const config::TunnelFile& tunnel) {
  std::set<std::uint32_t> files;
  if (tunnel.private_key) files.insert(tunnel.private_key->at.file);
  for (const config::TunnelPeer& peer : tunnel.peers)
    if (peer.preshared_key) files.insert(peer.preshared_key->at.file);
  return files;
}

}  // namespace

void lint_rights(const Linted& file, const LintView& view, Findings& findings) {
  const std::set<std::uint32_t> secret = with_secrets(file.tunnel());
  std::uint32_t number = 0;
  const auto judge = [&](const std::string& name, const std::optional<FileFacts>& facts) {
    if (facts)
      lint_file({name, *facts, secret.contains(number), file.is_networkd()}, view, findings);
    ++number;
  };
  judge(file.file->name, file.file->facts);
  if (!file.file->networkd) return;
  for (const LintUnit& unit : file.file->networkd->drop_ins) judge(unit.name, unit.facts);
  for (const LintUnit& unit : file.file->networkd->network) judge(unit.name, unit.facts);
  for (const LintKeyFile& key : file.file->networkd->keys)
    if (key.facts) lint_file({key.path, *key.facts, true, true}, view, findings);
}

}  // namespace wgscope::audit
