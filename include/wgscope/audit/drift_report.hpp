#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "wgscope/audit/drift.hpp"
#include "wgscope/audit/endpoint_watch.hpp"
#include "wgscope/base/time.hpp"
#include "wgscope/diagnosis/report.hpp"
#include "wgscope/diagnosis/text.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/model/snapshot.hpp"

// The flags of a comparison, in words: what is declared and where, what is there, and the command
// that heals it. And what the flags do not have: addresses and routes, which `wg syncconf` leaves
// as they are.

namespace wgscope::audit {

/// A route that leads to an interface.
struct HostRoute {
  Prefix to;
  std::uint32_t table = 0;
  bool of_kernel = false;  ///< the kernel made it by itself

  friend bool operator==(const HostRoute&, const HostRoute&) = default;
};

/// Where the kernel sends what goes to a prefix.
struct Way {
  enum class Kind : std::uint8_t {
    here,       ///< to the interface that it is declared for
    elsewhere,  ///< to another one
    none,       ///< nowhere: there is no route, or one that rejects
    own,        ///< to this host itself
    unknown,
  };
  Prefix to;               ///< a declared allowed IP of one of the interface's peers
  std::uint32_t peer = 0;  ///< index into Inventory::peers
  Kind kind = Kind::unknown;
  std::string outlet = {};  ///< the other interface; empty: unknown
};

/// What this host has for one interface, besides WireGuard's own state.
struct HostFacts {
  std::optional<std::vector<Prefix>> addresses;  ///< nothing: not read
  std::optional<std::vector<HostRoute>> routes;  ///< of all tables; nothing: not read
  std::vector<Way> ways;
  std::size_t ways_not_asked = 0;  ///< declared prefixes beyond those in `ways`
};

/// All that is known, when it was looked at. What it points to outlives it.
struct DriftFacts {
  const Declared* declared = nullptr;
  const Snapshot* snapshot = nullptr;
  const Drift* drift = nullptr;  ///< of these two
  const Resolutions* resolutions = nullptr;
  std::vector<std::string> files;           ///< whose indexes Position::file has
  std::vector<HostFacts> hosts;             ///< one for each of Snapshot::devices
  bool routes_expected = true;              ///< false: the wg-quick file says Table = off
  std::size_t dns_servers = 0;              ///< in the wg-quick file
  std::optional<Nanoseconds> watched = {};  ///< for how long endpoints were; nothing: they were not
  std::vector<Alternating> alternating = {};
};

/// How many things of one kind are listed for an interface; the others are counted.
inline constexpr std::size_t kMostListed = 20;

/// One check for each thing that differs, and one that is ok for what was compared and does not.
std::vector<diagnosis::Check> diagnose(const DriftFacts& facts);
/// For the case that all is as declared.
diagnosis::Text success(const DriftFacts& facts);

}  // namespace wgscope::audit
