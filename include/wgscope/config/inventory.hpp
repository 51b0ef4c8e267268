#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "wgscope/config/schedule.hpp"
#include "wgscope/config/wg_quick.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/model/public_key.hpp"

// What operators declare: which interfaces and peers there should be, and what none of them may do.
// Plain values without secrets, of which groups and defaults are already a part.
// config/inventory_file.hpp reads and writes them.

namespace wgscope::config {

/// Where in the files of an inventory something was declared. Line and column count from 1, and
/// columns count characters; line 0: in no file.
struct Position {
  std::uint32_t file = 0;  ///< index of the file, in the order in which the files were read
  std::uint32_t line = 0;
  std::uint32_t column = 0;

  friend auto operator<=>(const Position&, const Position&) = default;
};

struct DeclaredLabel {
  std::string name;  ///< as Prometheus allows them: [a-zA-Z_][a-zA-Z0-9_]*, without "__" in front
  std::string value;

  friend auto operator<=>(const DeclaredLabel&, const DeclaredLabel&) = default;
};

/// In the order of their names, each of which occurs once.
using DeclaredLabels = std::vector<DeclaredLabel>;

/// The value of a label, nullptr where there is none.
const std::string* find_label(const DeclaredLabels& labels, std::string_view name);
/// Whether all of `wanted` are among `labels`, with their values. Without any wanted: true.
bool has_labels(const DeclaredLabels& labels, const DeclaredLabels& wanted);

/// "wg0", or "wg0@gw-1" for the one of that host.
struct InterfaceRef {
  std::string name;
  std::string host;  ///< empty: on every host

  [[nodiscard]] std::string to_string() const;
  friend auto operator<=>(const InterfaceRef&, const InterfaceRef&) = default;
};

/// What is not declared is not compared with anything.
struct DeclaredInterface {
  std::string name;                ///< of the device: "wg0"
  std::vector<std::string> hosts;  ///< that have it; none: any
  std::optional<PublicKey> public_key;
  std::vector<Prefix> addresses;  ///< with their host bits
  std::optional<std::uint16_t> listen_port;
  std::optional<std::uint16_t> mtu;
  std::optional<std::uint32_t> fwmark;  ///< 0: off
  DeclaredLabels labels;
  Position position;

  friend bool operator==(const DeclaredInterface&, const DeclaredInterface&) = default;
};

enum class PresharedKeyRule : std::uint8_t { any, required, absent };
std::string_view to_string(PresharedKeyRule rule);

enum class ExpectedOnline : std::uint8_t {
  roaming,    ///< comes and goes as it likes
  always,     ///< a handshake that is too old is a fault
  scheduled,  ///< as always, in the hours of DeclaredPeer::schedule
};

/// The key that a peer's key is replaced by. Both may be present up to the end of a day.
struct Successor {
  PublicKey public_key;
  std::chrono::sys_days until;  ///< the last day of the old key, in UTC

  friend bool operator==(const Successor&, const Successor&) = default;
};

struct DeclaredPeer {
  std::string name;
  PublicKey public_key;
  std::vector<InterfaceRef> interfaces;  ///< whose peer it is; none: of every interface
  std::vector<Prefix> allowed_ips;       ///< host bits are zero
  std::optional<EndpointName> endpoint;
  std::optional<std::chrono::seconds> persistent_keepalive;  ///< 0: off
  PresharedKeyRule preshared_key = PresharedKeyRule::any;
  ExpectedOnline expected_online = ExpectedOnline::roaming;
  std::optional<Schedule> schedule;         ///< there with ExpectedOnline::scheduled, and only then
  std::optional<std::chrono::hours> grace;  ///< how long a new peer may go without a handshake
  DeclaredLabels labels;                    ///< team, tenant, site …
  std::optional<std::chrono::sys_days> key_created;  ///< in UTC
  std::optional<std::chrono::days> rotation;         ///< how old the key may get; nothing: any age
  std::optional<Successor> successor;
  Position position;

  friend bool operator==(const DeclaredPeer&, const DeclaredPeer&) = default;
};

/// How wide the prefixes of peers with some labels may be.
struct PrefixLimit {
  DeclaredLabels labels;             ///< of the peers that it is for; none: of all
  std::optional<std::uint8_t> ipv4;  ///< least length
  std::optional<std::uint8_t> ipv6;
  Position position;

  friend bool operator==(const PrefixLimit&, const PrefixLimit&) = default;
};

/// Prefixes and ports that only holders of all these labels may have: prefixes as allowed IPs,
/// whole or in part, ports in an endpoint or to listen on.
struct Reservation {
  std::vector<Prefix> prefixes;  ///< host bits are zero
  std::vector<std::uint16_t> ports;
  DeclaredLabels only;
  Position position;

  friend bool operator==(const Reservation&, const Reservation&) = default;
};

struct Policies {
  std::vector<PrefixLimit> widest_prefix;
  /// Names of labels: the allowed IPs of peers with different values must not overlap.
  std::vector<std::string> no_overlap;
  /// Names of labels: peers with different values must not reach one another.
  std::vector<std::string> no_reach;
  std::vector<Reservation> reserved;

  friend bool operator==(const Policies&, const Policies&) = default;
};

struct Inventory {
  std::vector<DeclaredInterface> interfaces;
  std::vector<DeclaredPeer> peers;
  Policies policies;
  /// Interfaces that somebody else looks after: unless they are declared, nothing is said of them.
  /// A name that ends with '*' stands for all names that begin so.
  std::vector<InterfaceRef> unmanaged_interfaces;

  friend bool operator==(const Inventory&, const Inventory&) = default;
};

/// Whether an interface of a host is among Inventory::unmanaged_interfaces.
bool is_unmanaged(const Inventory& inventory, std::string_view interface, std::string_view host);

/// The least length that the prefixes of a peer may have. Of the limits for its labels, that with
/// most labels decides: an exception for few wins over the rule for many. Of several with as many,
/// the strictest decides. Nothing: no policy limits the prefixes.
std::optional<std::uint8_t> least_prefix_length(const Policies& policies,
                                                const DeclaredLabels& labels, Family family);

/// Which keys a peer may have at a moment, and which one it has to have.
struct KeysAt {
  bool old_allowed = true;
  bool successor_allowed = false;
};
KeysAt keys_at(const DeclaredPeer& peer, WallTime when);

}  // namespace wgscope::config
