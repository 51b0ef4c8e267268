#include "wgscope/audit/lint.hpp"

#include <algorithm>
#include <cstddef>
#include <optional>
#include <span>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "wgscope/audit/placed.hpp"
#include "wgscope/base/text.hpp"
#include "wgscope/config/inventory.hpp"
#include "wgscope/config/inventory_file.hpp"
#include "wgscope/config/networkd.hpp"
#include "wgscope/config/tunnel_file.hpp"
#include "wgscope/diagnosis/finding.hpp"
#include "wgscope/diagnosis/text.hpp"

#include "lint_parts.hpp"

namespace wgscope::audit {
namespace {

using diagnosis::FindingId;
using diagnosis::text;

/// Takes a key from the file that has it. @returns whether there is one.
template <class Key>
bool take_key(const LintFile& file, const std::optional<config::Located<config::KeySource>>& source,
              std::optional<config::Located<Key>>& into) {
  if (!source || source->value.kind != config::KeySource::Kind::file) return false;
  const auto at = std::ranges::find(file.networkd->keys, source->value.name, &LintKeyFile::path);
  if (at == file.networkd->keys.end()) return false;
  const std::string_view text = at->text.substr(0, at->text.find_last_not_of("\r\n \t") + 1);
  auto key = Key::from_base64(trim(text));
  if (!key) return false;
  into = {std::move(*key), source->at};
  return true;
}

void read_networkd(Linted& made) {
  const LintFile& file = *made.file;
  made.units.push_back({file.name, file.text});
  for (const LintUnit& unit : file.networkd->drop_ins) made.units.push_back({unit.name, unit.text});
  const std::size_t netdev = made.units.size();
  for (const LintUnit& unit : file.networkd->network) made.units.push_back({unit.name, unit.text});
  const std::span<const config::UnitText> all = made.units;
  made.read = config::read_networkd_files(all.first(netdev), all.subspan(netdev));
  config::TunnelFile& tunnel = made.read.tunnel;
  if (take_key(file, tunnel.networkd.private_key_source, tunnel.private_key))
    tunnel.networkd.private_key_source.reset();
  for (config::TunnelPeer& peer : tunnel.peers)
    if (take_key(file, peer.preshared_key_source, peer.preshared_key))
      peer.preshared_key_source.reset();
}

std::vector<Linted> read_all(std::span<const LintFile> files, const LintOptions& options) {
  std::vector<Linted> read;
  read.reserve(files.size());
  for (const LintFile& file : files) {
    if (file.unread) continue;
    Linted& made = read.emplace_back();
    made.file = &file;
    if (file.networkd)
      read_networkd(made);
    else
      made.read = config::read_wg_quick_file(file.text);
    const auto& key = made.tunnel().private_key;
    const bool is_zero = key && std::ranges::all_of(key->value.secret.bytes(), [](std::byte byte) {
                           return byte == std::byte{0};
                         });
    if (key && !is_zero && options.derive) made.own_key = options.derive(key->value);
  }
  return read;
}

LintView view_of(std::span<const Linted> files, const LintOptions& options) {
  LintView view{.files = files, .options = options, .by_key = {}, .declared = {}};
  for (const Linted& file : files)
    if (file.own_key) view.by_key.emplace(*file.own_key, &file);
  if (!options.inventory) return view;
  for (const config::DeclaredPeer& peer : options.inventory->read->inventory.peers) {
    view.declared.emplace(peer.public_key, &peer);
    if (peer.successor) view.declared.emplace(peer.successor->public_key, &peer);
  }
  return view;
}

void lint_unread(std::span<const LintFile> files, Findings& findings) {
  for (const LintFile& file : files)
    if (file.unread)
      findings.add(FindingId::lint_file_unread, {file.name, 0, 0},
                   text("the file could not be read: {}", diagnosis::vouched(*file.unread)));
}

template <class Take>
void each_unit(const LintFile& file, Take take) {
  if (!file.networkd) return;
  for (const LintUnit& unit : file.networkd->drop_ins) take(unit);
  for (const LintUnit& unit : file.networkd->network) take(unit);
}

void lint_one(const Linted& file, const LintView& view, Findings& findings) {
  lint_reading(file, findings);
  lint_keys(file, findings);
  lint_prefixes(file, findings);
  lint_routes(file, findings);
  lint_interface(file, findings);
  lint_keepalive(file, view, findings);
  lint_rights(file, view, findings);
  lint_commands(file, view, findings);
  lint_networkd(file, findings);
}

/// @returns how many were removed.
std::size_t suppress(std::span<const LintFile> files, const LintOptions& options,
                     std::vector<PlacedFinding>& findings) {
  std::unordered_map<std::string_view, std::string_view> texts;
  for (const LintFile& file : files) {
    texts.emplace(file.name, file.text);
    each_unit(file, [&](const LintUnit& unit) { texts.emplace(unit.name, unit.text); });
  }
  if (options.inventory)
    for (const config::InventoryText& file : options.inventory->texts)
      texts.emplace(file.name, file.text);
  std::unordered_map<std::string_view, std::optional<Suppressions>> known;
  return std::erase_if(findings, [&](const PlacedFinding& one) {
    const auto file = texts.find(one.place.file);
    if (file == texts.end()) return false;
    auto& comments = known[file->first];
    if (!comments) comments.emplace(file->second);
    return comments->covers(one);
  });
}

/// A .network file may be for several interfaces, and a list may have one fault several times.
void leave_out_repetitions(std::vector<PlacedFinding>& findings) {
  const auto is_same = [](const PlacedFinding& one, const PlacedFinding& other) {
    const bool is_one_place =
        one.place == other.place || (one.place.file == other.place.file &&
                                     one.place.line == other.place.line && other.edits.empty());
    return is_one_place && one.finding.id == other.finding.id &&
           one.finding.cause.plain() == other.finding.cause.plain();
  };
  findings.erase(std::ranges::unique(findings, is_same).begin(), findings.end());
}

}  // namespace

PlacedFinding& Findings::add(FindingId id, Place place, diagnosis::Text cause) {
  found_.push_back({.finding = {.id = id, .cause = std::move(cause), .evidence = {}},
                    .place = std::move(place)});
  return found_.back();
}

LintResult lint(std::span<const LintFile> files, const LintOptions& options) {
  const std::vector<Linted> read = read_all(files, options);
  const LintView view = view_of(read, options);
  Findings findings;
  lint_unread(files, findings);
  for (const Linted& file : read) lint_one(file, view, findings);
  lint_shared_keys(view, findings);
  lint_ends(view, findings);
  lint_inventory(view, findings);
  lint_policies(view, findings);
  LintResult result{
      .findings = findings.take(), .files = files.size(), .unread = files.size() - read.size()};
  for (const LintFile& file : files) each_unit(file, [&](const LintUnit&) { ++result.files; });
  if (options.inventory) result.files += options.inventory->read->files.size();
  for (const Linted& file : read)
    result.left_off += file.read.error_count - file.read.errors.size();
  result.suppressed = suppress(files, options, result.findings);
  sort(result.findings);
  leave_out_repetitions(result.findings);
  return result;
}

}  // namespace wgscope::audit
