#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "wgscope/base/keys.hpp"
#include "wgscope/base/result.hpp"
#include "wgscope/config/inventory.hpp"
#include "wgscope/config/names.hpp"
#include "wgscope/config/wg_quick.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/model/public_key.hpp"

// What systemd-networkd's .netdev and .network files mean for a WireGuard interface. What is not
// known here stays in the lines of parse_unit_file() (config/unit_file.hpp), which prints them
// again.

namespace wgscope::config {

/// A value and where it stands. `at.file` is the index of the file: 0 is the main file, 1 the first
/// of its drop-ins.
template <class T>
struct Placed {
  T value{};
  Position at;
};

/// A file and its drop-ins, in the order in which networkd reads them: the main file, then the
/// drop-ins by the names of their files, whatever their directories.
struct UnitText {
  std::string name;  ///< for messages
  std::string_view text;
};

struct UnitWarning {
  Position at;
  std::string text;  ///< never a secret from the file
  WarningKind kind = WarningKind::remark;
  bool costs_peer = false;  ///< networkd ignores the whole [WireGuardPeer], and not the line alone
};

/// What keeps files from being used at all.
struct UnitFault {
  enum class Kind : std::uint8_t {
    syntax,       ///< systemd refuses the file
    other_kind,   ///< a device of another kind than wireguard
    no_name,      ///< networkd ignores a device without a name
    key_exposed,  ///< a PublicKey is the PrivateKey of the file
  };
  Kind kind = Kind::syntax;
  Position at;       ///< line 0: the file as a whole
  std::string text;  ///< never a secret from the file
  Errc code = Errc::bad_value;
};

/// What takes the place of a key in a file: it is not read here.
struct KeySource {
  enum class Kind : std::uint8_t {
    file,        ///< PrivateKeyFile=, PresharedKeyFile=: an absolute path
    credential,  ///< "@NAME" in place of a key, since systemd 256
  };
  Kind kind = Kind::file;
  std::string name;
};

/// A prefix of AllowedIPs.
struct NetdevPrefix {
  Prefix value;  ///< host bits are zero
  Position at;
  Prefix written;             ///< with its host bits
  bool has_length = true;     ///< false: an address alone
  std::uint32_t letters = 0;  ///< that it has in the file; 0: it cannot be replaced as it is
};

struct NetdevPeer {
  Placed<PublicKey> public_key;
  std::optional<Placed<PresharedKey>> preshared_key;  ///< nothing also for a key of zeros
  std::optional<Position> preshared_key_is_zero;      ///< a key of zeros
  std::optional<Placed<KeySource>> preshared_key_source;
  std::vector<NetdevPrefix> allowed_ips;
  std::optional<Placed<EndpointName>> endpoint;  ///< nothing also for one that no packet reaches
  std::optional<Placed<std::chrono::seconds>> persistent_keepalive;  ///< 0: off
  std::optional<Placed<std::string>> route_table;
  std::optional<Placed<std::uint32_t>> route_metric;
  std::string name;  ///< from a comment; docs/names.md
  Position at;       ///< of its [WireGuardPeer]
};

/// A .netdev file of the kind wireguard, with its drop-ins.
struct Netdev {
  Placed<std::string> name;  ///< of the interface
  std::optional<Placed<std::string>> description;
  std::optional<Placed<std::uint32_t>> mtu;
  std::optional<Placed<PrivateKey>> private_key;  ///< nothing also for a key of zeros
  std::optional<Position> private_key_is_zero;    ///< a key of zeros
  std::optional<Placed<KeySource>> private_key_source;
  std::optional<Placed<std::uint16_t>> listen_port;  ///< nothing: not set, or auto
  std::optional<Placed<std::uint32_t>> fwmark;       ///< 0: off
  std::optional<Placed<std::string>> route_table;    ///< "off" where networkd takes it as false
  std::optional<Placed<std::uint32_t>> route_metric;
  std::vector<NetdevPeer>
      peers;  ///< in the order of the files; those networkd ignores are left out
  std::vector<UnitWarning> warnings;  ///< in the order of the files
};

/// Reads a .netdev file and its drop-ins as systemd-networkd 252 does, whose meaning of odd values
/// the tests ask for. What networkd ignores is ignored here too, with a warning: an assignment, or
/// a whole [WireGuardPeer] for an Endpoint, PersistentKeepalive, RouteTable or RouteMetric that is
/// malformed.
/// @param files  not retained. Secrets in them are copied only to memory that is wiped.
/// @returns bad_value, naming file and line but never their text: where networkd ignores the whole
/// file (its syntax, no Name), and for a PublicKey that is our PrivateKey; no_device for another
/// kind than wireguard.
/// Source: systemd.netdev(5) "[WIREGUARD] SECTION OPTIONS"; measured with networkd 252.
Result<Netdev> parse_netdev(std::span<const UnitText> files);

/// What parse_netdev() reads, with all that is wrong with it.
struct NetdevRead {
  Netdev netdev;  ///< what can be used of it where there are faults
  std::vector<UnitFault> faults;
};
NetdevRead read_netdev(std::span<const UnitText> files);

/// An address of a .network file.
struct NetworkAddress {
  Prefix prefix;                ///< with its host bits
  bool length_is_known = true;  ///< false: none is given, and versions of networkd take another one
};

/// [Route]: only what is given. Empty: not given.
struct NetworkRoute {
  std::string destination;
  std::string gateway;
  std::string table;
  std::optional<std::uint32_t> metric;
};

/// [RoutingPolicyRule]: only what is given. Empty: not given.
struct NetworkRule {
  std::string from;
  std::string to;
  std::string firewall_mark;
  std::string table;
  std::string priority;
  bool inverted = false;
  std::string suppress_prefix_length;
};

/// A .network file, as far as a WireGuard interface needs it.
struct Network {
  std::vector<Placed<std::string>> match_names;  ///< globs; "!" before the first inverts all
  /// Another condition that depends on more than the interface's name, kind and type.
  std::optional<Position> other_match;
  bool matches_wireguard = true;  ///< by the Kind and Type of [Match]
  bool has_match = false;         ///< without any, networkd takes the file for every interface
  std::optional<Placed<std::uint32_t>> mtu;
  std::vector<Placed<NetworkAddress>> addresses;
  std::vector<Placed<std::string>> dns;      ///< as given, with ports and names of servers
  std::vector<Placed<std::string>> domains;  ///< as given, with "~" in front of routing domains
  std::vector<Placed<NetworkRoute>> routes;
  std::vector<Placed<NetworkRule>> rules;
  std::vector<UnitWarning> warnings;  ///< in the order of the files

  /// Whether networkd would take the file for this interface, if `other_match` holds.
  [[nodiscard]] bool matches(std::string_view interface) const;
};

/// Reads a .network file and its drop-ins. @returns as parse_netdev().
Result<Network> parse_network(std::span<const UnitText> files);

/// What parse_network() reads. With a fault, networkd uses nothing of the files.
struct NetworkRead {
  Network network;
  std::optional<UnitFault> fault;
};
NetworkRead read_network(std::span<const UnitText> files);

/// "10-wg0.netdev:12:5: text"
std::string to_string(const UnitWarning& warning, std::span<const UnitText> files);

/// Whether a text has the sections of a .netdev file of any kind; wg-quick files have not.
bool looks_like_netdev(std::string_view text);
/// Whether a text has the sections of a .network file alone.
bool looks_like_network(std::string_view text);

/// What was read, and of which files.
struct NetdevFiles {
  Netdev netdev;
  std::span<const UnitText> texts;
};
struct NetworkFiles {
  Network network;
  std::span<const UnitText> texts;
};

/// The configuration that networkd makes of the files, as if they were a wg-quick file: what of two
/// peers with one key or prefix takes effect in networkd is what is in it. Warnings are those of
/// both; a line of another file than the main .netdev file is named in the text.
WgQuickConfig to_wg_quick(NetdevFiles netdev, std::optional<NetworkFiles> network);

/// Reads names from the comments of a .netdev file, as parse_wg_quick_names() does.
/// @returns as parse_unit_file(), and bad_value if there is no [NetDev] or [WireGuardPeer] section.
Result<NamesFound> parse_netdev_names(std::string_view text);

}  // namespace wgscope::config
