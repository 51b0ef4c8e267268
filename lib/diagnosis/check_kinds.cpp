#include "wgscope/diagnosis/check_kinds.hpp"

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <optional>
#include <span>
#include <string_view>
#include <utility>

#include "wgscope/diagnosis/finding.hpp"
#include "wgscope/diagnosis/report.hpp"
#include "wgscope/diagnosis/text.hpp"

#include "table.hpp"

namespace wgscope::diagnosis {
namespace {

using enum CheckKind;

constexpr bool kEssential = true;
constexpr bool kBeside = false;

constexpr CheckRow kRows[] = {
    {configuration_target, "configuration.target", "subject of the run", Layer::configuration,
     kEssential,
     "Do the options and the configuration name something to check? Present only if not."},
    {configuration_file_mode, "configuration.file_mode", "file permissions", Layer::configuration,
     kBeside, "Can only its owner read the file with the secret key? Present only if others can."},
    {configuration_line, "configuration.line", "configuration line", Layer::configuration, kBeside,
     "Is each line of the configuration known, and does it mean what it seems to mean? Present "
     "only for lines that give cause for a remark."},
    {configuration_endpoint, "configuration.endpoint", "endpoint", Layer::configuration, kEssential,
     "Can the endpoint's address be a gateway's? Present only if not."},
    {configuration_gateway_key, "configuration.gateway_key", "gateway's public key",
     Layer::configuration, kEssential,
     "Can the gateway's public key be used? Present only if not."},
    {configuration_state, "configuration.state", "record of handshakes", Layer::configuration,
     kBeside, "Can the time of the key's last handshake be kept? Present only if not."},

    {key_use, "key.use", "use of the key", Layer::host, kBeside,
     "Does an interface of this host use the probe's key, or does another device take its "
     "session?"},
    {key_stamp, "key.stamp", "handshake timestamp", Layer::host, kBeside,
     "Is the handshake's timestamp later than the last one of this key?"},
    {clock, "clock", "clock", Layer::host, kBeside, "Is this host's clock synchronised?"},
    {name_resolve, "name.resolve", "name resolution", Layer::name, kEssential,
     "Does the endpoint's name resolve to addresses?"},
    {name_addresses, "name.addresses", "addresses", Layer::name, kEssential,
     "Do all addresses of the endpoint work?"},
    {path_route, "path.route", "route", Layer::path, kBeside,
     "Over which interface do the probe's packets leave this host, and is it a tunnel?"},
    {path_mark, "path.mark", "FwMark", Layer::path, kBeside,
     "Does the configuration's FwMark take effect? Present only if not."},
    {path_send, "path.send", "sending", Layer::path, kEssential,
     "Does this host send handshake initiations, and data after them, out?"},
    {path_icmp, "path.icmp", "ICMP errors", Layer::path, kBeside,
     "Does an ICMP error say that initiations, or data after them, cannot arrive?"},
    {handshake_response, "handshake.response", "handshake response", Layer::handshake, kEssential,
     "Does the gateway respond to initiations?"},
    {handshake_cookie, "handshake.cookie", "cookie", Layer::handshake, kBeside,
     "Does the gateway ask for cookies, as it does under load? Absent if not."},
    {handshake_preshared_key, "handshake.preshared_key", "preshared key", Layer::handshake, kBeside,
     "Do both sides have the same preshared key, or none?"},
    {handshake_responder, "handshake.responder", "responding address", Layer::handshake, kBeside,
     "Does the response come from the address that the initiation went to?"},
    {handshake_strays, "handshake.strays", "stray datagrams", Layer::handshake, kBeside,
     "Did datagrams arrive that do not belong to the handshake? Absent if not."},
    {tunnel_data, "tunnel.data", "data", Layer::tunnel, kEssential,
     "Does data cross the tunnel in both directions?"},
    {tunnel_hold, "tunnel.hold", "data after a while", Layer::tunnel, kEssential,
     "Does data still cross the tunnel after a while? Present only with --hold."},
    {tunnel_strays, "tunnel.strays", "datagrams after the handshake", Layer::tunnel, kBeside,
     "What else came to the probe's port after the handshake, and was of no use? Absent if nothing "
     "did."},

    {ping_outer, "ping.outer", "ping outside the tunnel", Layer::path, kBeside,
     "Does the gateway answer pings outside the tunnel, and after what time?"},
    {ping_reply, "ping.reply", "ping through the tunnel", Layer::tunnel, kEssential,
     "Does the target answer pings through the tunnel, and after what time?"},
    {ping_loss_forward, "ping.loss_forward", "forward loss", Layer::tunnel, kBeside,
     "Are packets lost on the forward path, to the gateway?"},
    {ping_loss_backward, "ping.loss_backward", "reverse loss", Layer::tunnel, kBeside,
     "Are packets lost on the reverse path, from the gateway?"},
    {ping_loss, "ping.loss", "loss in an unknown direction", Layer::tunnel, kBeside,
     "How many packets are lost in an unknown direction? Absent if none are."},
    {ping_duplicates, "ping.duplicates", "duplicate packets", Layer::tunnel, kBeside,
     "Do packets arrive twice?"},
    {ping_order, "ping.order", "packet order", Layer::tunnel, kBeside,
     "Do packets arrive in order?"},

    {reach_tunnel, "reach.tunnel", "hosts inside the tunnel", Layer::tunnel, kBeside,
     "Does anything inside the tunnel answer?"},
    {reach_icmp, "reach.icmp", "ping", Layer::service, kEssential,
     "Does the target answer pings, or, where it must not, is it silent?"},
    {reach_tcp, "reach.tcp", "TCP", Layer::service, kEssential,
     "Does the TCP port accept connections, or, where it must not, is it closed?"},
    {reach_udp, "reach.udp", "UDP", Layer::service, kEssential,
     "Does the UDP port answer, or, where it must not, is it closed?"},
    {reach_dns, "reach.dns", "DNS", Layer::service, kEssential,
     "Does the name server give the expected answer, or, where it must not, is it silent?"},
    {reach_http, "reach.http", "HTTP", Layer::service, kEssential,
     "Does the HTTP server give the expected status, or, where it must not, is it closed?"},

    {mtu_forward, "mtu.forward", "forward path MTU", Layer::path, kEssential,
     "Do full packets of the tunnel pass the forward path, to the gateway?"},
    {mtu_backward, "mtu.backward", "reverse path MTU", Layer::path, kEssential,
     "Do full packets of the tunnel pass the reverse path, from the gateway?"},
    {mtu_reports, "mtu.reports", "MTUs that routers report", Layer::path, kBeside,
     "Are the MTUs that routers report true? Present only if not."},
    {mtu_seen_as, "mtu.seen_as", "address seen by the gateway", Layer::path, kBeside,
     "From which address and port do the probe's datagrams reach the gateway? Present only if the "
     "gateway says so."},
    {mtu_cutting, "mtu.cutting", "fragmentation", Layer::path, kBeside,
     "May routers fragment the gateway's datagrams? Absent if that is unknown."},
    {mtu_setting, "mtu.setting", "tunnel MTU", Layer::tunnel, kBeside,
     "Which MTU fits the path in both directions? Absent if that is unknown."},
    {mtu_tcp, "mtu.tcp", "TCP segment size", Layer::service, kEssential,
     "Do the TCP segments that a service inside the tunnel takes fit the path? Present only with "
     "--tcp."},

    {outer_host, "outer.host", "host", Layer::name, kEssential,
     "Does the host have an address, and can packets be sent to it? Present only if not."},
    {outer_forward, "outer.forward", "forward path MTU", Layer::path, kEssential,
     "Do packets as large as a full tunnel packet pass the forward path, to the host?"},
    {outer_both, "outer.both", "MTU in both directions", Layer::path, kEssential,
     "Do packets as large as a full tunnel packet pass in both directions?"},
    {outer_mark, "outer.mark", "FwMark", Layer::path, kBeside,
     "Does the configuration's FwMark take effect? Present only if not."},
    {outer_setting, "outer.setting", "tunnel MTU", Layer::tunnel, kBeside,
     "Which tunnel MTU fits the path? Absent if that is unknown."},

    {nat_servers, "nat.servers", "STUN servers", Layer::path, kEssential,
     "Do STUN servers answer?"},
    {nat_mapping, "nat.mapping", "NAT mapping", Layer::path, kEssential,
     "Does the NAT use one mapping for all destinations, or a mapping for each?"},
    {nat_filtering, "nat.filtering", "NAT filtering", Layer::path, kBeside,
     "From which addresses and ports does the NAT let packets in?"},
    {nat_ports, "nat.ports", "port numbers", Layer::path, kBeside,
     "Does the NAT keep port numbers?"},
    {nat_hairpin, "nat.hairpin", "hairpinning", Layer::path, kBeside,
     "Can hosts behind the NAT reach each other by its outer address?"},
    {nat_carrier, "nat.carrier", "carrier's NAT", Layer::path, kEssential,
     "Is there a carrier's NAT beyond the router?"},
    {nat_router, "nat.router", "router", Layer::path, kBeside,
     "What does the router say about its outer address?"},
    {nat_lifetime, "nat.lifetime", "lifetime of silent flows", Layer::path, kEssential,
     "How long does the NAT remember a silent flow that had packets in both directions?"},
    {nat_lifetime_one_way, "nat.lifetime_one_way", "lifetime of outbound-only flows", Layer::path,
     kBeside, "How long does the NAT remember a silent flow that had outbound packets only?"},
    {nat_refresh, "nat.refresh", "refresh by inbound packets", Layer::path, kBeside,
     "Do inbound packets keep a mapping alive? Absent if that is unknown."},
    {nat_keepalive, "nat.keepalive", "keepalive", Layer::path, kEssential,
     "Is PersistentKeepalive short enough that mappings are not forgotten?"},
    {nat_calls, "nat.calls", "packets from inside the tunnel", Layer::path, kEssential,
     "Does what a host inside the tunnel sends arrive here through the gateway?"},
    {nat_flow_lifetime, "nat.flow_lifetime", "lifetime of the tunnel's flow", Layer::path,
     kEssential,
     "How long do the NATs on the path remember the tunnel's own flow while it is silent?"},
    {nat_flow_keepalive, "nat.flow_keepalive", "keepalive of the tunnel's flow", Layer::path,
     kEssential,
     "Is PersistentKeepalive short enough that the tunnel's own flow is not forgotten?"},

    {drift_declared, "drift.declared", "declarations", Layer::configuration, kEssential,
     "Could every declaration be read, and is any of them for this host?"},
    {drift_interface, "drift.interface", "interface", Layer::host, kEssential,
     "Does each declared interface exist, with the declared key, port, mark and MTU?"},
    {drift_dns, "drift.dns", "DNS servers", Layer::host, kBeside,
     "Does this host use the DNS servers of the wg-quick file? Always unknown, and present only if "
     "the file names servers."},
    {drift_name, "drift.name", "names of endpoints", Layer::name, kBeside,
     "Do the names of declared endpoints resolve?"},
    {drift_address, "drift.address", "addresses", Layer::host, kEssential,
     "Does the interface have the declared addresses, and no others?"},
    {drift_route, "drift.route", "routes", Layer::host, kEssential,
     "Do routes lead to the interface for all declared allowed IPs, and for no others?"},
    {drift_peer, "drift.peer", "peer", Layer::tunnel, kEssential,
     "Is each declared peer there, and is each peer declared?"},
    {drift_allowed_ips, "drift.allowed_ips", "allowed IPs", Layer::tunnel, kEssential,
     "Does each peer have the declared allowed IPs, and none that a policy forbids?"},
    {drift_keepalive, "drift.keepalive", "persistent keepalive", Layer::tunnel, kEssential,
     "Does each peer have the declared persistent keepalive?"},
    {drift_preshared_key, "drift.preshared_key", "peer's preshared key", Layer::tunnel, kEssential,
     "Does each peer have a preshared key, or none, as declared?"},
    {drift_endpoint, "drift.endpoint", "peer's endpoint", Layer::tunnel, kEssential,
     "Does each peer have the declared endpoint, or one of its name's addresses, or has it roamed "
     "with a live session?"},
    {drift_watch, "drift.watch", "endpoints over time", Layer::tunnel, kEssential,
     "Does the endpoint of a peer go back and forth, as if two devices had its key? Present only "
     "with --watch."},
};
static_assert(has_row_for_each(std::span<const CheckRow>(kRows), CheckKind::count));
static_assert(are_names_unique(std::span<const CheckRow>(kRows), &CheckRow::name));

}  // namespace

std::span<const CheckRow> check_rows() { return kRows; }

const CheckRow& row_of(CheckKind kind) { return kRows[static_cast<std::size_t>(kind)]; }

std::string_view label_of(const Check& check) {
  const auto* const row = std::ranges::find(kRows, check.name, &CheckRow::name);
  return row == std::end(kRows) ? check.name : row->label;
}

Check make_check(CheckKind kind, Status status, Text summary) {
  const CheckRow& row = row_of(kind);
  return {.name = row.name,
          .layer = row.layer,
          .status = status,
          .summary = std::move(summary),
          .essential = row.essential};
}

Check make_check(CheckKind kind, Status status, Text summary, Finding finding) {
  Check check = make_check(kind, status, std::move(summary));
  check.finding = std::move(finding);
  return check;
}

Check make_check(CheckKind kind, Status status, Finding finding) {
  Text summary = finding.cause;
  return make_check(kind, status, std::move(summary), std::move(finding));
}

Check skipped(CheckKind kind, FindingId because) {
  Check check = make_check(kind, Status::skipped, Text());
  check.skipped_because = because;
  return check;
}

Check interrupted(CheckKind kind) { return make_check(kind, Status::unknown, "interrupted"); }

Check skipped_check(CheckKind kind, std::optional<FindingId> because, const Report& report) {
  if (because) return skipped(kind, *because);
  if (report.interrupted) return interrupted(kind);
  return make_check(kind, Status::unknown, "not tried: there is no tunnel");
}

void skip(std::span<const CheckKind> kinds, std::optional<FindingId> because, Report& report) {
  for (const CheckKind kind : kinds) report.checks.push_back(skipped_check(kind, because, report));
}

}  // namespace wgscope::diagnosis
