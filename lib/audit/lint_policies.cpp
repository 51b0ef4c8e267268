#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "wgscope/audit/placed.hpp"
#include "wgscope/config/inventory.hpp"
#include "wgscope/config/inventory_file.hpp"
#include "wgscope/config/tunnel_file.hpp"
#include "wgscope/diagnosis/finding.hpp"
#include "wgscope/diagnosis/text.hpp"
#include "wgscope/model/address.hpp"

#include "lint_parts.hpp"
#include "prefixes.hpp"

// The inventory's own problems, and its policies: for its peers, and for the peers of files whose
// keys it declares.

namespace wgscope::audit {
namespace {

using config::DeclaredLabels;
using diagnosis::FindingId;
using diagnosis::Name;
using diagnosis::Text;
using diagnosis::text;

struct PlacedPrefix {
  Prefix prefix;
  Place at;
};

/// The value of a label, empty where there is none.
Name value_of(const DeclaredLabels& labels, std::string_view label) {
  const std::string* value = config::find_label(labels, label);
  return value == nullptr ? Name{} : Name{*value};
}

/// Somebody with labels who has something that policies are about.
struct Holder {
  const DeclaredLabels* labels = nullptr;
  Text who;
  std::vector<PlacedPrefix> prefixes;
  std::vector<std::pair<std::uint16_t, Place>> ports;
};

class Policing {
 public:
  Policing(const LintView& view, Findings& findings)
      : view_(view),
        read_(*view.options.inventory->read),
        policies_(read_.inventory.policies),
        findings_(findings) {
    for (const config::DeclaredPeer& peer : read_.inventory.peers) take(peer);
    for (const config::DeclaredInterface& interface : read_.inventory.interfaces) take(interface);
    for (const Linted& file : view.files) take(file);
  }

  void judge() {
    for (const Holder& holder : holders_) {
      judge_widths(holder);
      judge_reserved(holder);
    }
    for (const std::string& label : policies_.no_overlap) judge_overlaps(label);
    for (const std::string& label : policies_.no_reach) judge_reach(label);
  }

 private:
  [[nodiscard]] Place at(const config::Position& position) const {
    return {read_.files[position.file].name, position.line, position.column};
  }

  void take(const config::DeclaredPeer& peer);
  void take(const config::DeclaredInterface& interface);
  void take(const Linted& file);
  void judge_widths(const Holder& holder);
  void judge_reserved(const Holder& holder);
  void judge_overlaps(const std::string& label);
  void judge_reach(const std::string& label);
  void judge_interface_peers(const std::string& label);
  void judge_file_reach(const std::string& label, const Linted& file);

  const LintView& view_;
  const config::InventoryRead& read_;
  const config::Policies& policies_;
  Findings& findings_;
  std::vector<Holder> holders_;
};

void Policing::take(const config::DeclaredPeer& peer) {
  Holder made{
      .labels = &peer.labels, .who = text("{}", Name{peer.name}), .prefixes = {}, .ports = {}};
  for (const Prefix& prefix : peer.allowed_ips)
    made.prefixes.push_back({prefix, at(peer.position)});
  if (peer.endpoint) made.ports.emplace_back(peer.endpoint->port, at(peer.position));
  holders_.push_back(std::move(made));
}

void Policing::take(const config::DeclaredInterface& interface) {
  if (!interface.listen_port) return;
  holders_.push_back({.labels = &interface.labels,
                      .who = text("{}", Name{interface.name}),
                      .prefixes = {},
                      .ports = {{*interface.listen_port, at(interface.position)}}});
}

void Policing::take(const Linted& file) {
  for (const config::TunnelPeer& peer : file.tunnel().peers) {
    const auto declared = view_.declared.find(peer.public_key.value);
    if (declared == view_.declared.end()) continue;
    Holder made{.labels = &declared->second->labels,
                .who = text("{}", Name{declared->second->name}),
                .prefixes = {},
                .ports = {}};
    // In a client's file the peer is a gateway, and its prefixes are what the client may reach.
    if (peer.endpoint) {
      made.ports.emplace_back(peer.endpoint->value.port, file.at(peer.endpoint->at));
    } else {
      for (const config::LocatedPrefix& one : peer.allowed_ips)
        made.prefixes.push_back({without_host_bits(one.value), file.at(one.at)});
    }
    holders_.push_back(std::move(made));
  }
}

void Policing::judge_widths(const Holder& holder) {
  for (const PlacedPrefix& one : holder.prefixes) {
    const auto least =
        config::least_prefix_length(policies_, *holder.labels, one.prefix.address.family);
    if (!least || one.prefix.bits >= *least) continue;
    auto& added = findings_.add(
        FindingId::lint_policy_prefix, one.at,
        text("{} has {}, and the policy widest_prefix allows nothing wider than /{} for it",
             holder.who, one.prefix, static_cast<unsigned>(*least)));
    added.finding.fix = {"give the peer narrower prefixes, or change the policy"};
  }
}

void Policing::judge_reserved(const Holder& holder) {
  for (const config::Reservation& reserved : policies_.reserved) {
    if (config::has_labels(*holder.labels, reserved.only)) continue;
    const auto add = [&](const Place& place, const Text& what) {
      auto& added = findings_.add(
          FindingId::lint_policy_reserved, place,
          text("{} uses {}, which the policy reserved keeps for others", holder.who, what));
      added.related = {at(reserved.position)};
      added.finding.fix = {"use something else, or give the holder the labels of the policy"};
    };
    for (const PlacedPrefix& one : holder.prefixes)
      for (const Prefix& kept : reserved.prefixes)
        if (contains(kept, one.prefix) || contains(one.prefix, kept))
          add(one.at, text("{}, which overlaps {}", one.prefix, kept));
    for (const auto& [port, place] : holder.ports)
      if (std::ranges::find(reserved.ports, port) != reserved.ports.end())
        add(place, text("port {}", port));
  }
}

void Policing::judge_overlaps(const std::string& label) {
  // Holders with one value of the label are one to nested(), which compares different ones.
  std::vector<Held> held;
  std::vector<std::pair<const Holder*, const PlacedPrefix*>> items;
  std::map<std::string_view, std::size_t> groups;
  for (const Holder& holder : holders_) {
    const std::string* value = config::find_label(*holder.labels, label);
    if (value == nullptr) continue;
    const std::size_t group = groups.emplace(*value, groups.size()).first->second;
    for (const PlacedPrefix& one : holder.prefixes) {
      held.push_back({without_host_bits(one.prefix), group, items.size()});
      items.emplace_back(&holder, &one);
    }
  }
  for (const Nested& one : nested(std::move(held))) {
    const auto [outer, outer_prefix] = items[one.outer.item];
    const auto [inner, inner_prefix] = items[one.inner.item];
    auto& added = findings_.add(
        FindingId::lint_policy_overlap, inner_prefix->at,
        text("{} of {} overlaps {} of {}, and the policy no_overlap forbids that: {} is {} and {}",
             one.inner.prefix, inner->who, one.outer.prefix, outer->who, Name{label},
             value_of(*inner->labels, label), value_of(*outer->labels, label)));
    added.related = {outer_prefix->at};
    added.finding.fix = {"give each of the two prefixes of its own"};
  }
}

void Policing::judge_reach(const std::string& label) {
  judge_interface_peers(label);
  for (const Linted& file : view_.files) judge_file_reach(label, file);
}

/// An interface that belongs to one value of the label, and has a peer of another.
void Policing::judge_interface_peers(const std::string& label) {
  for (const config::DeclaredInterface& interface : read_.inventory.interfaces) {
    const std::string* value = config::find_label(interface.labels, label);
    if (value == nullptr) continue;
    const auto is_its = [&](const config::InterfaceRef& ref) {
      return ref.name == interface.name &&
             (ref.host.empty() || interface.hosts.empty() ||
              std::ranges::find(interface.hosts, ref.host) != interface.hosts.end());
    };
    for (const config::DeclaredPeer& peer : read_.inventory.peers) {
      const std::string* its = config::find_label(peer.labels, label);
      if (its == nullptr || *its == *value) continue;
      if (!peer.interfaces.empty() && std::ranges::none_of(peer.interfaces, is_its)) continue;
      auto& added =
          findings_.add(FindingId::lint_policy_reach, at(peer.position),
                        text("{} ({} is {}) is a peer of the interface {} ({})", Name{peer.name},
                             Name{label}, Name{*its}, Name{interface.name}, Name{*value}));
      added.related = {at(interface.position)};
      added.finding.fix = {"give the peer an interface of its own label"};
    }
  }
}

/// A file whose own key is declared, and that leads to a holder of another value.
void Policing::judge_file_reach(const std::string& label, const Linted& file) {
  const auto own = file.own_key ? view_.declared.find(*file.own_key) : view_.declared.end();
  if (own == view_.declared.end()) return;
  const std::string* value = config::find_label(own->second->labels, label);
  if (value == nullptr) return;
  const auto forbidden = [&](const config::DeclaredPeer& peer) {
    const std::string* its = config::find_label(peer.labels, label);
    return its != nullptr && *its != *value ? its : nullptr;
  };
  const auto add = [&](const Place& place, const config::DeclaredPeer& peer, const Text& how) {
    auto& added = findings_.add(FindingId::lint_policy_reach, place,
                                text("this host ({} is {}) {} {} ({})", Name{label}, Name{*value},
                                     how, Name{peer.name}, value_of(peer.labels, label)));
    added.related = {at(peer.position)};
    added.finding.fix = {"remove the peer or the prefix"};
  };
  for (const config::TunnelPeer& peer : file.tunnel().peers) {
    const auto declared = view_.declared.find(peer.public_key.value);
    if (declared != view_.declared.end() && forbidden(*declared->second) != nullptr)
      add(file.at(peer.public_key.at), *declared->second, "has as a peer");
    for (const config::LocatedPrefix& one : peer.allowed_ips) {
      if (is_default(one.value)) continue;  // everybody who sends all traffic to a gateway
      const auto reached =
          std::ranges::find_if(read_.inventory.peers, [&](const config::DeclaredPeer& other) {
            return forbidden(other) != nullptr &&
                   std::ranges::any_of(other.allowed_ips,
                                       [&](const Prefix& its) { return contains(one.value, its); });
          });
      if (reached != read_.inventory.peers.end())
        add(file.at(one.at), *reached, "routes into the tunnel what belongs to");
    }
  }
}

}  // namespace

void lint_inventory(const LintView& view, Findings& findings) {
  if (!view.options.inventory) return;
  const config::InventoryRead& read = *view.options.inventory->read;
  for (const config::InventoryProblem& problem : read.problems) {
    const auto at = [&](const config::Position& position) {
      return Place{read.files[position.file].name, position.line, position.column};
    };
    const bool is_error = problem.kind == config::ProblemKind::error;
    auto& added =
        findings.add(is_error ? FindingId::lint_inventory_error : FindingId::lint_inventory_warning,
                     at(problem.position), text("{}", Name{problem.text}));
    if (problem.other) added.related = {at(*problem.other)};
  }
}

void lint_policies(const LintView& view, Findings& findings) {
  if (!view.options.inventory) return;
  Policing(view, findings).judge();
}

}  // namespace wgscope::audit
