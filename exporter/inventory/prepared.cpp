#include "exporter/inventory/prepared.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "wgscope/audit/drift.hpp"
#include "wgscope/base/time.hpp"
#include "wgscope/config/inventory.hpp"
#include "wgscope/config/inventory_file.hpp"
#include "wgscope/config/schedule.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/os/time_zones.hpp"

#include "exporter/exposition/writer.hpp"

namespace wgscope::exporter {
namespace {

void append_label(std::string& to, std::string_view name, std::string_view value) {
  to += "\",";
  to += name;
  to += "=\"";
  append_label_value(to, value);
}

std::string chosen_labels(const config::DeclaredPeer& peer, const std::vector<std::string>& names) {
  std::string labels;
  for (const std::string& name : names) {
    if (name == "name")
      append_label(labels, name, peer.name);
    else if (const std::string* value = config::find_label(peer.labels, name))
      append_label(labels, name, *value);
  }
  return labels;
}

}  // namespace

bool is_own_label(std::string_view name) {
  // Those of Prometheus among them: it would rename ours.
  constexpr std::array<std::string_view, 14> kOwn{
      "interface",        "netns",    "public_key", "name",    "preshared_key",
      "protocol_version", "endpoint", "verdict",    "field",   "allowed_ip",
      "family",           "state",    "job",        "instance"};
  return std::ranges::find(kOwn, name) != kOwn.end();
}

std::string its_name_in(const config::Inventory& inventory, const std::string& hostname) {
  const auto is_mentioned = [&inventory](const std::string& host) {
    return std::ranges::any_of(inventory.interfaces,
                               [&](const config::DeclaredInterface& interface) {
                                 return std::ranges::find(interface.hosts, host) !=
                                        interface.hosts.end();
                               }) ||
           std::ranges::any_of(inventory.peers, [&](const config::DeclaredPeer& peer) {
             return std::ranges::find(peer.interfaces, host, &config::InterfaceRef::host) !=
                    peer.interfaces.end();
           });
  };
  const std::string short_name = hostname.substr(0, hostname.find('.'));
  return !is_mentioned(hostname) && is_mentioned(short_name) ? short_name : hostname;
}

PreparedInventory::PreparedInventory(config::InventoryRead read, const Settings& settings)
    : declared_(std::move(read.inventory), settings.host, read.complete, settings.seed) {
  std::vector<std::string> declared_only = settings.peer_labels;
  std::erase(declared_only, "name");
  std::set<std::string> names;
  std::set<std::string> refused;
  for (const config::DeclaredPeer& peer : declared_.inventory().peers) {
    DeclaredSeries& series = series_.emplace_back();
    series.labels = chosen_labels(peer, settings.peer_labels);
    append_label(series.name_label, "name", peer.name);
    series.info_labels = series.name_label;
    series.name_label += chosen_labels(peer, declared_only);
    for (const config::DeclaredLabel& label : peer.labels) {
      if (is_own_label(label.name))
        refused.insert(label.name);
      else
        append_label(series.info_labels, label.name, label.value);
    }
    if (peer.endpoint && !IpAddress::parse(peer.endpoint->host) && is_of_this_host(peer))
      names.insert(peer.endpoint->host);
  }
  add_terms();
  endpoint_names_.assign(names.begin(), names.end());
  refused_labels_.assign(refused.begin(), refused.end());
}

void PreparedInventory::add_terms() {
  using Hours = std::pair<std::string, std::vector<config::WeeklySpan>>;
  std::map<Hours, std::uint32_t> known;
  for (const config::DeclaredPeer& peer : declared_.inventory().peers) {
    DeclaredTerms& terms = terms_.emplace_back();
    terms.rotates = peer.successor.has_value();
    terms.grace = peer.grace;
    if (peer.expected_online == config::ExpectedOnline::always) terms.expectation = kAlways;
    if (peer.expected_online != config::ExpectedOnline::scheduled || !peer.schedule) continue;
    const auto next = kFirstSchedule + static_cast<std::uint32_t>(schedules_.size());
    const auto [entry, is_new] =
        known.try_emplace(Hours{peer.schedule->time_zone, peer.schedule->hours}, next);
    if (is_new) schedules_.push_back(*peer.schedule);
    terms.expectation = entry->second;
  }
}

KeyDates PreparedInventory::key_dates(std::uint32_t peer) const {
  const config::DeclaredPeer& declared = declared_.inventory().peers[peer];
  KeyDates dates;
  if (!declared.key_created) return dates;
  dates.created = WallTime{declared.key_created->time_since_epoch()};
  if (declared.rotation)
    dates.rotation_due = WallTime{(*declared.key_created + *declared.rotation).time_since_epoch()};
  return dates;
}

bool PreparedInventory::is_of_this_host(const config::DeclaredPeer& peer) const {
  if (peer.interfaces.empty()) return true;
  return std::ranges::any_of(peer.interfaces, [&](const config::InterfaceRef& reference) {
    if (!reference.host.empty() && reference.host != declared_.host()) return false;
    return declared_.inventory().interfaces.empty() ||
           declared_.find_interface(reference.name) != audit::kNotDeclared;
  });
}

bool PreparedInventory::is_for_this_host() const {
  const auto& interfaces = declared_.inventory().interfaces;
  return interfaces.empty() ||
         std::ranges::any_of(interfaces, [&](const config::DeclaredInterface& interface) {
           return declared_.is_of_this_host(interface);
         });
}

void PreparedInventory::expect(WallTime now, Expectations& into) const {
  into.assign(kFirstSchedule + schedules_.size(), 0);
  into[kAlways] = 1;
  for (std::size_t i = 0; i < schedules_.size(); ++i) {
    const auto offset = os::utc_offset(schedules_[i].time_zone, now);
    into[kFirstSchedule + i] =
        !offset ? kUnknownExpectation : std::uint8_t{config::covers(schedules_[i], now, *offset)};
  }
}

}  // namespace wgscope::exporter
