// The segments of TCP inside the tunnel, beside what the path takes.

#include <algorithm>
#include <cstddef>
#include <optional>
#include <utility>
#include <vector>

#include "wgscope/diagnosis/check_kinds.hpp"
#include "wgscope/diagnosis/finding.hpp"
#include "wgscope/diagnosis/mtu.hpp"
#include "wgscope/diagnosis/report.hpp"
#include "wgscope/diagnosis/text.hpp"
#include "wgscope/model/address.hpp"

#include "mtu_parts.hpp"

namespace wgscope::diagnosis {
namespace {

using enum CheckKind;

/// @param bound  what fits the path, or is the tunnel's MTU, which is less.
Finding too_large(const MtuFacts& facts, std::size_t mss, std::size_t bound) {
  const MtuTcp& tcp = *facts.tcp;
  const Family family = tcp.service.address.family;
  const bool is_tunnels = bound == facts.tunnel_mtu;
  const std::size_t to_set = std::min(bound, advised_mtu(facts).value_or(bound));
  Finding finding{
      .id = FindingId::mtu_mss_too_large,
      .cause = text("{} accepts TCP segments of {} bytes, but only {} fit the {}", tcp.service, mss,
                    bound - tcp_headers(family), either(is_tunnels, "tunnel", "path")),
      .evidence = {
          tcp.announced ? text("its SYN-ACK came through the tunnel with an MSS of {}", mss)
                        : text("its SYN-ACK names no MSS, so the default of {} holds", mss),
          "a host whose own interface is the tunnel keeps to the tunnel's MTU; a host that "
          "is routed through the tunnel sends such segments, and needs ICMP to learn that "
          "they are too large"}};
  if (!is_tunnels)
    finding.fix = {text("MTU = {} in [Interface] at both ends, where it is larger", to_set)};
  for (Text& line : clamp_fix(to_set)) finding.fix.push_back(std::move(line));
  return finding;
}

}  // namespace

std::vector<Text> clamp_fix(std::size_t mtu) {
  // What the other side may send is in a connection's SYN, so each direction needs its rule.
  constexpr const char* kRule =
      "nft add rule inet filter forward {} INTERFACE meta nfproto {} tcp flags syn tcp option "
      "maxseg size set {}";
  std::vector<Text> lines{"on the gateway, if table inet filter has a chain forward:"};
  for (const Words way : {Words("iifname"), Words("oifname")}) {
    lines.push_back(text(kRule, way, "ipv4", mtu - kTcpOverIpv4));
    lines.push_back(text(kRule, way, "ipv6", mtu - kTcpOverIpv6));
  }
  return lines;
}

std::optional<Check> tcp_check(const MtuFacts& facts) {
  if (!facts.tcp) return std::nullopt;
  const MtuTcp& tcp = *facts.tcp;
  if (!tcp.mss)
    return make_check(mtu_tcp, Status::unknown,
                      text("{} {}, so its MSS is unknown", tcp.service,
                           either(tcp.refused, "refuses the connection", "does not answer")));
  const std::size_t mss = *tcp.mss;
  const auto fitting = fitting_mtu(facts);
  if (!fitting)
    return make_check(mtu_tcp, Status::unknown,
                      text("{} accepts TCP segments of {} bytes; what fits the path is unknown",
                           tcp.service, mss));
  const std::size_t bound = std::min(facts.tunnel_mtu, *fitting);
  const std::size_t headers = tcp_headers(tcp.service.address.family);
  if (mss + headers > bound)
    return make_check(mtu_tcp, Status::warning, too_large(facts, mss, bound));
  const std::size_t full = bound - headers;
  return make_check(
      mtu_tcp, Status::ok,
      mss < full ? text("{} accepts TCP segments of {} bytes, less than the {} that fit: its own "
                        "interface has a smaller MTU, or the MSS was lowered on the path",
                        tcp.service, mss, full)
                 : text("{} accepts TCP segments of {} bytes, which fit", tcp.service, mss));
}

}  // namespace wgscope::diagnosis
