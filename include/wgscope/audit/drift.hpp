#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "wgscope/base/time.hpp"
#include "wgscope/config/inventory.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/model/device.hpp"
#include "wgscope/model/public_key.hpp"
#include "wgscope/model/snapshot.hpp"

// What is declared, compared with what is there. Comparing fills plain flags, beside the snapshot
// and in its order, so that a hundred thousand peers cost little more than looking each of them up;
// the texts of findings are made from the flags afterwards, and only where somebody reads them.

namespace wgscope::audit {

/// Addresses that a declared endpoint's name has now, as far as it is known.
struct Resolution {
  std::vector<IpAddress> addresses;  ///< empty: the name has none, so nothing is compared with it
  Instant at;                        ///< when it was asked
  bool failed = false;               ///< it could not be resolved: nothing is known of it
};

/// By host name, as declared. A name that is absent was not looked up.
using Resolutions = std::unordered_map<std::string, Resolution>;

/// An index that stands for nothing.
inline constexpr std::uint32_t kNotDeclared = UINT32_MAX;

/// How old the last handshake of a session that still carries data can be
/// (Reject-After-Time, whitepaper §6.1): a peer with such a session may roam.
inline constexpr std::chrono::seconds kLiveSession{180};
/// How old the last handshake must be for the old address of a name to be called stale: a live
/// session would have made a handshake after 120 s, or given up on it after 15 s more. The script
/// reresolve-dns.sh of wireguard-tools has the same threshold.
inline constexpr std::chrono::seconds kStaleName{135};

/// An inventory, prepared for one host: which interfaces are its own, and whose key is whose.
/// Immutable; shared between threads.
class Declared {
 public:
  /// @param host  this host's name: interfaces that are declared for other hosts only, and their
  /// peers, are not expected here.
  /// @param complete  InventoryRead::complete: if false, a key that is not in it may be declared
  /// all the same, so that it is not called undeclared.
  /// @param seed  random: users choose their keys, and could choose keys that collide otherwise.
  Declared(config::Inventory inventory, std::string host, bool complete, std::uint64_t seed);

  /// As it was given, but the allowed IPs of each peer are sorted, and each is there once.
  [[nodiscard]] const config::Inventory& inventory() const { return inventory_; }
  [[nodiscard]] const std::string& host() const { return host_; }
  [[nodiscard]] bool complete() const { return complete_; }
  [[nodiscard]] std::uint64_t seed() const { return hash_.seed; }

  /// Whether an interface is declared for this host, at least by one that any host has.
  [[nodiscard]] bool is_of_this_host(const config::DeclaredInterface& interface) const;
  /// Whether any interface is declared for this host; true without declared interfaces.
  [[nodiscard]] bool knows_this_host() const;
  /// Index into Inventory::interfaces of the one that this host should have under a name.
  [[nodiscard]] std::uint32_t find_interface(std::string_view name) const;

  /// Whom an interface of this host should have as peers: indexes into Inventory::peers.
  struct Expected {
    std::span<const std::uint32_t> named;       ///< those that are declared for this interface
    std::span<const std::uint32_t> everywhere;  ///< those of every interface
  };
  [[nodiscard]] Expected expected_on(std::string_view interface) const;

  /// A declaration that has a key.
  struct Holder {
    PublicKey key;
    std::uint32_t peer = 0;             ///< index into Inventory::peers
    std::uint32_t next = kNotDeclared;  ///< index of the next holder of the same key
    bool successor = false;             ///< it has the key as its successor
  };
  /// The first of the declarations that have a key, on any interface; nullptr: none.
  [[nodiscard]] const Holder* find_key(const PublicKey& key) const;
  /// The next one that has the same key.
  [[nodiscard]] const Holder* next(const Holder& holder) const {
    return holder.next == kNotDeclared ? nullptr : &holders_[holder.next];
  }

  /// The part of a declaration that is compared with every peer, close together in memory.
  struct Terms {
    std::optional<Endpoint> address;    ///< of the declared endpoint, if it is an address
    std::uint32_t name = kNotDeclared;  ///< of the declared endpoint, else: index into names()
    std::uint16_t port = 0;             ///< of the declared endpoint; 0: none is declared
    std::uint32_t allowed_ips_first = 0;
    std::uint32_t allowed_ips_count = 0;
    std::uint16_t keepalive_seconds = 0;
    bool keepalive_declared = false;
    bool rotates = false;  ///< it has a successor
    config::PresharedKeyRule preshared_key = config::PresharedKeyRule::any;
    std::uint8_t least_ipv4 = 0;  ///< least length of a prefix; 0: no policy limits it
    std::uint8_t least_ipv6 = 0;
  };
  [[nodiscard]] const Terms& terms(std::uint32_t peer) const { return terms_[peer]; }
  /// Of a peer that nobody declared: what policies say of peers without labels.
  [[nodiscard]] const Terms& terms_of_undeclared() const { return undeclared_; }
  /// Host names of the endpoints of peers that are expected on this host, each once: what is to be
  /// looked up.
  [[nodiscard]] std::span<const std::string> names() const { return names_; }
  /// Sorted, each once.
  [[nodiscard]] std::span<const Prefix> allowed_ips(const Terms& terms) const {
    return std::span(allowed_ips_).subspan(terms.allowed_ips_first, terms.allowed_ips_count);
  }

 private:
  void add_terms(const config::DeclaredPeer& peer, bool expected);
  [[nodiscard]] std::uint32_t index_of_name(const std::string& host);
  /// @returns whether the peer is expected on an interface of this host.
  bool add_expected(std::uint32_t index);
  void add_holder(const PublicKey& key, std::uint32_t peer, bool successor);
  [[nodiscard]] std::size_t slot_of(const PublicKey& key) const;

  config::Inventory inventory_;
  std::string host_;
  bool complete_;
  PublicKeyHash hash_;
  std::vector<Terms> terms_;
  Terms undeclared_;
  std::vector<Prefix> allowed_ips_;
  std::vector<std::string> names_;
  std::unordered_map<std::string, std::uint32_t> name_indexes_;
  std::vector<Holder> holders_;
  std::vector<std::uint32_t> slots_;  ///< indexes of holders; a power of two, at most half full
  std::unordered_map<std::string, std::vector<std::uint32_t>> named_;
  std::vector<std::uint32_t> everywhere_;
};

/// What a declared endpoint is to the endpoint that a peer has.
enum class EndpointState : std::uint8_t {
  not_declared,
  same,        ///< the declared address, or one of the name's
  roamed,      ///< another one, with a live session
  unknown,     ///< the addresses of the name are not known
  missing,     ///< the peer has none
  other,       ///< another address or port, without a live session
  stale_name,  ///< none of the name's addresses, without a live session
};
/// @param resolution  of the declared endpoint's name; nullptr: none is known.
EndpointState compare_endpoint(const Declared::Terms& declared, const Peer& peer,
                               const Resolution* resolution, WallTime now);
/// Whether it is drift.
bool is_drift(EndpointState state);

/// A peer of the snapshot, against its declaration.
struct PeerDrift {
  std::uint32_t declared = kNotDeclared;  ///< index into Inventory::peers
  bool undeclared : 1 = false;            ///< no declaration has this key, here and now
  bool successor : 1 = false;             ///< its key is the successor of the declared one
  /// Its key's last day is over: the successor's turn. Nothing else of it is compared.
  bool retired : 1 = false;
  bool allowed_ips : 1 = false;  ///< they differ as sets; during a rotation: those of both keys
  bool conflict : 1 = false;     ///< another peer has a prefix that is declared for this one
  bool endpoint : 1 = false;     ///< it differs, and neither roaming nor its name says why
  bool keepalive : 1 = false;
  bool preshared_key : 1 = false;
  bool too_broad : 1 = false;  ///< a prefix is wider than the policy allows

  friend bool operator==(const PeerDrift&, const PeerDrift&) = default;
};

/// Whether an interface of the snapshot was compared, and why not.
enum class Comparison : std::uint8_t {
  compared,
  /// The inventory declares interfaces of this host, but not this one. Its peers are compared with
  /// the declarations for every interface: whoever else is there is undeclared, and nobody missing.
  undeclared,
  other_host,  ///< the inventory declares interfaces, but none for this host
  unmanaged,   ///< the inventory says that somebody else looks after it
  unknown,     ///< not declared, but a part of the inventory has errors and may declare it
  ambiguous,   ///< several network namespaces have one of this name, none of them our own
  not_read,    ///< it changed while it was read: its peers are not all there
};

/// What differs of an interface.
struct InterfaceDrift {
  Comparison comparison = Comparison::compared;
  /// Index into Inventory::interfaces. Without any interface in the inventory, every interface is
  /// compared, and this is kNotDeclared.
  std::uint32_t declared = kNotDeclared;
  bool public_key = false;
  bool listen_port = false;
  bool mtu = false;
  bool fwmark = false;
  /// Whether nobody declared it for this host.
  [[nodiscard]] bool is_undeclared() const {
    return comparison == Comparison::undeclared || comparison == Comparison::other_host;
  }
  /// Whether the peers were compared. If not, nothing is said of any of them.
  [[nodiscard]] bool are_peers_compared() const {
    return comparison == Comparison::compared || comparison == Comparison::undeclared;
  }
  std::vector<PeerDrift> peers;  ///< one for each of Device::peers, in their order
  /// Of Inventory::peers: neither the key nor its successor is there, or the successor is not,
  /// although the old key's last day is over.
  std::vector<std::uint32_t> missing;
};

struct Drift {
  std::vector<InterfaceDrift> interfaces;         ///< one for each of Snapshot::devices
  std::vector<std::uint32_t> missing_interfaces;  ///< of Inventory::interfaces, for this host
};

/// Compares what can be compared: what is not declared, and what could not be read or resolved, is
/// no drift. Interfaces that failed in the snapshot are neither missing nor different. Of several
/// interfaces with one name, that of our own network namespace is the declared one.
/// @param into  its memory is used again.
void compare(const Declared& declared, const Snapshot& snapshot, const Resolutions& resolutions,
             Drift& into);

}  // namespace wgscope::audit
