#include "wgscope/config/wg_quick.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <unordered_map>
#include <utility>

#include <fmt/core.h>

#include "wgscope/base/keys.hpp"
#include "wgscope/base/result.hpp"
#include "wgscope/base/secret.hpp"
#include "wgscope/base/secret_string.hpp"
#include "wgscope/base/text.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/model/public_key.hpp"

#include "wg_quick_lines.hpp"
#include "wg_quick_values.hpp"

namespace wgscope::config {
namespace {

constexpr std::string_view kNotALine = "expected [Section] or 'Key = value'";
constexpr std::size_t kMaxKeys = 12;  ///< of a section

bool is_zero(std::span<const std::byte, 32> bytes) {
  return std::ranges::all_of(bytes, [](std::byte b) { return b == std::byte{0}; });
}

/// Gives the items of a comma list to `take`, one after the other, until one fails.
template <class Take>
Result<> each_item(std::string_view list, Take take) {
  while (!list.empty()) {
    const std::size_t end = std::min(list.find(','), list.size());
    const std::string_view item = trim(list.substr(0, end));
    list.remove_prefix(std::min(end + 1, list.size()));
    if (item.empty()) continue;
    if (auto taken = take(item); !taken) return taken;
  }
  return {};
}

class Reader {
 public:
  Result<WgQuickConfig> read(std::string_view text);

 private:
  enum class Section : std::uint8_t { none, interface, peer, unknown };

  struct Key {
    std::string_view name;
    bool repeats;  ///< a list, or a command: more of it adds to it
    Result<> (Reader::*read)(std::string_view value);
  };
  static const std::array<Key, 12> kInterfaceKeys;
  static const std::array<Key, 5> kPeerKeys;
  static_assert(std::max(std::tuple_size_v<decltype(kInterfaceKeys)>,
                         std::tuple_size_v<decltype(kPeerKeys)>) <= kMaxKeys);

  [[nodiscard]] std::span<const Key> known_keys(Section section) const;
  Result<> line(std::string_view text);
  Result<> begin_section(std::string_view header);
  Result<> finish_peer();
  Result<> assign(std::string_view text);
  Result<> unknown_key(const Assignment& assignment);
  Result<> check_keys_differ();

  Result<> private_key(std::string_view value);
  Result<> address(std::string_view value);
  Result<> listen_port(std::string_view value);
  Result<> mtu(std::string_view value);
  Result<> fwmark(std::string_view value);
  Result<> dns(std::string_view value);
  Result<> table(std::string_view value);
  Result<> kept(std::string_view value);
  Result<> public_key(std::string_view value);
  Result<> preshared_key(std::string_view value);
  Result<> allowed_ips(std::string_view value);
  Result<> allow(Prefix prefix);
  Result<> endpoint(std::string_view value);
  Result<> persistent_keepalive(std::string_view value);

  [[nodiscard]] WgQuickPeer& peer() { return config_.peers.back(); }
  [[nodiscard]] tl::unexpected<Error> bad(std::string_view what) const {
    return fail(Errc::bad_value, fmt::format("line {}: {}", line_, what));
  }
  void warn(std::string text) { config_.warnings.push_back({line_, std::move(text)}); }
  void warn_not_known(std::string text) {
    config_.warnings.push_back({.line = line_, .text = std::move(text), .not_known = true});
  }

  struct Owner {
    std::size_t peer;
    std::size_t line;
  };

  WgQuickConfig config_;
  Section section_ = Section::none;
  std::size_t line_ = 0;
  std::size_t private_key_line_ = 0;
  std::size_t public_key_line_ = 0;           ///< of this peer; 0 = none yet
  std::string_view key_;                      ///< of the line being read
  std::array<std::size_t, kMaxKeys> seen_{};  ///< the line of each known key; 0 = none yet
  std::array<std::size_t, kMaxKeys> interface_seen_{};  ///< where [Interface] is taken up again
  std::map<Prefix, Owner> owners_;
  std::unordered_map<PublicKey, std::size_t, PublicKeyHash> peer_lines_;
  bool any_section_ = false;
};

const std::array<Reader::Key, 12> Reader::kInterfaceKeys{{
    {"PrivateKey", false, &Reader::private_key},
    {"Address", true, &Reader::address},
    {"ListenPort", false, &Reader::listen_port},
    {"MTU", false, &Reader::mtu},
    {"FwMark", false, &Reader::fwmark},
    {"DNS", true, &Reader::dns},
    {"Table", false, &Reader::table},
    {"PreUp", true, &Reader::kept},
    {"PostUp", true, &Reader::kept},
    {"PreDown", true, &Reader::kept},
    {"PostDown", true, &Reader::kept},
    {"SaveConfig", false, &Reader::kept},
}};

const std::array<Reader::Key, 5> Reader::kPeerKeys{{
    {"PublicKey", false, &Reader::public_key},
    {"PresharedKey", false, &Reader::preshared_key},
    {"AllowedIPs", true, &Reader::allowed_ips},
    {"Endpoint", false, &Reader::endpoint},
    {"PersistentKeepalive", false, &Reader::persistent_keepalive},
}};

std::span<const Reader::Key> Reader::known_keys(Section section) const {
  if (section == Section::interface) return kInterfaceKeys;
  return kPeerKeys;
}

Result<WgQuickConfig> Reader::read(std::string_view text) {
  WgQuickLines lines(text);
  while (const auto next = lines.next()) {
    line_ = lines.number();
    if (auto done = line(*next); !done) return tl::unexpected(done.error());
  }
  if (auto done = finish_peer(); !done) return tl::unexpected(done.error());
  if (!any_section_)
    return fail(Errc::bad_value,
                "there is no [Interface] or [Peer] section: this is not a wg-quick file, or it is "
                "cut short");
  if (auto done = check_keys_differ(); !done) return tl::unexpected(done.error());
  return std::move(config_);
}

Result<> Reader::line(std::string_view text) {
  if (const auto name = peer_name(text); name && section_ == Section::peer) peer().name = *name;
  text = without_comment(text);
  if (text.empty()) return {};
  if (text.starts_with('[')) return begin_section(text);
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

Result<> Reader::begin_section(std::string_view header) {
  if (auto done = finish_peer(); !done) return done;
  if (section_ == Section::interface) interface_seen_ = seen_;
  seen_.fill(0);
  if (iequals(header, "[Interface]")) {
    section_ = Section::interface;
    seen_ = interface_seen_;
  } else if (iequals(header, "[Peer]")) {
    section_ = Section::peer;
    public_key_line_ = 0;
    config_.peers.emplace_back().line = line_;
  } else if (header.ends_with(']')) {
    section_ = Section::unknown;
    config_.sections.push_back({SecretString(header), {}, line_});
    const std::string_view name = showable_key(header.substr(1, header.size() - 2));
    warn_not_known(
        fmt::format("{} is unknown, so its lines are ignored",
                    name.empty() ? "this section" : fmt::format("the section [{}]", name)));
    return {};
  } else {
    return bad("a section's name must end with ']'");
  }
  any_section_ = true;
  return {};
}

Result<> Reader::finish_peer() {
  if (section_ != Section::peer || public_key_line_ != 0) return {};
  return fail(
      Errc::bad_value,
      fmt::format("line {}: this [Peer] has no PublicKey, which identifies a peer", peer().line));
}

Result<> Reader::assign(std::string_view text) {
  const auto assignment = split_assignment(text);
  if (!assignment || assignment->key.empty()) return bad(kNotALine);
  const auto keys = known_keys(section_);
  const auto named = [&](const Key& key) { return iequals(key.name, assignment->key); };
  const auto key = std::ranges::find_if(keys, named);
  if (key == keys.end()) return unknown_key(*assignment);
  key_ = key->name;
  std::size_t& seen = seen_[static_cast<std::size_t>(key - keys.begin())];
  if (seen != 0 && !key->repeats)
    warn(fmt::format("{} is already set in line {}; this line takes precedence", key->name, seen));
  seen = line_;
  return (this->*key->read)(assignment->value);
}

Result<> Reader::unknown_key(const Assignment& assignment) {
  const bool in_peer = section_ == Section::peer;
  for (const Key& other : known_keys(in_peer ? Section::interface : Section::peer))
    if (iequals(other.name, assignment.key))
      return bad(fmt::format("{} belongs under [{}]", other.name, in_peer ? "Interface" : "Peer"));
  const std::string_view name = showable_key(assignment.key);
  // A key of WireGuard's on a line of its own ends with '='.
  if (name.empty() && assignment.value.empty()) return bad(kNotALine);
  auto& lines = in_peer ? peer().kept : config_.kept;
  lines.push_back({SecretString(assignment.key), SecretString(assignment.value), line_});
  warn_not_known(fmt::format("{} is unknown, so it is ignored", name.empty() ? "this key" : name));
  return {};
}

/// The two are easily taken for each other: both have 44 characters.
Result<> Reader::check_keys_differ() {
  if (!config_.private_key) return {};
  for (WgQuickPeer& peer : config_.peers) {
    if (!std::ranges::equal(peer.public_key.bytes, config_.private_key->secret.bytes())) continue;
    const std::size_t line = peer_lines_.at(peer.public_key);
    wipe(std::span<std::byte>(peer.public_key.bytes));
    return fail(Errc::bad_value,
                fmt::format("line {}: this PublicKey is the PrivateKey of line {}; give the peer's "
                            "public key instead (`wg pubkey` derives it from the peer's private "
                            "key). If the private key was given to somebody, replace it",
                            line, private_key_line_));
  }
  return {};
}

Result<> Reader::private_key(std::string_view value) {
  config_.private_key = PrivateKey::from_base64(value);
  if (!config_.private_key)
    return bad(fmt::format(
        "PrivateKey is not a base64 key of 44 characters ({} given); `wg genkey` makes one",
        value.size()));
  private_key_line_ = line_;
  if (!is_zero(config_.private_key->secret.bytes())) return {};
  config_.private_key.reset();
  warn("PrivateKey is all zeros, which means that there is none");
  return {};
}

Result<> Reader::address(std::string_view value) {
  return each_item(value, [&](std::string_view item) -> Result<> {
    const auto prefix = Prefix::parse(item);
    if (!prefix)
      return bad("Address must be a list of addresses such as 10.0.0.2/24 or fd00::2/64");
    config_.addresses.push_back(*prefix);
    return {};
  });
}

Result<> Reader::listen_port(std::string_view value) {
  const auto port = parse_number(value, UINT16_MAX);
  if (!port) return bad("ListenPort must be a number from 0 to 65535; 0 means any free port");
  config_.listen_port.reset();
  if (*port != 0) config_.listen_port = static_cast<std::uint16_t>(*port);
  return {};
}

Result<> Reader::mtu(std::string_view value) {
  constexpr std::uint32_t kLeast = 68;  // IPv4's (RFC 791 §3.2)
  const auto size = parse_number(value, UINT16_MAX);
  if (!size || *size < kLeast) return bad("MTU must be a number from 68 to 65535");
  config_.mtu = static_cast<std::uint16_t>(*size);
  return {};
}

Result<> Reader::fwmark(std::string_view value) {
  const auto mark = iequals(value, "off") ? 0U : parse_number(value, UINT32_MAX);
  if (!mark) return bad("FwMark must be a number such as 51820 or 0xca6c, or off");
  config_.fwmark.reset();
  if (*mark != 0) config_.fwmark = mark;
  return {};
}

Result<> Reader::dns(std::string_view value) {
  return each_item(value, [&](std::string_view item) -> Result<> {
    if (!is_host(item)) return bad("DNS must be a list of addresses and search domains");
    config_.dns.emplace_back(item);
    return {};
  });
}

Result<> Reader::table(std::string_view value) {
  constexpr std::size_t kLongest = 32;
  if (value.size() > kLongest || !is_host(value))
    return bad("Table must be off, auto, or the number or name of a routing table");
  config_.table = value;
  return {};
}

Result<> Reader::kept(std::string_view value) {
  config_.kept.push_back({SecretString(key_), SecretString(value), line_});
  return {};
}

Result<> Reader::public_key(std::string_view value) {
  const auto key = PublicKey::from_base64(value);
  if (!key) return bad(fmt::format("PublicKey is {}", key.error().context));
  if (public_key_line_ != 0) peer_lines_.erase(peer().public_key);
  const auto [known, is_new] = peer_lines_.emplace(*key, line_);
  if (!is_new)
    return bad(
        fmt::format("this peer is already defined in line {}: keep one of the two", known->second));
  peer().public_key = *key;
  public_key_line_ = line_;
  return {};
}

Result<> Reader::preshared_key(std::string_view value) {
  peer().preshared_key = PresharedKey::from_base64(value);
  if (!peer().preshared_key)
    return bad(fmt::format(
        "PresharedKey is not a base64 key of 44 characters ({} given); `wg genpsk` makes one",
        value.size()));
  if (peer().preshared_key->is_none()) peer().preshared_key.reset();
  return {};
}

Result<> Reader::allowed_ips(std::string_view value) {
  return each_item(value, [&](std::string_view item) -> Result<> {
    const auto prefix = Prefix::parse(item);
    if (!prefix)
      return bad("AllowedIPs must be a list of prefixes such as 10.0.0.0/24 or fd00::/64");
    const Prefix network = without_host_bits(*prefix);
    if (network != *prefix)
      warn(fmt::format("AllowedIPs {} means {}", prefix->to_string(), network.to_string()));
    return allow(network);
  });
}

Result<> Reader::allow(Prefix prefix) {
  const std::size_t index = config_.peers.size() - 1;
  const auto [owner, is_new] = owners_.emplace(prefix, Owner{index, line_});
  if (is_new) {
    peer().allowed_ips.push_back(prefix);
    return {};
  }
  const std::size_t before = owner->second.line;
  if (owner->second.peer != index)
    return bad(
        fmt::format("AllowedIPs {} already belongs to the peer in line {}: only one peer can "
                    "have its traffic",
                    prefix.to_string(), before));
  warn(fmt::format("AllowedIPs {} is already in line {}", prefix.to_string(), before));
  return {};
}

Result<> Reader::endpoint(std::string_view value) {
  auto parsed = EndpointName::parse(value);
  if (!parsed) return bad(fmt::format("Endpoint is {}", parsed.error().context));
  if (!value.starts_with('[') && parsed->host.find(':') != std::string::npos)
    warn(
        "Endpoint has an IPv6 address without brackets: the digits after its last colon are read "
        "as the port");
  peer().endpoint = std::move(*parsed);
  return {};
}

Result<> Reader::persistent_keepalive(std::string_view value) {
  const auto seconds = iequals(value, "off") ? 0U : parse_number(value, UINT16_MAX);
  if (!seconds)
    return bad("PersistentKeepalive must be a number of seconds from 0 to 65535, or off");
  peer().persistent_keepalive.reset();
  if (*seconds != 0) peer().persistent_keepalive = std::chrono::seconds(*seconds);
  return {};
}

}  // namespace

Result<WgQuickConfig> parse_wg_quick(std::string_view text) { return Reader().read(text); }

Result<> require_private_key(const WgQuickConfig& config) {
  if (config.private_key) return {};
  return fail(Errc::missing_key,
              "there is no PrivateKey under [Interface]: make one for this program alone with "
              "`wg genkey`");
}

}  // namespace wgscope::config
