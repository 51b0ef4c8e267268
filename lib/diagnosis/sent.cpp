#include "sent.hpp"

#include <cstddef>
#include <string_view>

#include "wgscope/diagnosis/handshake.hpp"
#include "wgscope/diagnosis/report.hpp"
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

void add_around(const Around& around, const Endpoint& gateway, Report& report) {
  const auto& [plain, shaped] = around;
  if (plain > 0)
    add_sent({.target = text("{}", gateway),
              .what = "plain",
              .line = text("{} to {}, most of them with a low TTL. WireGuard drops them; at most, "
                           "wireguard-go logs \"Received message with unknown type\"",
                           counted(plain, "plain datagram of 16 or 32 bytes",
                                   "plain datagrams of 16 or 32 bytes"),
                           gateway.address)},
             report);
  if (shaped > 0)
    add_sent({.target = text("{}", gateway),
              .what = "shaped",
              .line = text("{} to a port of {} where nothing should listen. No WireGuard sees them",
                           counted(shaped, "datagram of 148 bytes that looks like an initiation",
                                   "datagrams of 148 bytes that look like an initiation"),
                           gateway.address)},
             report);
}

}  // namespace

void add_sent(const AttemptFacts& attempt, Report& report) {
  const Endpoint& gateway = attempt.endpoint;
  if (attempt.initiations > 0)
    add_sent(
        {.target = text("{}", gateway),
         .what = "initiations",
         .line = text("{} of 148 bytes to {}. {}",
                      counted(attempt.initiations, "handshake initiation", "handshake initiations"),
                      gateway, kInitiationsInLogs)},
        report);
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
  add_around(around, gateway, report);
  add_sent_packets("packets of ended sessions", attempt.packets_sent, gateway, report);
}

void add_sent(const DataTrace& trace, const Endpoint& gateway, Report& report) {
  add_around({.plain = trace.plain_sent, .shaped = trace.wireguard_shaped}, gateway, report);
}

void add_sent_packets(std::string_view what, std::size_t packets, const Endpoint& gateway,
                      Report& report) {
  if (packets == 0) return;
  add_sent({.target = text("{}", gateway),
            .what = what,
            .line = text("{} inside the tunnel to {}: pings, answers and empty packets. Of these a "
                         "gateway logs the empty ones (\"Receiving keepalive packet\")",
                         counted(packets, "packet", "packets"), gateway)},
           report);
}

}  // namespace wgscope::diagnosis
