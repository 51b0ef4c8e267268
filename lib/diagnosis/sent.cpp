#include "sent.hpp"

#include <cstddef>
#include <optional>
#include <string_view>

#include "wgscope/config/wg_quick.hpp"
#include "wgscope/diagnosis/handshake.hpp"
#include "wgscope/diagnosis/nat.hpp"
#include "wgscope/diagnosis/outer.hpp"
#include "wgscope/diagnosis/report.hpp"
#include "wgscope/diagnosis/session.hpp"
#include "wgscope/diagnosis/text.hpp"
#include "wgscope/model/address.hpp"

#include "handshake_parts.hpp"

namespace wgscope::diagnosis {
namespace {

/// What wireguard-go's source and the kernel's (drivers/net/wireguard/receive.c) write.
constexpr Words kInitiationsInLogs =
    "A gateway that knows this probe's key logs \"Receiving handshake initiation\" (kernel, with "
    "dynamic debug) or \"Received handshake initiation\" (wireguard-go, LOG_LEVEL=verbose); one "
    "that does not know it, \"Invalid handshake initiation\" or \"Received invalid initiation "
    "message\"; one with another key than the configured, \"Invalid MAC of handshake\" or "
    "\"Received packet with invalid mac1\"";

/// Datagrams that are no packets of a session.
struct Around {
  std::size_t plain = 0;
  std::size_t shaped = 0;  ///< they look like initiations
};

/// @param plain, shaped  Sent::what of each.
void add_around(const Around& around, std::string_view plain, std::string_view shaped,
                const Endpoint& gateway, Report& report) {
  if (around.plain > 0)
    add_sent({.target = text("{}", gateway),
              .what = plain,
              .count = around.plain,
              .line = text("{} to {}, most of them with a low TTL. WireGuard drops them; at most, "
                           "wireguard-go logs \"Received message with unknown type\"",
                           counted(around.plain, "plain datagram of 16 or 32 bytes",
                                   "plain datagrams of 16 or 32 bytes"),
                           gateway.address)},
             report);
  if (around.shaped > 0)
    add_sent(
        {.target = text("{}", gateway),
         .what = shaped,
         .count = around.shaped,
         .line = text("{} to a port of {} where nothing should listen. No WireGuard sees them",
                      counted(around.shaped, "datagram of 148 bytes that looks like an initiation",
                              "datagrams of 148 bytes that look like an initiation"),
                      gateway.address)},
        report);
}

/// @param some_failed  this host could not send some of them.
void add_initiations(std::size_t count, bool some_failed, const Endpoint& gateway, Report& report) {
  if (count == 0) return;
  add_sent({.target = text("{}", gateway),
            .what = "initiations",
            .count = some_failed ? std::nullopt : std::optional(count),
            .line = text("{}{} of 148 bytes to {}. {}", either(some_failed, "less than ", ""),
                         counted(count, "handshake initiation", "handshake initiations"), gateway,
                         kInitiationsInLogs)},
           report);
}

void add_packets(std::string_view what, std::size_t packets, const Endpoint& gateway,
                 Report& report) {
  if (packets == 0) return;
  add_sent({.target = text("{}", gateway),
            .what = what,
            .count = packets,
            .line = text("{} inside the tunnel to {}: pings, answers and empty packets. Of these a "
                         "gateway logs the empty ones (\"Receiving keepalive packet\")",
                         counted(packets, "packet", "packets"), gateway)},
           report);
}

}  // namespace

void add_sent(const AttemptFacts& attempt, Report& report) {
  const Endpoint& gateway = attempt.endpoint;
  add_initiations(attempt.initiations, attempt.send_errno.has_value(), gateway, report);
  Around around;
  if (attempt.silence) {
    const SilenceFacts& silence = *attempt.silence;
    around.plain +=
        silence.hop_probes + silence.plain_same_port.sent + silence.plain_neighbour.sent;
    around.shaped += silence.wireguard_neighbour.sent;
  }
  if (attempt.data) {
    around.plain += attempt.data->trace.plain_sent;
    around.shaped += attempt.data->trace.wireguard_shaped;
  }
  add_around(around, "plain", "shaped", gateway, report);
  add_packets("ended_packets", attempt.packets_sent, gateway, report);
}

void add_sent(const DataTrace& trace, const Endpoint& gateway, Report& report) {
  add_around({.plain = trace.plain_sent, .shaped = trace.wireguard_shaped}, "trace_plain",
             "trace_shaped", gateway, report);
}

void add_sent(const SessionFacts& facts, Report& report) {
  add_initiations(facts.initiations_sent, false, facts.gateway, report);
  if (facts.responses_sent > 0)
    add_sent(
        {.target = text("{}", facts.gateway),
         .what = "responses",
         .count = facts.responses_sent,
         .line = text("{} of 92 bytes to {}, as the gateway asked for. A gateway logs "
                      "\"Receiving handshake response\" or \"Received handshake response\"",
                      counted(facts.responses_sent, "handshake response", "handshake responses"),
                      facts.gateway)},
        report);
  add_packets("packets", facts.packets_sent, facts.gateway, report);
}

void add_sent(const OuterFacts& facts, Report& report) {
  add_lookup({.host = facts.host, .port = 1}, report);
  if (!facts.host_address) return;
  const IpAddress& host = facts.host_address->address;
  if (facts.udp_sent > 0)
    add_sent({.target = text("{}", host),
              .what = "udp",
              .count = facts.udp_sent,
              .line = text("{} to ports of {} from {} on, where nothing should listen, some with a "
                           "low TTL. The host answers with ICMP errors; its firewall may log them",
                           counted(facts.udp_sent, "UDP datagram", "UDP datagrams"), host,
                           facts.host_address->port)},
             report);
  if (facts.echo_sent > 0)
    add_sent(
        {.target = text("{}", host),
         .what = "pings",
         .count = facts.echo_sent,
         .line = text("{} to {}, some with a low TTL",
                      counted(facts.echo_sent, "ICMP echo request", "ICMP echo requests"), host)},
        report);
}

void add_sent(const NatFacts& facts, Report& report) {
  for (const StunServerFacts& server : facts.servers) add_lookup(server.name, report);
  for (const SentTo& sent : facts.sent)
    add_sent({.target = text("{}", sent.to),
              .what = "stun",
              .count = sent.count,
              .line = text("{} to {}. A gateway of WireGuard drops them; at most, wireguard-go "
                           "logs \"Received message with unknown type\"",
                           counted(sent.count, "STUN request", "STUN requests"), sent.to)},
             report);
  if (!facts.router) return;
  for (const SentTo& sent : facts.router->sent)
    add_sent({.target = text("{}", sent.to),
              .what = "port_control",
              .count = sent.count,
              .line = text("{} to the router {}, which ask for its public address and create "
                           "nothing",
                           counted(sent.count, "NAT-PMP or PCP request", "NAT-PMP or PCP requests"),
                           sent.to)},
             report);
  if (facts.router->upnp_asked)
    add_sent({.target = text("{}", *facts.router->address),
              .what = "upnp",
              .count = {},
              .line = text("UPnP: a search for gateway devices by multicast to "
                           "239.255.255.250:1900; then, if the router {} has answered, HTTP "
                           "requests to it for its description and its public address",
                           *facts.router->address)},
             report);
}

void add_lookup(const config::EndpointName& name, Report& report) {
  if (name.address()) return;
  const Name host{name.host};
  add_sent({.target = text("{}", host),
            .what = "lookup",
            .count = {},
            .line = text("lookups of {} by this host's resolver; where that is slow or fails, also "
                         "up to 2 DNS queries to each name server of /etc/resolv.conf",
                         host)},
           report);
}

}  // namespace wgscope::diagnosis
