#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "wgscope/audit/drift.hpp"
#include "wgscope/audit/drift_report.hpp"
#include "wgscope/audit/endpoint_watch.hpp"
#include "wgscope/base/time.hpp"
#include "wgscope/config/inventory.hpp"
#include "wgscope/diagnosis/finding.hpp"
#include "wgscope/diagnosis/report.hpp"
#include "wgscope/diagnosis/text.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/model/device.hpp"
#include "wgscope/model/snapshot.hpp"

#include "../config/keys.hpp"
#include "drift_values.hpp"

// A host to report about, for the tests of reports.

namespace wgscope::audit {

/// A host, and what is declared for it.
struct Site {
  config::Inventory inventory;
  Snapshot snapshot = snapshot_of(interface());
  Resolutions resolutions = {};
  HostFacts host{
      .addresses = std::vector<Prefix>{}, .routes = std::vector<HostRoute>{}, .ways = {}};
  bool host_read = true;
  bool complete = true;
  bool routes_expected = true;
  std::size_t dns_servers = 0;
  std::optional<Nanoseconds> watched = {};
  std::vector<Alternating> alternating = {};

  Device& device() { return snapshot.devices.front(); }

  /// What `say` makes of the facts.
  template <class Say>
  auto said(Say say) const {
    const Declared declared(inventory, "gw-1", complete, kSeed);
    Drift drift;
    compare(declared, snapshot, resolutions, drift);
    DriftFacts facts{.declared = &declared,
                     .snapshot = &snapshot,
                     .drift = &drift,
                     .resolutions = &resolutions,
                     .files = {"team.yaml"},
                     .hosts = {},
                     .routes_expected = routes_expected,
                     .dns_servers = dns_servers,
                     .watched = watched,
                     .alternating = alternating};
    if (host_read) facts.hosts.push_back(host);
    return say(facts);
  }
  [[nodiscard]] std::vector<diagnosis::Check> checks() const { return said(diagnose); }
  /// Those of one name, as "ok wg0 anna: what is said"; without a target: "ok: what is said".
  [[nodiscard]] std::vector<std::string> lines(std::string_view name) const {
    std::vector<std::string> made;
    for (const diagnosis::Check& check : checks()) {
      if (check.name != name) continue;
      std::string line(diagnosis::to_string(check.status));
      if (!check.target.empty()) line += " " + check.target.plain();
      made.push_back(line + ": " + check.summary.plain());
    }
    return made;
  }
  [[nodiscard]] std::vector<diagnosis::Finding> findings() const {
    std::vector<diagnosis::Finding> found;
    for (const diagnosis::Check& check : checks())
      if (check.finding) found.push_back(*check.finding);
    return found;
  }
  /// The finding where there is one alone.
  [[nodiscard]] diagnosis::Finding finding() const {
    const std::vector<diagnosis::Finding> found = findings();
    EXPECT_EQ(found.size(), 1);
    return found.empty()
               ? diagnosis::Finding{.id = diagnosis::FindingId::count, .cause = {}, .evidence = {}}
               : found[0];
  }
  [[nodiscard]] std::vector<std::string> fix() const {
    std::vector<std::string> lines;
    for (const diagnosis::Text& line : finding().fix) lines.push_back(line.plain());
    return lines;
  }
};

inline std::vector<std::string> evidence_of(const diagnosis::Finding& finding) {
  std::vector<std::string> lines;
  for (const diagnosis::Text& line : finding.evidence) lines.push_back(line.plain());
  return lines;
}

inline config::DeclaredPeer declare_at(std::uint32_t number,
                                       const std::vector<std::string_view>& allowed_ips) {
  config::DeclaredPeer peer = declare(number, allowed_ips);
  peer.position = {.file = 0, .line = 10 + number, .column = 5};
  return peer;
}

inline Site with_peer(config::DeclaredPeer declared) {
  Site site;
  site.inventory.peers.push_back(std::move(declared));
  return site;
}

inline Site with_interface(config::DeclaredInterface declared) {
  Site site;
  declared.name = "wg0";
  declared.position = {.file = 0, .line = 3, .column = 5};
  site.inventory.interfaces.push_back(std::move(declared));
  site.device().public_key = config::key(7);
  site.device().link = Link{.name = "wg0", .mtu_bytes = 1420, .up = true};
  return site;
}

}  // namespace wgscope::audit
