// One interface after the other. What is expected of an interface is marked first, in one byte for
// each declared peer; each of its peers then looks up its key, and takes the declaration with that
// key that is marked. What stays marked and was not seen is missing.
//
// Prefixes that a peer lacks are collected, and looked for among all others at the end: the kernel
// moves a prefix to the peer that names it last, without a word.

#include "wgscope/audit/drift.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <iterator>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "wgscope/base/time.hpp"
#include "wgscope/config/inventory.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/model/device.hpp"
#include "wgscope/model/snapshot.hpp"

#include "wanted_prefixes.hpp"

namespace wgscope::audit {
namespace {

using config::DeclaredInterface;
using config::DeclaredPeer;
using config::PresharedKeyRule;
using Terms = Declared::Terms;

/// So many prefixes are looked through sooner than they are sorted.
constexpr std::size_t kFew = 8;

constexpr std::uint8_t kExpected = 1;
constexpr std::uint8_t kSeen = 2;  ///< with the key that it may or must have now

/// A peer that may have either of two keys, which share the allowed IPs.
struct Rotating {
  std::uint32_t declared = 0;
  std::uint32_t peer = 0;

  friend auto operator<=>(const Rotating&, const Rotating&) = default;
};

class Comparer {
 public:
  Comparer(const Declared& declared, const Snapshot& snapshot, const Resolutions& resolutions)
      : declared_(&declared),
        now_(snapshot.taken.wall),
        marks_(declared.inventory().peers.size()),
        wanted_(declared.seed()) {
    for (const std::string& name : declared.names()) {
      const auto found = resolutions.find(name);
      resolutions_.push_back(found == resolutions.end() ? nullptr : &found->second);
    }
  }

  void compare(const Device& device, InterfaceDrift& into) {
    device_ = &device;
    into_ = &into;
    if (into.declared != kNotDeclared)
      compare_interface(declared_->inventory().interfaces[into.declared]);
    const Declared::Expected expected = declared_->expected_on(device.name);
    compare_peers({expected.named, expected.everywhere});
    collect_missing(expected.named);
    collect_missing(expected.everywhere);
  }

  /// For an interface that nobody declared: who is declared for every interface may be there.
  void compare_undeclared(const Device& device, InterfaceDrift& into) {
    device_ = &device;
    into_ = &into;
    const auto everywhere = declared_->expected_on(device.name).everywhere;
    compare_peers({everywhere});
    for (const std::uint32_t peer : everywhere) marks_[peer] = 0;
  }

 private:
  /// Leaves the marks of who was seen.
  void compare_peers(std::initializer_list<std::span<const std::uint32_t>> expected) {
    for (const std::span<const std::uint32_t> peers : expected)
      for (const std::uint32_t peer : peers) marks_[peer] = kExpected;
    for (std::uint32_t i = 0; i < device_->peers.size(); ++i) compare_peer(i);
    compare_rotating();
    wanted_.take_held(device_->allowed_ips,
                      [this](std::uint32_t peer) { into_->peers[peer].conflict = true; });
  }

  void compare_interface(const DeclaredInterface& declared) {
    into_->public_key = declared.public_key && device_->public_key != declared.public_key;
    into_->listen_port = declared.listen_port && device_->listen_port != *declared.listen_port;
    into_->fwmark = declared.fwmark && device_->fwmark != *declared.fwmark;
    into_->mtu = declared.mtu && device_->link && device_->link->mtu_bytes != *declared.mtu;
  }

  /// The declaration that has the peer's key and is for this interface; nullptr: none.
  [[nodiscard]] const Declared::Holder* declaration_of(const Peer& peer) const {
    const Declared::Holder* holder = declared_->find_key(peer.public_key);
    while (holder != nullptr && marks_[holder->peer] == 0) holder = declared_->next(*holder);
    return holder;
  }

  void compare_peer(std::uint32_t index) {
    const Peer& peer = device_->peers[index];
    PeerDrift& drift = into_->peers[index];
    const Declared::Holder* holder = declaration_of(peer);
    if (holder == nullptr) {
      drift.undeclared = declared_->complete();
      drift.too_broad = is_too_broad(peer, declared_->terms_of_undeclared());
      return;
    }
    const Terms& terms = declared_->terms(holder->peer);
    drift.declared = holder->peer;
    drift.successor = holder->successor;
    drift.too_broad = is_too_broad(peer, terms);
    bool both_allowed = false;
    if (terms.rotates) {
      both_allowed = config::keys_at(declared_peer(holder->peer), now_).old_allowed;
      drift.retired = !holder->successor && !both_allowed;
      if (drift.retired) return;
    }
    marks_[holder->peer] |= kSeen;
    if (both_allowed)
      rotating_.push_back({holder->peer, index});
    else
      drift.allowed_ips =
          !has_exactly(terms, peer) && (lacks(terms, {&index, 1}, index) || has_more(terms, peer));
    drift.preshared_key = peer.has_preshared_key
                              ? terms.preshared_key == PresharedKeyRule::absent
                              : terms.preshared_key == PresharedKeyRule::required;
    // The key that waits for its turn, or has had it, has no allowed IPs. An endpoint and a keepalive
    // would make the gateway call a device that does not have that key.
    const bool out_of_use = both_allowed && peer.allowed_ips_count == 0;
    if (!out_of_use) compare_ways(peer, terms, drift);
  }

  /// Where the peer is, and how often it is called.
  void compare_ways(const Peer& peer, const Terms& terms, PeerDrift& drift) {
    drift.keepalive =
        terms.keepalive_declared && peer.persistent_keepalive_seconds != terms.keepalive_seconds;
    const Resolution* resolution = terms.name == kNotDeclared ? nullptr : resolutions_[terms.name];
    drift.endpoint = is_drift(compare_endpoint(terms, peer, resolution, now_));
  }

  [[nodiscard]] const DeclaredPeer& declared_peer(std::uint32_t index) const {
    return declared_->inventory().peers[index];
  }

  [[nodiscard]] bool is_too_broad(const Peer& peer, const Terms& terms) const {
    return std::ranges::any_of(device_->allowed_ips_of(peer), [&terms](const Prefix& prefix) {
      return prefix.bits <
             (prefix.address.family == Family::v4 ? terms.least_ipv4 : terms.least_ipv6);
    });
  }

  /// Whether the peer has what is declared, in the same order: most have.
  [[nodiscard]] bool has_exactly(const Terms& terms, const Peer& peer) const {
    return std::ranges::equal(declared_->allowed_ips(terms), device_->allowed_ips_of(peer));
  }

  [[nodiscard]] bool has_more(const Terms& terms, const Peer& peer) const {
    const std::span<const Prefix> allowed = declared_->allowed_ips(terms);
    return std::ranges::any_of(device_->allowed_ips_of(peer), [allowed](const Prefix& prefix) {
      return !std::ranges::binary_search(allowed, prefix);
    });
  }

  /// Whether a declared prefix is with none of the peers. Each that is not becomes wanted for one
  /// of them.
  bool lacks(const Terms& terms, std::span<const std::uint32_t> peers, std::uint32_t wanted_for) {
    have_.clear();
    for (const std::uint32_t peer : peers)
      std::ranges::copy(device_->allowed_ips_of(device_->peers[peer]), std::back_inserter(have_));
    const bool few = have_.size() <= kFew;
    if (!few) std::ranges::sort(have_);
    const std::size_t before = wanted_.size();
    for (const Prefix& prefix : declared_->allowed_ips(terms))
      if (few ? std::ranges::find(have_, prefix) == have_.end()
              : !std::ranges::binary_search(have_, prefix))
        wanted_.add(prefix, wanted_for);
    return wanted_.size() != before;
  }

  /// During a rotation both keys may be there. A prefix can only be with one of them, so what the
  /// two have together is compared.
  void compare_rotating() {
    std::ranges::sort(rotating_);
    for (auto first = rotating_.begin(); first != rotating_.end();) {
      const auto last = std::find_if(first, rotating_.end(), [first](const Rotating& other) {
        return other.declared != first->declared;
      });
      group_.clear();
      for (auto each = first; each != last; ++each) group_.push_back(each->peer);
      const Terms& terms = declared_->terms(first->declared);
      const bool lacking = lacks(terms, group_, group_.front());
      for (const std::uint32_t peer : group_)
        into_->peers[peer].allowed_ips = lacking || has_more(terms, device_->peers[peer]);
      first = last;
    }
    rotating_.clear();
  }

  void collect_missing(std::span<const std::uint32_t> peers) {
    for (const std::uint32_t peer : peers) {
      if (marks_[peer] == kExpected && !is_own_key(declared_peer(peer)))
        into_->missing.push_back(peer);
      marks_[peer] = 0;
    }
  }

  /// An interface is not its own peer. In a mesh that is declared once for all of its hosts, each
  /// host finds itself among the peers.
  [[nodiscard]] bool is_own_key(const DeclaredPeer& peer) const {
    return device_->public_key &&
           (peer.public_key == *device_->public_key ||
            (peer.successor && peer.successor->public_key == *device_->public_key));
  }

  const Declared* declared_;
  std::vector<const Resolution*> resolutions_;  ///< one for each of Declared::names()
  WallTime now_;
  std::vector<std::uint8_t> marks_;  ///< one for each declared peer
  const Device* device_ = nullptr;
  InterfaceDrift* into_ = nullptr;
  WantedPrefixes wanted_;
  std::vector<Rotating> rotating_;
  std::vector<std::uint32_t> group_;
  std::vector<Prefix> have_;
};

/// In which network namespaces the snapshot has an interface of a name.
struct Whereabouts {
  bool own = false;
  std::uint32_t others = 0;
};
using WhereaboutsByName = std::unordered_map<std::string_view, Whereabouts>;

WhereaboutsByName find_whereabouts(const Snapshot& snapshot) {
  WhereaboutsByName where;
  for (const Device& device : snapshot.devices) {
    Whereabouts& found = where[device.name];
    if (device.netns.empty())
      found.own = true;
    else
      ++found.others;
  }
  return where;
}

/// Of an interface that is not the declared one of its name.
Comparison how_undeclared_is_compared(const Declared& declared, const Device& device) {
  if (config::is_unmanaged(declared.inventory(), device.name, declared.host()))
    return Comparison::unmanaged;
  if (!declared.complete()) return Comparison::unknown;
  return declared.knows_this_host() ? Comparison::undeclared : Comparison::other_host;
}

/// @param declared_as  index into Inventory::interfaces of the one that has its name.
Comparison how_compared(const Declared& declared, const Snapshot& snapshot, const Device& device,
                        std::uint32_t declared_as, Whereabouts where) {
  const bool any_is_declared =
      declared.inventory().interfaces.empty() &&
      how_undeclared_is_compared(declared, device) != Comparison::unmanaged;
  const bool is_another = !device.netns.empty() && where.own;
  if (!any_is_declared && (declared_as == kNotDeclared || is_another))
    return how_undeclared_is_compared(declared, device);
  if (lacks_peers(snapshot, device)) return Comparison::not_read;
  if (is_another || (!device.netns.empty() && where.others > 1)) return Comparison::ambiguous;
  return Comparison::compared;
}

/// Forgets everything but the memory it lies in.
void clear(InterfaceDrift& drift, std::size_t peers) {
  std::vector<PeerDrift> flags = std::move(drift.peers);
  std::vector<std::uint32_t> missing = std::move(drift.missing);
  flags.assign(peers, PeerDrift{});
  missing.clear();
  drift = InterfaceDrift{};
  drift.peers = std::move(flags);
  drift.missing = std::move(missing);
}

/// Whether an interface could be there although the snapshot does not have it.
bool may_be_unread(const Snapshot& snapshot, std::string_view name) {
  return std::ranges::any_of(snapshot.failures, [name](const Failure& failure) {
    return failure.interface.empty() || failure.interface == name;
  });
}

}  // namespace

void compare(const Declared& declared, const Snapshot& snapshot, const Resolutions& resolutions,
             Drift& into) {
  Comparer comparer(declared, snapshot, resolutions);
  const WhereaboutsByName where = find_whereabouts(snapshot);
  const std::vector<DeclaredInterface>& interfaces = declared.inventory().interfaces;
  into.interfaces.resize(snapshot.devices.size());
  for (std::size_t i = 0; i < snapshot.devices.size(); ++i) {
    const Device& device = snapshot.devices[i];
    InterfaceDrift& drift = into.interfaces[i];
    clear(drift, device.peers.size());
    const std::uint32_t index = declared.find_interface(device.name);
    drift.comparison = how_compared(declared, snapshot, device, index, where.at(device.name));
    switch (drift.comparison) {
      case Comparison::undeclared: comparer.compare_undeclared(device, drift); break;
      case Comparison::other_host:
      case Comparison::unmanaged:
      case Comparison::unknown: break;
      case Comparison::compared:
      case Comparison::ambiguous:
      case Comparison::not_read:
        drift.declared = index;
        if (drift.comparison == Comparison::compared) comparer.compare(device, drift);
    }
  }
  into.missing_interfaces.clear();
  for (std::uint32_t i = 0; i < interfaces.size(); ++i)
    if (declared.is_of_this_host(interfaces[i]) && !where.contains(interfaces[i].name) &&
        !may_be_unread(snapshot, interfaces[i].name))
      into.missing_interfaces.push_back(i);
}

}  // namespace wgscope::audit
