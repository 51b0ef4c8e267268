#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <fnmatch.h>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "wgscope/base/result.hpp"
#include "wgscope/config/inventory.hpp"
#include "wgscope/config/networkd.hpp"

#include "networkd_reader.hpp"
#include "networkd_values.hpp"

namespace wgscope::config {
namespace {

constexpr std::string_view kBlanks = " \t\n\r";
constexpr std::string_view kWireGuard = "wireguard";

using Globs = std::vector<Placed<std::string>>;

/// As networkd compares a list of globs, each of which may have "!" in front.
bool fits(const Globs& globs, std::string_view text) {
  const std::string whole(text);
  bool is_match = false;
  bool has_positive = false;
  for (const Placed<std::string>& glob : globs) {
    const bool inverted = glob.value.starts_with('!');
    has_positive |= !inverted;
    if (fnmatch(glob.value.c_str() + (inverted ? 1 : 0), whole.c_str(), 0) != 0) continue;
    if (inverted) return false;
    is_match = true;
  }
  return is_match || !has_positive;
}

/// networkd knows hundreds of keys in these files. Those that are unknown here are passed over.
class NetworkReader final : public UnitReader {
 public:
  NetworkRead read(std::span<const UnitText> files) {
    if (auto fault = read_files(files)) return {.network = {}, .fault = std::move(fault)};
    finish_address();
    // Where udev tells no type, that of the kernel counts.
    network_.matches_wireguard =
        fits(kinds_, kWireGuard) && (fits(types_, kWireGuard) || fits(types_, "none"));
    network_.warnings = take_warnings();
    return {.network = std::move(network_), .fault = std::nullopt};
  }

 private:
  struct Key {
    std::string_view section;
    std::string_view name;
    void (NetworkReader::*read)(const UnitSetting& setting);
  };
  static const std::array<Key, 20> kKeys;

  [[nodiscard]] bool knows_section(std::string_view) const override { return true; }

  void begin_section(std::string_view name, Position at) override {
    finish_address();
    if (name == "Address") address_.emplace();
    if (name == "Route") network_.routes.push_back({{}, at});
    if (name == "RoutingPolicyRule") network_.rules.push_back({{}, at});
  }

  bool setting(const UnitSetting& setting) override {
    if (setting.section == "Match" && !setting.value.empty()) network_.has_match = true;
    const auto* const key = std::ranges::find_if(kKeys, [&](const Key& one) {
      return one.section == setting.section && one.name == setting.key;
    });
    if (key != kKeys.end())
      (this->*key->read)(setting);
    else if (setting.section == "Match" && !network_.other_match)
      network_.other_match = setting.at();
    return true;
  }

  static void add_words(const UnitSetting& setting, std::vector<Placed<std::string>>& into) {
    if (setting.value.empty()) return into.clear();
    each_unit_word(setting.value, kBlanks, [&](std::string_view word, std::size_t offset) {
      into.push_back({std::string(word), setting.at(offset)});
    });
  }

  /// One "!" inverts all globs of an assignment.
  static void add_globs(const UnitSetting& setting, Globs& into) {
    const bool inverted = setting.value.starts_with('!');
    const std::size_t before = into.size();
    add_words(setting, into);
    if (!inverted) return;
    for (std::size_t i = before + 1; i < into.size(); ++i) into[i].value.insert(0, 1, '!');
  }

  void match_name(const UnitSetting& setting) { add_globs(setting, network_.match_names); }
  void match_kind(const UnitSetting& setting) { add_globs(setting, kinds_); }
  void match_type(const UnitSetting& setting) { add_globs(setting, types_); }

  void mtu(const UnitSetting& setting) {
    const auto size = parse_unit_size(setting.value);
    if (!size) return ignored(setting, "a number of bytes, maybe with K or M behind it");
    network_.mtu = {*size, setting.at()};
  }

  std::optional<Placed<NetworkAddress>> parse_address(const UnitSetting& setting) {
    const auto read = parse_unit_prefix(setting.value);
    if (!read) {
      ignored(setting, "an address such as 10.0.0.2/24 or fd00::2/64");
      return std::nullopt;
    }
    if (!read->has_length)
      warn(setting.at(),
           "Address has no prefix length, and which one networkd takes depends on its version: "
           "write it, as in 10.0.0.2/24");
    return Placed<NetworkAddress>{{read->prefix, read->has_length}, setting.at()};
  }

  void network_address(const UnitSetting& setting) {
    if (setting.value.empty()) {
      if (network_.addresses.empty()) return;
      network_.addresses.clear();
      return warn(setting.at(),
                  "Address without a value drops the addresses above it; systemd 252 and older "
                  "ignore it and keep them");
    }
    if (auto address = parse_address(setting)) network_.addresses.push_back(std::move(*address));
  }

  /// A section has one address, and a malformed one makes networkd ignore it.
  void section_address(const UnitSetting& setting) {
    auto address = parse_address(setting);
    if (!address) address_is_ignored_ = true;
    if (address) address_ = std::move(address);
  }

  void finish_address() {
    if (address_ && address_->at.line != 0 && !address_is_ignored_)
      network_.addresses.push_back(std::move(*address_));
    address_.reset();
    address_is_ignored_ = false;
  }

  void dns(const UnitSetting& setting) { add_words(setting, network_.dns); }
  void domains(const UnitSetting& setting) { add_words(setting, network_.domains); }

  void gateway(const UnitSetting& setting) {
    if (setting.value.empty()) return;
    NetworkRoute route;
    route.gateway = setting.value;
    network_.routes.push_back({std::move(route), setting.at()});
  }

  template <std::string NetworkRoute::* member>
  void route(const UnitSetting& setting) {
    network_.routes.back().value.*member = setting.value;
  }
  void route_metric(const UnitSetting& setting) {
    network_.routes.back().value.metric = parse_unit_number(setting.value, UINT32_MAX);
    if (!network_.routes.back().value.metric) ignored(setting, "a number from 0 to 4294967295");
  }
  template <std::string NetworkRule::* member>
  void rule(const UnitSetting& setting) {
    network_.rules.back().value.*member = setting.value;
  }
  void rule_inverted(const UnitSetting& setting) {
    network_.rules.back().value.inverted = parse_unit_boolean(setting.value) == Boolean::yes;
  }

  Network network_;
  Globs kinds_;
  Globs types_;
  std::optional<Placed<NetworkAddress>> address_;  ///< of this [Address]; line 0: none yet
  bool address_is_ignored_ = false;
};

const std::array<NetworkReader::Key, 20> NetworkReader::kKeys{{
    {"Match", "Name", &NetworkReader::match_name},
    {"Match", "Kind", &NetworkReader::match_kind},
    {"Match", "Type", &NetworkReader::match_type},
    {"Link", "MTUBytes", &NetworkReader::mtu},
    {"Network", "Address", &NetworkReader::network_address},
    {"Network", "DNS", &NetworkReader::dns},
    {"Network", "Domains", &NetworkReader::domains},
    {"Network", "Gateway", &NetworkReader::gateway},
    {"Address", "Address", &NetworkReader::section_address},
    {"Route", "Destination", &NetworkReader::route<&NetworkRoute::destination>},
    {"Route", "Gateway", &NetworkReader::route<&NetworkRoute::gateway>},
    {"Route", "Table", &NetworkReader::route<&NetworkRoute::table>},
    {"Route", "Metric", &NetworkReader::route_metric},
    {"RoutingPolicyRule", "From", &NetworkReader::rule<&NetworkRule::from>},
    {"RoutingPolicyRule", "To", &NetworkReader::rule<&NetworkRule::to>},
    {"RoutingPolicyRule", "FirewallMark", &NetworkReader::rule<&NetworkRule::firewall_mark>},
    {"RoutingPolicyRule", "Table", &NetworkReader::rule<&NetworkRule::table>},
    {"RoutingPolicyRule", "Priority", &NetworkReader::rule<&NetworkRule::priority>},
    {"RoutingPolicyRule", "InvertRule", &NetworkReader::rule_inverted},
    {"RoutingPolicyRule", "SuppressPrefixLength",
     &NetworkReader::rule<&NetworkRule::suppress_prefix_length>},
}};

}  // namespace

bool Network::matches(std::string_view interface) const {
  return matches_wireguard && fits(match_names, interface);
}

NetworkRead read_network(std::span<const UnitText> files) { return NetworkReader().read(files); }

Result<Network> parse_network(std::span<const UnitText> files) {
  NetworkRead read = read_network(files);
  if (read.fault) return as_error(*read.fault, files);
  return std::move(read.network);
}

}  // namespace wgscope::config
