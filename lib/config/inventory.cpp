#include "wgscope/config/inventory.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "wgscope/base/time.hpp"
#include "wgscope/model/address.hpp"

namespace wgscope::config {

const std::string* find_label(const DeclaredLabels& labels, std::string_view name) {
  const auto found = std::ranges::lower_bound(labels, name, {}, &DeclaredLabel::name);
  return found != labels.end() && found->name == name ? &found->value : nullptr;
}

bool has_labels(const DeclaredLabels& labels, const DeclaredLabels& wanted) {
  return std::ranges::all_of(wanted, [&labels](const DeclaredLabel& label) {
    const std::string* value = find_label(labels, label.name);
    return value != nullptr && *value == label.value;
  });
}

std::string InterfaceRef::to_string() const { return host.empty() ? name : name + '@' + host; }

bool is_unmanaged(const Inventory& inventory, std::string_view interface, std::string_view host) {
  return std::ranges::any_of(inventory.unmanaged_interfaces, [&](const InterfaceRef& ref) {
    if (!ref.host.empty() && ref.host != host) return false;
    const std::string_view name = ref.name;
    return name.ends_with('*') ? interface.starts_with(name.substr(0, name.size() - 1))
                               : interface == name;
  });
}

std::string_view to_string(PresharedKeyRule rule) {
  switch (rule) {
    case PresharedKeyRule::any: return "any";
    case PresharedKeyRule::required: return "required";
    case PresharedKeyRule::absent: return "absent";
  }
  return "";
}

std::optional<std::uint8_t> least_prefix_length(const Policies& policies,
                                                const DeclaredLabels& labels, Family family) {
  std::optional<std::uint8_t> least;
  std::size_t most_labels = 0;
  for (const PrefixLimit& limit : policies.widest_prefix) {
    const auto& length = family == Family::v4 ? limit.ipv4 : limit.ipv6;
    const std::size_t count = limit.labels.size();
    if (!length || !has_labels(labels, limit.labels) || (least && count < most_labels)) continue;
    least = least && count == most_labels ? std::max(*least, *length) : *length;
    most_labels = count;
  }
  return least;
}

KeysAt keys_at(const DeclaredPeer& peer, WallTime when) {
  if (!peer.successor) return {};
  const std::chrono::sys_days next_day = peer.successor->until + std::chrono::days(1);
  const bool over = when.since_epoch >= next_day.time_since_epoch();
  return {.old_allowed = !over, .successor_allowed = true};
}

}  // namespace wgscope::config
