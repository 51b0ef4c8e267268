#include "wgscope/config/wg_quick.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/core.h>

#include "wgscope/base/closest.hpp"
#include "wgscope/base/result.hpp"
#include "wgscope/base/secret.hpp"
#include "wgscope/base/secret_string.hpp"
#include "wgscope/base/text.hpp"
#include "wgscope/config/misspelled.hpp"
#include "wgscope/config/tunnel_file.hpp"
#include "wgscope/model/public_key.hpp"

#include "foreign_keys.hpp"
#include "peer_namer.hpp"
#include "wg_quick_lines.hpp"
#include "wg_quick_peers.hpp"
#include "wg_quick_reader.hpp"
#include "wg_quick_values.hpp"

namespace wgscope::config {
namespace {

constexpr std::string_view kNotALine = "expected [Section] or 'Key = value'";

}  // namespace

const std::array<WgQuickReader::Key, 12> WgQuickReader::kInterfaceKeys{{
    {"PrivateKey", Program::wg, false, &WgQuickReader::private_key},
    {"Address", Program::quick, true, &WgQuickReader::address},
    {"ListenPort", Program::wg, false, &WgQuickReader::listen_port},
    {"MTU", Program::quick, false, &WgQuickReader::mtu},
    {"FwMark", Program::wg, false, &WgQuickReader::fwmark},
    {"DNS", Program::quick, true, &WgQuickReader::dns},
    {"Table", Program::quick, false, &WgQuickReader::table},
    {"PreUp", Program::quick, true, &WgQuickReader::kept},
    {"PostUp", Program::quick, true, &WgQuickReader::kept},
    {"PreDown", Program::quick, true, &WgQuickReader::kept},
    {"PostDown", Program::quick, true, &WgQuickReader::kept},
    {"SaveConfig", Program::quick, false, &WgQuickReader::save_config},
}};

const std::array<WgQuickReader::Key, 5> WgQuickReader::kPeerKeys{{
    {"PublicKey", Program::wg, false, &WgQuickReader::public_key},
    {"PresharedKey", Program::wg, false, &WgQuickReader::preshared_key},
    {"AllowedIPs", Program::wg, true, &WgQuickReader::allowed_ips},
    {"Endpoint", Program::wg, false, &WgQuickReader::endpoint},
    {"PersistentKeepalive", Program::wg, false, &WgQuickReader::persistent_keepalive},
}};

std::span<const WgQuickReader::Key> WgQuickReader::known_keys(Section section) const {
  if (section == Section::interface) return kInterfaceKeys;
  return kPeerKeys;
}

Result<WgQuickConfig> WgQuickReader::read(std::string_view text) {
  if (auto done = read_lines(text); !done) return tl::unexpected(done.error());
  if (auto done = check_keys_differ(); !done) return tl::unexpected(done.error());
  finish_file();
  return std::move(config_);
}

Result<> WgQuickReader::read_lines(std::string_view text) {
  if (auto why = why_not_text(text)) return bad_at(0, *why);
  WgQuickLines lines(text);
  if (lines.has_byte_order_mark())
    config_.warnings.push_back({1,
                                "the file begins with a byte order mark, which wg refuses: save "
                                "it as UTF-8 without one",
                                WarningKind::refused});
  while (const auto next = lines.next()) {
    line_ = lines.number();
    if (all_) places_.line(line_, lines.whole(), *next);
    if (auto done = line(*next); !done && !all_) return done;
  }
  if (auto done = finish_section(); !done && !all_) return done;
  if (!any_section_)
    return bad_at(0,
                  "there is no [Interface] or [Peer] section: this is not a wg-quick file, or it "
                  "is cut short");
  return {};
}

TunnelFileRead WgQuickReader::read_all(std::string_view text) {
  all_.emplace();
  static_cast<void>(read_lines(text));
  static_cast<void>(check_keys_differ());
  take_names();
  drop_peers_without_key();
  if (auto warning = amnezia_.warning()) config_.warnings.push_back(std::move(*warning));
  std::ranges::stable_sort(config_.warnings, {}, &Warning::line);
  std::ranges::stable_sort(all_->errors, {}, &TunnelError::at);
  for (Warning& warning : config_.warnings)
    all_->warnings.push_back({.kind = warning.kind,
                              .at = {static_cast<std::uint32_t>(warning.line), warning.column},
                              .text = std::move(warning.text)});
  return std::move(*all_);
}

/// A key that is missing, or was wiped, must not look like one of zeros.
void WgQuickReader::drop_peers_without_key() {
  std::vector<TunnelPeer> kept;
  for (std::size_t i = 0; i < peer_lines_.size(); ++i)
    if (peer_lines_[i].public_key != 0) kept.push_back(std::move(tunnel().peers[i]));
  tunnel().peers = std::move(kept);
}

tl::unexpected<Error> WgQuickReader::bad_at(std::size_t line, std::string_view what,
                                            TunnelErrorKind kind) {
  if (all_) {
    const Spot whole_line{static_cast<std::uint32_t>(line), 0, 0};
    note({kind, line == line_ ? places_.here() : whole_line, std::string(what)});
  }
  return fail(Errc::bad_value,
              line == 0 ? std::string(what) : fmt::format("line {}: {}", line, what));
}

void WgQuickReader::note(TunnelError error) {
  if (all_->error_count++ < kMaxTunnelErrors) all_->errors.push_back(std::move(error));
}

Result<> WgQuickReader::line(std::string_view text) {
  if (text.empty()) namer_.blank();
  if (text.starts_with('#')) namer_.comment(line_, text);
  whole_ = text;
  text = without_comment(text);
  if (text.empty()) return {};
  if (text.starts_with('[')) return begin_section(text);
  namer_.assignment();
  switch (section_) {
    case Section::none:
      return bad("this line is before any section: a file starts with [Interface] or [Peer]");
    case Section::unknown:
      config_.sections.back().lines.push_back({SecretString(), SecretString(text), line_});
      return {};
    case Section::interface:
    case Section::peer: return assign(text);
  }
  return {};
}

Result<> WgQuickReader::begin_section(std::string_view header) {
  if (auto done = finish_section(); !done && !all_) return done;
  seen_.fill(0);
  header_has_blanks_ = false;
  if (is_header(header, "Interface")) {
    namer_.section();
    section_ = Section::interface;
    seen_ = interface_seen_;
    header_has_blanks_ = !iequals(header, "[Interface]");
  } else if (is_header(header, "Peer")) {
    namer_.peer();
    section_ = Section::peer;
    config_.peers.emplace_back().line = line_;
    peer_lines_.emplace_back();
    if (all_) all_->tunnel.peers.emplace_back().at = places_.here();
  } else {
    return unknown_section(header);
  }
  any_section_ = true;
  return {};
}

Result<> WgQuickReader::unknown_section(std::string_view header) {
  namer_.section();
  section_ = Section::unknown;
  config_.sections.push_back({SecretString(header), {}, line_});
  if (!header.ends_with(']')) return bad("a section's name must end with ']'");
  const std::string_view name = showable_key(header.substr(1, header.size() - 2));
  warn(fmt::format("{} is unknown, so its lines are ignored",
                   name.empty() ? "this section" : fmt::format("the section [{}]", name)),
       WarningKind::not_known);
  return {};
}

Result<> WgQuickReader::finish_section() {
  if (section_ == Section::interface) interface_seen_ = seen_;
  if (section_ != Section::peer) return {};
  if (lines().public_key == 0 && !lines().is_key_bad)
    return bad_at(peer().line, "this [Peer] has no PublicKey, which identifies a peer" +
                                   misspelled(config_, peer().line));
  const auto is_seen = [&](std::string_view name) {
    return seen_[static_cast<std::size_t>(std::ranges::find(kPeerKeys, name, &Key::name) -
                                          kPeerKeys.begin())] != 0;
  };
  lines().sets_preshared_key = is_seen("PresharedKey");
  lines().sets_keepalive = is_seen("PersistentKeepalive");
  return {};
}

/// What only the whole file tells.
void WgQuickReader::finish_file() {
  take_names();
  settle_peers(config_, peer_lines_);
  for (WgQuickPeer& one : config_.peers)
    if (!one.reserved) one.reserved = reserved_;
  if (auto warning = amnezia_.warning()) config_.warnings.push_back(std::move(*warning));
  std::ranges::stable_sort(config_.warnings, {}, &Warning::line);
}

void WgQuickReader::take_names() {
  const PeerNamer::Result found = namer_.finish();
  for (std::size_t i = 0; i < config_.peers.size(); ++i) config_.peers[i].name = found.names[i];
  if (all_)
    for (std::size_t i = 0; i < config_.peers.size(); ++i) tunnel().peers[i].name = found.names[i];
  for (Warning& warning : found.warnings()) config_.warnings.push_back(std::move(warning));
}

Result<> WgQuickReader::assign(std::string_view text) {
  const auto assignment = split_assignment(text);
  if (!assignment || assignment->key.empty()) return bad(kNotALine);
  const auto keys = known_keys(section_);
  const auto is_named = [&](const Key& key) {
    return key.program == Program::quick ? iequals(key.name, assignment->key)
                                         : equals_but_blanks(assignment->key, key.name);
  };
  const auto key = std::ranges::find_if(keys, is_named);
  if (key == keys.end()) return unknown_key(*assignment);
  key_ = key->name;
  std::size_t& seen = seen_[static_cast<std::size_t>(key - keys.begin())];
  warn_of_key(*key, seen);
  seen = line_;
  const SecretString squeezed =
      key->program == Program::quick ? SecretString() : without_blanks(assignment->value);
  const std::string_view value =
      key->program == Program::quick ? assignment->value : squeezed.view();
  if (all_) places_.value(assignment->value, value);
  return (this->*key->read)(value);
}

void WgQuickReader::warn_of_key(const Key& key, std::size_t seen) {
  // What a second PublicKey means depends on its value.
  if (seen != 0 && !key.repeats && key.name != "PublicKey")
    warn(fmt::format("{} is already set in line {}; this line takes precedence", key.name, seen),
         WarningKind::set_again);
  if (key.program != Program::quick || !std::exchange(header_has_blanks_, false)) return;
  warn(fmt::format("wg-quick does not recognise its section because of the blanks inside its "
                   "brackets, so it hands {} to wg, which refuses it: write [Interface]",
                   key.name),
       WarningKind::refused);
}

Result<> WgQuickReader::unknown_key(const Assignment& assignment) {
  const bool in_peer = section_ == Section::peer;
  for (const Key& other : known_keys(in_peer ? Section::interface : Section::peer))
    if (iequals(other.name, assignment.key))
      return bad(fmt::format("{} belongs under [{}]", other.name, in_peer ? "Interface" : "Peer"));
  const std::string_view name = showable_key(assignment.key);
  // A key of WireGuard's on a line of its own ends with '='.
  if (name.empty() && assignment.value.empty()) return bad(kNotALine);
  auto& kept_lines = in_peer ? peer().kept : config_.kept;
  kept_lines.push_back({SecretString(assignment.key), SecretString(assignment.value), line_});
  if (foreign_key(assignment)) return {};
  warn(fmt::format("{} is unknown, so it is ignored{}", name.empty() ? "this key" : name,
                   meant_key(name)),
       WarningKind::not_known);
  return {};
}

/// Which key of the section is most like it, in other cases of letters too.
std::string WgQuickReader::meant_key(std::string_view name) const {
  std::vector<std::string> known;
  for (const Key& key : known_keys(section_)) known.emplace_back(key.name);
  return did_you_mean(name, known);
}

/// Of another program than wg and wg-quick. @returns whether it is one that is known.
bool WgQuickReader::foreign_key(const Assignment& assignment) {
  const bool in_peer = section_ == Section::peer;
  if (!in_peer && amnezia_.take(line_, assignment.key, assignment.value)) return true;
  if (!iequals(assignment.key, "Reserved")) return false;
  const auto bytes = parse_reserved(assignment.value);
  if (!bytes) return false;
  (in_peer ? peer().reserved : reserved_) = bytes;
  warn(
      "Reserved sets the three reserved bytes of messages, as Cloudflare WARP wants; wg has no "
      "such setting and refuses the file",
      WarningKind::reserved);
  return true;
}

/// The two are easily taken for each other: both have 44 characters.
Result<> WgQuickReader::check_keys_differ() {
  if (!config_.private_key) return {};
  for (std::size_t i = 0; i < config_.peers.size(); ++i) {
    PublicKey& key = config_.peers[i].public_key;
    if (!std::ranges::equal(key.bytes, config_.private_key->secret.bytes())) continue;
    wipe(std::span<std::byte>(key.bytes));
    if (all_) wipe(std::span<std::byte>(tunnel().peers[i].public_key.value.bytes));
    auto exposed = bad_at(
        peer_lines_[i].public_key,
        fmt::format("this PublicKey is the PrivateKey of line {}; give the peer's public key "
                    "instead (`wg pubkey` derives it from the peer's private key). If the private "
                    "key was given to somebody, replace it",
                    private_key_line_),
        TunnelErrorKind::key_exposed);
    if (!all_) return exposed;
    peer_lines_[i].public_key = 0;
  }
  return {};
}

Result<WgQuickConfig> parse_wg_quick(std::string_view text) { return WgQuickReader().read(text); }

TunnelFileRead read_wg_quick_file(std::string_view text) { return WgQuickReader().read_all(text); }

std::string misspelled(const WgQuickConfig& config, std::size_t after) {
  for (const Warning& warning : config.warnings)
    if (warning.kind == WarningKind::not_known && warning.line > after) {
      const std::size_t suggestion = warning.text.find(": did you mean ");
      return fmt::format("; line {} is unknown, so it is ignored{}", warning.line,
                         suggestion == std::string::npos ? "" : warning.text.substr(suggestion));
    }
  return {};
}

Result<> require_private_key(const WgQuickConfig& config) {
  if (config.private_key) return {};
  if (config.private_key_is_zero)
    return fail(Errc::missing_key,
                "PrivateKey under [Interface] is all zeros, which means that there is none: make "
                "one for this program alone with `wg genkey`");
  return fail(Errc::missing_key,
              "there is no PrivateKey under [Interface]: make one for this program alone with "
              "`wg genkey`");
}

}  // namespace wgscope::config
