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
#include <utility>
#include <vector>

#include <fmt/core.h>

#include "wgscope/base/key_text.hpp"
#include "wgscope/base/keys.hpp"
#include "wgscope/base/result.hpp"
#include "wgscope/base/secret.hpp"
#include "wgscope/base/secret_string.hpp"
#include "wgscope/config/inventory.hpp"
#include "wgscope/config/inventory_file.hpp"
#include "wgscope/config/networkd.hpp"
#include "wgscope/config/wg_quick.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/model/public_key.hpp"

#include "networkd_reader.hpp"
#include "networkd_values.hpp"
#include "peer_namer.hpp"
#include "wg_quick_lines.hpp"
#include "wg_quick_values.hpp"

namespace wgscope::config {
namespace {

constexpr std::string_view kPeerSection = "WireGuardPeer";

class NetdevReader final : public UnitReader {
 public:
  NetdevRead read(std::span<const UnitText> files) {
    if (auto fault = read_files(files)) return {.netdev = {}, .faults = {std::move(*fault)}};
    if (kind_ != "wireguard")
      add_fault(UnitFault::Kind::other_kind, {}, "the Kind under [NetDev] is not wireguard",
                Errc::no_device);
    else if (netdev_.name.value.empty())
      add_fault(UnitFault::Kind::no_name, {},
                "there is no Name under [NetDev], so networkd ignores the file");
    drop_exposed_keys();
    finish();
    return {.netdev = std::move(netdev_), .faults = std::move(faults_)};
  }

 private:
  struct Key {
    std::string_view section;
    std::string_view name;
    void (NetdevReader::*read)(const UnitSetting& setting);  ///< nullptr: of no interest here
  };
  static const std::array<Key, 28> kKeys;

  /// What networkd keeps of a section until the end.
  struct Building {
    NetdevPeer peer;
    bool has_public_key = false;
    bool is_ignored = false;  ///< for a malformed setting
  };

  [[nodiscard]] bool knows_section(std::string_view name) const override {
    return std::ranges::find(kKeys, name, &Key::section) != kKeys.end();
  }

  void begin_section(std::string_view name, Position at) override {
    in_peer_ = name == kPeerSection;
    given_.clear();
    if (!in_peer_) return namer_.section();
    namer_.peer();
    ++peers_in_file_;
    building_.emplace_back().peer.at = at;
  }

  bool setting(const UnitSetting& setting) override {
    namer_.assignment();
    const auto* const key = std::ranges::find_if(kKeys, [&](const Key& one) {
      return one.section == setting.section && one.name == setting.key;
    });
    if (key == kKeys.end()) return false;
    const std::size_t before = warning_count();
    if (key->read != nullptr) (this->*key->read)(setting);
    if (warning_count() == before) warn_of_repetition(setting);
    return true;
  }

  /// In one section. Drop-ins are there to set again what is in the file.
  void warn_of_repetition(const UnitSetting& setting) {
    if (setting.value.empty() || setting.key == "AllowedIPs" || setting.key == "PublicKey") return;
    const auto [before, is_new] = given_.emplace(setting.key, setting.at().line);
    if (!is_new)
      warn(setting.at(),
           fmt::format("{} is already set in line {}; this line takes precedence", setting.key,
                       before->second),
           WarningKind::set_again);
    before->second = setting.at().line;
  }

  void comment(std::size_t line, std::string_view text) override { namer_.comment(line, text); }
  void blank() override { namer_.blank(); }

  /// Names in one file say nothing about peers of another.
  void end_file() override {
    given_.clear();
    PeerNamer::Result named = namer_.finish();
    const std::size_t first = building_.size() - peers_in_file_;
    for (std::size_t i = 0; i < peers_in_file_; ++i)
      building_[first + i].peer.name = named.names[i];
    for (Warning& warning : named.warnings("[WireGuardPeer]"))
      warn({file_, static_cast<std::uint32_t>(warning.line), 1}, std::move(warning.text),
           warning.kind);
    namer_ = PeerNamer();
    peers_in_file_ = 0;
    ++file_;
  }

  NetdevPeer& peer() { return building_.back().peer; }

  void name(const UnitSetting& setting) {
    if (!is_interface_name(setting.value))
      return ignored(setting, "the name of an interface, of at most 15 bytes");
    netdev_.name = {std::string(setting.value), setting.at()};
  }

  void kind(const UnitSetting& setting) { kind_ = setting.value; }

  void description(const UnitSetting& setting) {
    netdev_.description = {std::string(setting.value), setting.at()};
  }

  void mtu(const UnitSetting& setting) {
    const auto size = parse_unit_size(setting.value);
    if (!size) return ignored(setting, "a number of bytes, maybe with K or M behind it");
    netdev_.mtu = {*size, setting.at()};
  }

  template <class SecretKey>
  void secret_key(const UnitSetting& setting, std::optional<Placed<SecretKey>>& key,
                  std::optional<Placed<KeySource>>& source, std::optional<Position>& zeros) {
    if (is_credential(setting.value)) {
      source = {{KeySource::Kind::credential, std::string(setting.value.substr(1))}, setting.at()};
      return;
    }
    zeros.reset();
    if (setting.value.empty()) return key.reset();
    const SecretString text = without_blanks(setting.value);
    auto read = SecretKey::from_base64(text.view());
    if (!read)
      return warn(setting.at(), fmt::format("{} is {}, so networkd ignores the line", setting.key,
                                            describe_bad_key(text.view())));
    key = {std::move(*read), setting.at()};
    if (!is_zero(key->value.secret)) return;
    key.reset();
    zeros = setting.at();
    warn(setting.at(), fmt::format("{} is all zeros, which means that there is none", setting.key),
         WarningKind::of_value);
  }

  static bool is_zero(const Secret<32>& secret) {
    return std::ranges::all_of(secret.bytes(), [](std::byte b) { return b == std::byte{0}; });
  }

  void key_file(const UnitSetting& setting, std::optional<Placed<KeySource>>& source) {
    if (setting.value.empty()) return source.reset();
    if (!setting.value.starts_with('/')) return ignored(setting, "an absolute path");
    source = {{KeySource::Kind::file, std::string(setting.value)}, setting.at()};
  }

  void private_key(const UnitSetting& setting) {
    secret_key(setting, netdev_.private_key, netdev_.private_key_source,
               netdev_.private_key_is_zero);
  }
  void private_key_file(const UnitSetting& setting) {
    key_file(setting, netdev_.private_key_source);
  }
  void preshared_key(const UnitSetting& setting) {
    secret_key(setting, peer().preshared_key, peer().preshared_key_source,
               peer().preshared_key_is_zero);
  }
  void preshared_key_file(const UnitSetting& setting) {
    key_file(setting, peer().preshared_key_source);
  }

  void listen_port(const UnitSetting& setting) {
    if (setting.value.empty() || setting.value == "auto") return netdev_.listen_port.reset();
    const auto port = parse_unit_number(setting.value, UINT16_MAX);
    if (!port || *port == 0) return ignored(setting, "a number from 1 to 65535, or auto");
    warn_of_base(setting, *port);
    netdev_.listen_port = {static_cast<std::uint16_t>(*port), setting.at()};
  }

  void fwmark(const UnitSetting& setting) {
    const auto mark = parse_unit_number(setting.value, UINT32_MAX);
    if (!mark) return ignored(setting, "a number from 0 to 4294967295");
    if (!is_hexadecimal(setting.value)) warn_of_base(setting, *mark);
    netdev_.fwmark = {*mark, setting.at()};
  }

  /// 010 is 8, which few expect.
  void warn_of_base(const UnitSetting& setting, std::uint32_t value) {
    if (parse_decimal(setting.value, UINT32_MAX) == value) return;
    warn(setting.at(), fmt::format("networkd reads this {} as {}", setting.key, value),
         WarningKind::value_unclear);
  }

  /// Of a setting that makes networkd ignore the peer.
  void peer_ignored(const UnitSetting& setting, std::string_view must_be) {
    building_.back().is_ignored = true;
    warn_of_peer(setting.at(), fmt::format("{} must be {}, so networkd ignores the whole section",
                                           setting.key, must_be));
  }

  template <class Metric>
  void metric(const UnitSetting& setting, Metric& into) {
    if (setting.value.empty()) return into.reset();
    const auto number = parse_unit_number(setting.value, UINT32_MAX);
    constexpr std::string_view kMustBe = "a number from 0 to 4294967295";
    if (number)
      into = {*number, setting.at()};
    else if (in_peer_)
      peer_ignored(setting, kMustBe);
    else
      ignored(setting, kMustBe);
  }

  std::optional<Placed<std::string>> table(const UnitSetting& setting) {
    if (setting.value.empty()) return std::nullopt;
    if (parse_unit_boolean(setting.value) == Boolean::no)
      return Placed<std::string>{"off", setting.at()};
    const bool is_known = setting.value == "default" || setting.value == "main" ||
                          setting.value == "local" ||
                          parse_unit_number(setting.value, UINT32_MAX).value_or(0) != 0;
    if (!is_known)
      warn(setting.at(),
           fmt::format("RouteTable is not a number, and networkd knows the name only if "
                       "networkd.conf has it; otherwise networkd ignores {}",
                       in_peer_ ? "the whole section" : "the line"));
    return Placed<std::string>{std::string(setting.value), setting.at()};
  }

  void route_table(const UnitSetting& setting) { netdev_.route_table = table(setting); }
  void route_metric(const UnitSetting& setting) { metric(setting, netdev_.route_metric); }
  void peer_route_table(const UnitSetting& setting) { peer().route_table = table(setting); }
  void peer_route_metric(const UnitSetting& setting) { metric(setting, peer().route_metric); }

  void public_key(const UnitSetting& setting) {
    if (setting.value.empty()) {
      building_.back().has_public_key = false;
      return;
    }
    const SecretString text = without_blanks(setting.value);
    const auto key = PublicKey::from_base64(text.view());
    if (!key)
      return warn(setting.at(), fmt::format("PublicKey is {}, so networkd ignores the line",
                                            key.error().context));
    Building& building = building_.back();
    if (building.has_public_key && building.peer.public_key.value != *key) {
      namer_.second_key();
      warn(setting.at(),
           fmt::format("this section has a PublicKey in line {} already, which is lost: most "
                       "likely a [WireGuardPeer] is missing above",
                       building.peer.public_key.at.line),
           WarningKind::header_missing);
    }
    building.peer.public_key = {*key, setting.at()};
    building.has_public_key = true;
  }

  void allowed_ips(const UnitSetting& setting) {
    std::vector<NetdevPrefix>& all = peer().allowed_ips;
    if (setting.value.empty()) {
      if (all.empty()) return;
      all.clear();
      return warn(setting.at(),
                  "AllowedIPs without a value drops the prefixes above it; systemd 252 and older "
                  "ignore it and keep them");
    }
    constexpr std::string_view kMustBe = "a list of prefixes such as 10.0.0.0/24 or fd00::/64";
    const bool is_whole =
        each_unit_word(setting.value, ", \t\n\r", [&](std::string_view word, std::size_t offset) {
          const auto read = parse_unit_prefix(word);
          if (!read)
            return warn(setting.at(offset), fmt::format("AllowedIPs must be {}, so networkd "
                                                        "ignores this one",
                                                        kMustBe));
          all.push_back({.value = without_host_bits(read->prefix),
                         .at = setting.at(offset),
                         .written = read->prefix,
                         .has_length = read->has_length,
                         .letters = letters_of(setting, word, offset)});
          warn_of_prefix(*read, all.back());
        });
    if (!is_whole)
      warn(setting.at(), fmt::format("AllowedIPs must be {}, so networkd ignores the end of the "
                                     "line",
                                     kMustBe));
  }

  /// How many letters a word has in the file; 0 where backslashes are in it.
  static std::uint32_t letters_of(const UnitSetting& setting, std::string_view word,
                                  std::size_t offset) {
    return setting.value.substr(offset, word.size()) == word
               ? static_cast<std::uint32_t>(word.size())
               : 0;
  }

  void warn_of_prefix(const UnitPrefix& read, const NetdevPrefix& taken) {
    if (read.has_odd_length)
      warn(taken.at,
           fmt::format("networkd does not read this prefix length as a decimal number: it means {}",
                       taken.value.to_string()),
           WarningKind::value_unclear);
    else if (read.prefix != taken.value)
      warn(taken.at,
           fmt::format("AllowedIPs {} means {}", read.prefix.to_string(), taken.value.to_string()),
           WarningKind::of_value);
    if (is_unspecified(taken.value.address) && !read.has_length)
      warn(taken.at,
           fmt::format("AllowedIPs {0} is the one address {0}/{1}, which no host has: all "
                       "addresses are {0}/0",
                       taken.value.address.to_string(), taken.value.bits),
           WarningKind::single_address);
  }

  void endpoint(const UnitSetting& setting) {
    UnitEndpoint read = parse_unit_endpoint(setting.value);
    switch (read.kind) {
      case UnitEndpoint::Kind::malformed:
        return peer_ignored(setting,
                            "HOST:PORT, such as gw.example.net:51820 or "
                            "[2001:db8::1]:51820");
      case UnitEndpoint::Kind::unreachable:
        peer().endpoint.reset();
        return warn(setting.at(),
                    "networkd takes this Endpoint, but nothing can be sent there: write HOST:PORT, "
                    "with an IPv6 address in brackets");
      case UnitEndpoint::Kind::usable: peer().endpoint = {std::move(read.endpoint), setting.at()};
    }
  }

  void persistent_keepalive(const UnitSetting& setting) {
    const auto seconds = setting.value == "off" ? 0U : parse_unit_number(setting.value, UINT16_MAX);
    if (!seconds) return peer_ignored(setting, "a number of seconds from 0 to 65535, or off");
    if (setting.value != "off") warn_of_base(setting, *seconds);
    peer().persistent_keepalive = {std::chrono::seconds(*seconds), setting.at()};
  }

  /// The two are easily taken for each other: both have 44 characters.
  void drop_exposed_keys() {
    if (!netdev_.private_key) return;
    for (Building& one : building_) {
      auto& [key, at] = one.peer.public_key;
      if (!one.has_public_key ||
          !std::ranges::equal(key.bytes, netdev_.private_key->value.secret.bytes()))
        continue;
      wipe(std::span<std::byte>(key.bytes));
      one.is_ignored = true;
      add_fault(UnitFault::Kind::key_exposed, at,
                "this PublicKey is the PrivateKey of [WireGuard]; give the peer's public key "
                "instead (`wg pubkey` derives it from the peer's private key). If the private key "
                "was given to somebody, replace it");
    }
  }

  void add_fault(UnitFault::Kind kind, Position at, std::string text, Errc code = Errc::bad_value) {
    faults_.push_back({.kind = kind, .at = at, .text = std::move(text), .code = code});
  }

  void finish() {
    for (Building& one : building_) {
      if (one.is_ignored) continue;
      if (one.has_public_key)
        netdev_.peers.push_back(std::move(one.peer));
      else
        warn_of_peer(one.peer.at, "this [WireGuardPeer] has no PublicKey, so networkd ignores it");
    }
    netdev_.warnings = take_warnings();
  }

  Netdev netdev_;
  std::vector<UnitFault> faults_;
  std::string kind_;
  std::vector<Building> building_;
  PeerNamer namer_;
  std::uint32_t file_ = 0;
  std::size_t peers_in_file_ = 0;
  bool in_peer_ = false;
  std::map<std::string_view, std::uint32_t> given_;  ///< keys of this section, and their lines
};

const std::array<NetdevReader::Key, 28> NetdevReader::kKeys{{
    {"Match", "Host", nullptr},
    {"Match", "Virtualization", nullptr},
    {"Match", "KernelCommandLine", nullptr},
    {"Match", "KernelVersion", nullptr},
    {"Match", "Version", nullptr},
    {"Match", "Credential", nullptr},
    {"Match", "Architecture", nullptr},
    {"Match", "Firmware", nullptr},
    {"NetDev", "Name", &NetdevReader::name},
    {"NetDev", "Kind", &NetdevReader::kind},
    {"NetDev", "Description", &NetdevReader::description},
    {"NetDev", "MTUBytes", &NetdevReader::mtu},
    {"NetDev", "MACAddress", nullptr},
    {"WireGuard", "PrivateKey", &NetdevReader::private_key},
    {"WireGuard", "PrivateKeyFile", &NetdevReader::private_key_file},
    {"WireGuard", "ListenPort", &NetdevReader::listen_port},
    {"WireGuard", "FirewallMark", &NetdevReader::fwmark},
    {"WireGuard", "FwMark", &NetdevReader::fwmark},  // its former name
    {"WireGuard", "RouteTable", &NetdevReader::route_table},
    {"WireGuard", "RouteMetric", &NetdevReader::route_metric},
    {kPeerSection, "PublicKey", &NetdevReader::public_key},
    {kPeerSection, "PresharedKey", &NetdevReader::preshared_key},
    {kPeerSection, "PresharedKeyFile", &NetdevReader::preshared_key_file},
    {kPeerSection, "AllowedIPs", &NetdevReader::allowed_ips},
    {kPeerSection, "Endpoint", &NetdevReader::endpoint},
    {kPeerSection, "PersistentKeepalive", &NetdevReader::persistent_keepalive},
    {kPeerSection, "RouteTable", &NetdevReader::peer_route_table},
    {kPeerSection, "RouteMetric", &NetdevReader::peer_route_metric},
}};

}  // namespace

NetdevRead read_netdev(std::span<const UnitText> files) { return NetdevReader().read(files); }

Result<Netdev> parse_netdev(std::span<const UnitText> files) {
  NetdevRead read = read_netdev(files);
  if (!read.faults.empty()) return as_error(read.faults.front(), files);
  return std::move(read.netdev);
}

}  // namespace wgscope::config
