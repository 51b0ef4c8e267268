#include "exporter/inventory/finding_counts.hpp"

#include <cstddef>
#include <cstdint>
#include <map>
#include <vector>

#include "wgscope/audit/drift.hpp"
#include "wgscope/base/time.hpp"
#include "wgscope/diagnosis/finding.hpp"
#include "wgscope/model/device.hpp"
#include "wgscope/model/snapshot.hpp"

namespace wgscope::exporter {
namespace {

using diagnosis::FindingId;

/// Zeros of interfaces that come and go, as those of containers, are not kept for ever.
constexpr std::size_t kMostKinds = 10'000;

}  // namespace

/// The counts of one interface.
class FindingCounts::Interface {
 public:
  Interface(const Device& device, const audit::Declared& declared,
            const audit::Resolutions& resolutions, WallTime now,
            std::map<Key, std::uint64_t>& counts)
      : device_(&device),
        declared_(&declared),
        resolutions_(&resolutions),
        now_(now),
        counts_(&counts) {}

  void count(const audit::InterfaceDrift& drift) {
    if (drift.is_undeclared()) add(FindingId::drift_interface_undeclared, 1);
    if (drift.declared != audit::kNotDeclared && device_->link && !device_->link->up)
      add(FindingId::drift_interface_down, 1);
    if (drift.public_key) add(FindingId::drift_interface_key, 1);
    if (drift.listen_port) add(FindingId::drift_listen_port, 1);
    if (drift.mtu) add(FindingId::drift_mtu, 1);
    if (drift.fwmark) add(FindingId::drift_fwmark, 1);
    if (!drift.missing.empty()) add(FindingId::drift_peer_missing, drift.missing.size());
    for (std::size_t i = 0; i < drift.peers.size(); ++i) count(drift.peers[i], device_->peers[i]);
  }

 private:
  void count(const audit::PeerDrift& drift, const Peer& peer) {
    if (drift.undeclared) add(FindingId::drift_peer_undeclared, 1);
    if (drift.retired) add(FindingId::drift_key_retired, 1);
    if (drift.conflict)
      add(FindingId::drift_allowed_ips_taken, 1);
    else if (drift.allowed_ips)
      add(FindingId::drift_allowed_ips, 1);
    if (drift.too_broad) add(FindingId::drift_prefix_too_broad, 1);
    if (drift.keepalive) add(FindingId::drift_keepalive, 1);
    if (drift.preshared_key) add(FindingId::drift_preshared_key, 1);
    if (drift.endpoint)
      add(is_stale_name(drift, peer) ? FindingId::drift_name_stale : FindingId::drift_endpoint, 1);
  }

  [[nodiscard]] bool is_stale_name(const audit::PeerDrift& drift, const Peer& peer) const {
    const audit::Declared::Terms& terms = declared_->terms(drift.declared);
    if (terms.name == audit::kNotDeclared) return false;
    const auto known = resolutions_->find(declared_->names()[terms.name]);
    return audit::compare_endpoint(terms, peer,
                                   known == resolutions_->end() ? nullptr : &known->second,
                                   now_) == audit::EndpointState::stale_name;
  }

  void add(FindingId id, std::uint64_t more) {
    (*counts_)[{device_->netns, device_->name, id}] += more;
  }

  const Device* device_;
  const audit::Declared* declared_;
  const audit::Resolutions* resolutions_;
  WallTime now_;
  std::map<Key, std::uint64_t>* counts_;
};

void FindingCounts::count(const Facts& facts, std::vector<FindingCount>& into) {
  const auto& [declared, snapshot, drift, resolutions, lint] = facts;
  if (counts_.size() > kMostKinds)
    std::erase_if(counts_, [](const auto& entry) { return entry.second == 0; });
  for (auto& [key, count] : counts_) count = 0;
  for (std::size_t i = 0; i < drift.interfaces.size(); ++i)
    Interface(snapshot.devices[i], declared, resolutions, snapshot.taken.wall, counts_)
        .count(drift.interfaces[i]);
  for (const std::uint32_t missing : drift.missing_interfaces)
    ++counts_[{"", declared.inventory().interfaces[missing].name,
               FindingId::drift_interface_missing}];
  for (const auto& [id, count] : lint) counts_[{"", "", id}] += count;
  into.clear();
  for (const auto& [key, count] : counts_)
    into.push_back({key.id, key.netns, key.interface, count});
}

}  // namespace wgscope::exporter
