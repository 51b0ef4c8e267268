// The segments of TCP inside the tunnel, beside what the path takes.

#include <algorithm>
#include <cstddef>
#include <optional>
#include <string_view>
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

// RFC 9293 §3.7.1.
constexpr std::size_t kDefaultMss4 = 536;
constexpr std::size_t kDefaultMss6 = 1220;

/// @param bound  what fits the path, or is the tunnel's MTU, which is less.
Finding too_large(const MtuFacts& facts, std::size_t mss, std::size_t bound) {
  const MtuTcp& tcp = *facts.tcp;
  const Family family = tcp.service.address.family;
  const bool is_tunnels = bound == facts.tunnel_mtu;
  Finding finding{
      .id = FindingId::mtu_mss_too_large,
      .cause = text("{} takes TCP segments of {} bytes, the {} takes {}", tcp.service, mss,
                    is_tunnels ? "tunnel" : "path", bound - tcp_headers(family)),
      .evidence = {text("its SYN-ACK came through the tunnel with an MSS of {}", mss),
                   "hosts whose own interface is the tunnel keep to its MTU; those that are routed "
                   "through it send such segments, and depend on ICMP to learn better"}};
  if (!is_tunnels)
    finding.fix = {text("MTU = {} in [Interface] at both ends, where it is larger", bound)};
  for (Text& line : clamp_fix(bound)) finding.fix.push_back(std::move(line));
  return finding;
}

}  // namespace

std::vector<Text> clamp_fix(std::size_t mtu) {
  // What the other side may send is in a connection's SYN, so each direction needs its rule.
  constexpr std::string_view kRule =
      "nft add rule inet filter forward {} INTERFACE meta nfproto {} tcp flags syn tcp option "
      "maxseg "
      "size set {}";
  std::vector<Text> lines{"on the gateway, where table inet filter has a chain forward:"};
  for (const char* way : {"iifname", "oifname"}) {
    lines.push_back(text(kRule, way, "ipv4", mtu - kTcpOverIpv4));
    lines.push_back(text(kRule, way, "ipv6", mtu - kTcpOverIpv6));
  }
  return lines;
}

std::optional<Check> tcp_check(const MtuFacts& facts) {
  if (!facts.tcp) return std::nullopt;
  const MtuTcp& tcp = *facts.tcp;
  Check check = make_check(CheckKind::mtu_tcp, Status::unknown, Text());
  if (!tcp.answered) {
    check.summary = tcp.refused ? text("{} refuses the connection: no MSS to be seen", tcp.service)
                                : text("{} does not answer: no MSS to be seen", tcp.service);
    return check;
  }
  const Family family = tcp.service.address.family;
  const std::size_t mss = tcp.mss.value_or(family == Family::v4 ? kDefaultMss4 : kDefaultMss6);
  const auto fitting = fitting_mtu(facts);
  const std::size_t headers = tcp_headers(family);
  if (!fitting) {
    check.summary = text("{} takes segments of {} bytes; what fits is not known", tcp.service, mss);
    return check;
  }
  const std::size_t bound = std::min(facts.tunnel_mtu, *fitting);
  if (mss + headers > bound) {
    check.status = Status::warning;
    check.finding = too_large(facts, mss, bound);
    check.summary = check.finding->cause;
    return check;
  }
  check.status = Status::ok;
  const std::size_t full = bound - headers;
  check.summary =
      mss < full ? text(
                       "{} takes TCP segments of {} bytes, less than the {} that fit: made smaller "
                       "on the way, or its own interface's",
                       tcp.service, mss, full)
                 : text("{} takes TCP segments of {} bytes, which fit", tcp.service, mss);
  return check;
}

}  // namespace wgscope::diagnosis
