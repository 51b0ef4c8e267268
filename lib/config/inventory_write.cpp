// The text that read_inventory() reads as the same inventory. Whatever people chose stands in
// quotes: no name can be taken for YAML then.

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include <fmt/core.h>

#include "wgscope/config/inventory.hpp"
#include "wgscope/config/inventory_file.hpp"
#include "wgscope/config/schedule.hpp"
#include "wgscope/model/address.hpp"

namespace wgscope::config {
namespace {

std::string quoted(std::string_view text) {
  std::string out(1, '"');
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + '"';
}

std::string number(std::uint16_t value) { return fmt::format("{}", value); }
std::string print(const Prefix& prefix) { return quoted(prefix.to_string()); }

std::string print_ref(const InterfaceRef& ref) { return quoted(ref.to_string()); }

template <class Items, class Print>
std::string list(const Items& items, Print print_one) {
  std::string out = "[";
  for (const auto& item : items) {
    if (out.size() > 1) out += ", ";
    out += print_one(item);
  }
  return out + ']';
}

std::string labels(const DeclaredLabels& all) {
  std::string out = list(all, [](const DeclaredLabel& label) {
    return fmt::format("{}: {}", label.name, quoted(label.value));
  });
  out.front() = '{';
  out.back() = '}';
  return out;
}

std::string day(std::chrono::sys_days value) {
  const std::chrono::year_month_day date(value);
  return fmt::format("{:04}-{:02}-{:02}", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()));
}

/// The lines of one entry of a list, of which the first has the dash.
class Entry {
 public:
  Entry(std::string& out, std::string_view indent) : out_(&out), indent_(indent) {}

  void field(std::string_view name, std::string_view value) {
    *out_ += fmt::format("{}{}{}: {}\n", indent_, first_ ? "- " : "  ", name, value);
    first_ = false;
  }
  template <class Items, class Print>
  void fields(std::string_view name, const Items& items, Print print_one) {
    if (!items.empty()) field(name, list(items, print_one));
  }
  void label_field(std::string_view name, const DeclaredLabels& all) {
    if (!all.empty()) field(name, labels(all));
  }

 private:
  std::string* out_;
  std::string_view indent_;
  bool first_ = true;
};

constexpr std::string_view kIndent = "  ";
constexpr std::string_view kDeepIndent = "    ";

void write(const DeclaredInterface& interface, std::string& out) {
  Entry entry(out, kIndent);
  entry.field("name", quoted(interface.name));
  entry.fields("hosts", interface.hosts, quoted);
  if (interface.public_key) entry.field("public_key", interface.public_key->base64());
  entry.fields("addresses", interface.addresses, print);
  if (interface.listen_port) entry.field("listen_port", number(*interface.listen_port));
  if (interface.mtu) entry.field("mtu", number(*interface.mtu));
  if (interface.fwmark)
    entry.field("fwmark", *interface.fwmark == 0 ? "off" : fmt::format("{:#x}", *interface.fwmark));
  entry.label_field("labels", interface.labels);
}

std::string expected_online(const DeclaredPeer& peer) {
  switch (peer.expected_online) {
    case ExpectedOnline::always: return "always";
    case ExpectedOnline::scheduled:
      return fmt::format("{{time_zone: {}, hours: {}}}", quoted(peer.schedule->time_zone),
                         list(print_hours(peer.schedule->hours), quoted));
    case ExpectedOnline::roaming: break;
  }
  return "roaming";
}

void write(const DeclaredPeer& peer, std::string& out) {
  Entry entry(out, kIndent);
  entry.field("name", quoted(peer.name));
  entry.field("public_key", peer.public_key.base64());
  entry.fields("interfaces", peer.interfaces, print_ref);
  entry.fields("allowed_ips", peer.allowed_ips, print);
  if (peer.endpoint) entry.field("endpoint", quoted(peer.endpoint->to_string()));
  if (peer.persistent_keepalive)
    entry.field("persistent_keepalive",
                peer.persistent_keepalive->count() == 0
                    ? "off"
                    : fmt::format("{}", peer.persistent_keepalive->count()));
  if (peer.preshared_key != PresharedKeyRule::any)
    entry.field("preshared_key", to_string(peer.preshared_key));
  entry.field("expected_online", expected_online(peer));
  if (peer.grace) entry.field("grace", fmt::format("{}h", peer.grace->count()));
  if (peer.key_created) entry.field("key_created", day(*peer.key_created));
  if (peer.rotation) entry.field("rotation", fmt::format("{}d", peer.rotation->count()));
  if (peer.successor)
    entry.field("successor",
                fmt::format("{{public_key: {}, until: {}}}", peer.successor->public_key.base64(),
                            day(peer.successor->until)));
  entry.label_field("labels", peer.labels);
}

void write(const PrefixLimit& limit, std::string& out) {
  Entry entry(out, kDeepIndent);
  if (limit.ipv4) entry.field("ipv4", number(*limit.ipv4));
  if (limit.ipv6) entry.field("ipv6", number(*limit.ipv6));
  entry.label_field("labels", limit.labels);
}

void write(const Reservation& reservation, std::string& out) {
  Entry entry(out, kDeepIndent);
  entry.fields("prefixes", reservation.prefixes, print);
  entry.fields("ports", reservation.ports, number);
  entry.label_field("only", reservation.only);
}

template <class Entries>
void write_all(std::string_view heading, const Entries& entries, std::string& out) {
  if (entries.empty()) return;
  out += heading;
  for (const auto& entry : entries) write(entry, out);
}

void write(const Policies& policies, std::string& out) {
  if (policies == Policies()) return;
  out += "policies:\n";
  write_all("  widest_prefix:\n", policies.widest_prefix, out);
  if (!policies.no_overlap.empty())
    out += fmt::format("  no_overlap: {}\n", list(policies.no_overlap, quoted));
  if (!policies.no_reach.empty())
    out += fmt::format("  no_reach: {}\n", list(policies.no_reach, quoted));
  write_all("  reserved:\n", policies.reserved, out);
}

}  // namespace

std::string write_inventory(const Inventory& inventory) {
  std::string out;
  write_all("interfaces:\n", inventory.interfaces, out);
  write_all("peers:\n", inventory.peers, out);
  write(inventory.policies, out);
  if (!inventory.unmanaged_interfaces.empty())
    out +=
        fmt::format("unmanaged_interfaces: {}\n", list(inventory.unmanaged_interfaces, print_ref));
  // A file without a word would be refused: most likely somebody emptied it by mistake.
  return out.empty() ? "peers: []\n" : out;
}

std::string write_peer(const DeclaredPeer& peer) {
  std::string out = "peers:\n";
  write(peer, out);
  return out;
}

}  // namespace wgscope::config
