#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "wgscope/audit/drift.hpp"
#include "wgscope/audit/drift_report.hpp"
#include "wgscope/config/inventory.hpp"
#include "wgscope/config/wg_quick.hpp"
#include "wgscope/diagnosis/check_kinds.hpp"
#include "wgscope/diagnosis/finding.hpp"
#include "wgscope/diagnosis/report.hpp"
#include "wgscope/diagnosis/text.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/model/device.hpp"

namespace wgscope::audit {

/// A word as a shell takes it: in quotes where it has to be.
diagnosis::Text shell_word(std::string_view word);

/// An endpoint as `wg set` takes it in a shell, some of which would take [ for a pattern.
diagnosis::Text endpoint_word(const config::EndpointName& endpoint);

/// "10.0.0.0/24,fd00::/64": for a command. Empty: "''".
diagnosis::Text joined(std::span<const Prefix> prefixes);
/// "10.0.0.0/24, fd00::/64 and 7 more": for people. Empty: "none".
diagnosis::Text listed(std::span<const Prefix> prefixes);

/// What texts about one interface have in common.
class Scene {
 public:
  /// @param index  of Snapshot::devices.
  Scene(const DriftFacts& facts, std::size_t index) : facts_(&facts), index_(index) {}

  [[nodiscard]] const DriftFacts& facts() const { return *facts_; }
  [[nodiscard]] const Device& device() const { return facts_->snapshot->devices[index_]; }
  [[nodiscard]] const InterfaceDrift& drift() const { return facts_->drift->interfaces[index_]; }
  [[nodiscard]] const config::Inventory& inventory() const { return facts_->declared->inventory(); }
  [[nodiscard]] const config::DeclaredPeer& declared(std::uint32_t peer) const {
    return inventory().peers[peer];
  }
  /// nullptr: not read.
  [[nodiscard]] const HostFacts* host() const {
    return index_ < facts_->hosts.size() ? &facts_->hosts[index_] : nullptr;
  }

  /// "wg0", or "wg0 in the network namespace blue".
  [[nodiscard]] diagnosis::Text name() const;
  /// The name as a shell takes it.
  [[nodiscard]] diagnosis::Text word() const { return shell_word(device().name); }
  /// What stands before a command, so that it runs in the network namespace: "ip netns exec blue ".
  [[nodiscard]] diagnosis::Text prefix() const;
  /// "wg set wg0 peer KEY"
  [[nodiscard]] diagnosis::Text set_peer(const PublicKey& key) const;
  /// "wg0 anna": which of several things a check is about.
  [[nodiscard]] diagnosis::Text target(std::uint32_t declared) const;
  [[nodiscard]] diagnosis::Text target(const PeerDrift& drift, const Peer& peer) const;
  /// "team.yaml:12:3"
  [[nodiscard]] diagnosis::Text at(const config::Position& position) const;
  /// "never", "12 min 3 s ago"
  [[nodiscard]] diagnosis::Text last_handshake(const Peer& peer) const;

 private:
  const DriftFacts* facts_;
  std::size_t index_;
};

/// The checks of one kind on one interface: each thing that differs, up to kMostListed of them, how
/// many more there are, and how many do not differ.
class Findings {
 public:
  Findings(const Scene& scene, diagnosis::CheckKind kind, std::vector<diagnosis::Check>& into)
      : scene_(&scene), kind_(kind), into_(&into) {}

  /// @param make  makes the finding; called only where it is listed.
  template <class Make>
  void add(const diagnosis::Text& target, const Make& make) {
    if (differing_++ < kMostListed) list(target, make());
  }
  /// Adds what is left to say. @param rest  what was compared and does not differ: "3 peers as
  /// declared"; empty: nothing was.
  void finish(const diagnosis::Text& rest);

 private:
  void list(const diagnosis::Text& target, diagnosis::Finding finding);

  const Scene* scene_;
  diagnosis::CheckKind kind_;
  std::vector<diagnosis::Check>* into_;
  std::size_t differing_ = 0;
  diagnosis::Status worst_ = diagnosis::Status::ok;
};

/// "1 peer", "3 peers"
diagnosis::Text counted(std::size_t count, diagnosis::Words one, diagnosis::Words many);

// Each adds the checks of its subject for one interface.
void diagnose_interface(const Scene& scene, std::vector<diagnosis::Check>& into);
void diagnose_addresses(const Scene& scene, std::vector<diagnosis::Check>& into);
void diagnose_routes(const Scene& scene, std::vector<diagnosis::Check>& into);
void diagnose_peers(const Scene& scene, std::vector<diagnosis::Check>& into);
void diagnose_allowed_ips(const Scene& scene, std::vector<diagnosis::Check>& into);
void diagnose_keepalive(const Scene& scene, std::vector<diagnosis::Check>& into);
void diagnose_preshared_keys(const Scene& scene, std::vector<diagnosis::Check>& into);
void diagnose_endpoints(const Scene& scene, std::vector<diagnosis::Check>& into);

}  // namespace wgscope::audit
