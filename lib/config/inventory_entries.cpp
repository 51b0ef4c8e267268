// A whole file: interfaces, policies, and what else stands at the top.

#include "inventory_entries.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/core.h>

#include "wgscope/config/inventory.hpp"
#include "wgscope/config/inventory_file.hpp"

#include "inventory_cursor.hpp"
#include "wg_quick_values.hpp"
#include "yaml_reader.hpp"

namespace wgscope::config {
namespace {

template <class Number>
void read_number(InventoryCursor& in, std::uint32_t least, std::uint32_t most,
                 std::optional<Number>& into) {
  in.scalar(fmt::format("expected a number from {} to {}", least, most),
            [&](std::string_view text) {
              const auto number = parse_decimal(text, most);
              if (!number || *number < least) return false;
              into = static_cast<Number>(*number);
              return true;
            });
}

void read_port(InventoryCursor& in, std::optional<std::uint16_t>& into) {
  read_number<std::uint16_t>(in, 1, UINT16_MAX, into);
}

void read_addresses(InventoryCursor& in, DeclaredInterface& into) {
  in.scalars(R"(expected an address, such as 10.9.0.1/24 or "fd09::1/64")",
             [&into](std::string_view text) {
               const auto address = parse_allowed_ip(text);
               if (address) into.addresses.push_back(*address);
               return address.has_value();
             });
}

void read_fwmark(InventoryCursor& in, DeclaredInterface& into) {
  in.scalar("expected a mark, such as 51820 or 0xca6c, or off", [&into](std::string_view text) {
    into.fwmark = text == "off" ? std::optional<std::uint32_t>(0) : parse_number(text, UINT32_MAX);
    return into.fwmark.has_value();
  });
}

void read_name(InventoryCursor& in, DeclaredInterface& into) {
  in.scalar("expected the name of an interface: 1 to 15 bytes without blanks, '/', ':' and '@'",
            [&into](std::string_view text) {
              into.name = text;
              return is_interface_name(text);
            });
}

void read_hosts(InventoryCursor& in, DeclaredInterface& into) {
  in.scalars("expected the name of a host: letters, digits and .-_",
             [&into](std::string_view text) {
               if (!is_host_name(text)) return false;
               into.hosts.emplace_back(text);
               return true;
             });
}

// The least MTU that Linux allows for IPv4 (RFC 791), and the most that WireGuard does.
constexpr std::uint32_t kLeastMtu = 68;
constexpr std::uint32_t kMostMtu = 65'535;

constexpr std::array<InventoryField<DeclaredInterface>, 8> kInterfaceFields{
    {{"name", read_name},
     {"hosts", read_hosts},
     {"public_key",
      [](InventoryCursor& in, DeclaredInterface& into) { read_key(in, into.public_key); }},
     {"addresses", read_addresses},
     {"listen_port",
      [](InventoryCursor& in, DeclaredInterface& into) { read_port(in, into.listen_port); }},
     {"mtu",
      [](InventoryCursor& in, DeclaredInterface& into) {
        read_number<std::uint16_t>(in, kLeastMtu, kMostMtu, into.mtu);
      }},
     {"fwmark", read_fwmark},
     {"labels",
      [](InventoryCursor& in, DeclaredInterface& into) { read_labels(in, into.labels); }}}};

constexpr std::array<InventoryField<PrefixLimit>, 3> kLimitFields{
    {{"ipv4", [](InventoryCursor& in,
                 PrefixLimit& into) { read_number<std::uint8_t>(in, 0, 32, into.ipv4); }},
     {"ipv6", [](InventoryCursor& in,
                 PrefixLimit& into) { read_number<std::uint8_t>(in, 0, 128, into.ipv6); }},
     {"labels", [](InventoryCursor& in, PrefixLimit& into) { read_labels(in, into.labels); }}}};

void read_limits(InventoryCursor& in, Policies& into) {
  constexpr std::string_view kExpected =
      "expected a list of limits, such as [{ipv4: 32, ipv6: 128}, {ipv4: 24, labels: {kind: "
      "site}}]";
  in.list(kExpected, [&] {
    PrefixLimit limit{.labels = {}, .ipv4 = {}, .ipv6 = {}, .position = in.here()};
    const std::size_t errors = in.problems().count(ProblemKind::error);
    read_fields<PrefixLimit>(in, kLimitFields, limit, kExpected);
    if (in.problems().count(ProblemKind::error) == errors && !limit.ipv4 && !limit.ipv6)
      in.error(limit.position, "a limit needs ipv4, ipv6 or both");
    into.widest_prefix.push_back(std::move(limit));
  });
}

void read_label_names(InventoryCursor& in, std::vector<std::string>& into) {
  in.scalars("expected the name of a label, such as tenant", [&into](std::string_view text) {
    if (!is_label_name(text)) return false;
    into.emplace_back(text);
    return true;
  });
}

void read_ports(InventoryCursor& in, Reservation& into) {
  in.scalars("expected a port from 1 to 65535", [&into](std::string_view text) {
    const auto port = parse_decimal(text, UINT16_MAX);
    if (!port || *port == 0) return false;
    into.ports.push_back(static_cast<std::uint16_t>(*port));
    return true;
  });
}

constexpr std::array<InventoryField<Reservation>, 3> kReservationFields{
    {{"prefixes", [](InventoryCursor& in, Reservation& into) { read_prefixes(in, into.prefixes); }},
     {"ports", read_ports},
     {"only", [](InventoryCursor& in, Reservation& into) { read_labels(in, into.only); }}}};

void read_reserved(InventoryCursor& in, Policies& into) {
  constexpr std::string_view kExpected =
      "expected a list of reservations, such as [{prefixes: [10.0.0.0/24], only: {team: ops}}]";
  in.list(kExpected, [&] {
    Reservation reservation{.prefixes = {}, .ports = {}, .only = {}, .position = in.here()};
    const std::size_t errors = in.problems().count(ProblemKind::error);
    read_fields<Reservation>(in, kReservationFields, reservation, kExpected);
    if (in.problems().count(ProblemKind::error) == errors) {
      if (reservation.only.empty())
        in.error(reservation.position, "a reservation needs only: the labels it is for");
      if (reservation.prefixes.empty() && reservation.ports.empty())
        in.error(reservation.position, "a reservation needs prefixes, ports or both");
    }
    into.reserved.push_back(std::move(reservation));
  });
}

constexpr std::array<InventoryField<Policies>, 4> kPolicyFields{
    {{"widest_prefix", read_limits},
     {"no_overlap",
      [](InventoryCursor& in, Policies& into) { read_label_names(in, into.no_overlap); }},
     {"no_reach", [](InventoryCursor& in, Policies& into) { read_label_names(in, into.no_reach); }},
     {"reserved", read_reserved}}};

constexpr std::array<InventoryField<FileEntries>, 6> kFileFields{
    {{"interfaces",
      [](InventoryCursor& in, FileEntries& into) {
        in.list("expected a list of interfaces, each with a dash in front",
                [&] { into.interfaces.push_back(read_interface(in)); });
      }},
     {"peers",
      [](InventoryCursor& in, FileEntries& into) {
        in.list(
            "expected a list of peers, each with a dash in front",
            [&] { into.peers.push_back(read_peer(in)); }, kMaxInventoryPeers);
      }},
     {"groups", [](InventoryCursor& in, FileEntries& into) { read_groups(in, into.groups); }},
     {"defaults", [](InventoryCursor& in, FileEntries& into) { read_defaults(in, into.defaults); }},
     {"policies", [](InventoryCursor& in, FileEntries& into) { read_policies(in, into.policies); }},
     {"unmanaged_interfaces", [](InventoryCursor& in, FileEntries& into) {
        read_interface_refs(in, into.unmanaged_interfaces);
      }}}};

}  // namespace

DeclaredInterface read_interface(InventoryCursor& in) {
  DeclaredInterface made;
  made.position = in.here();
  const std::size_t errors = in.problems().count(ProblemKind::error);
  read_fields<DeclaredInterface>(in, kInterfaceFields, made,
                                 "expected an interface, such as {name: wg0, hosts: [gw-1]}");
  if (in.problems().count(ProblemKind::error) == errors && made.name.empty())
    in.error(made.position, "the interface has no name");
  return made;
}

void read_policies(InventoryCursor& in, Policies& policies) {
  read_fields<Policies>(in, kPolicyFields, policies,
                        "expected a map of policies, such as {no_overlap: [tenant]}");
}

FileEntries read_entries(InventoryCursor& in) {
  FileEntries entries;
  if (in.is(YamlEvent::Kind::done) || in.is_missing()) {
    in.error({in.here().file, 1, 1},
             "the file is empty: expected a map with interfaces, peers, groups, defaults or "
             "policies");
    return entries;
  }
  read_fields<FileEntries>(in, kFileFields, entries,
                           "expected a map with interfaces, peers, groups, defaults or policies");
  return entries;
}

}  // namespace wgscope::config
