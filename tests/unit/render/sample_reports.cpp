#include "sample_reports.hpp"

#include <array>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "wgscope/base/time.hpp"
#include "wgscope/diagnosis/finding.hpp"
#include "wgscope/diagnosis/report.hpp"
#include "wgscope/diagnosis/text.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/model/public_key.hpp"

namespace wgscope::test {
namespace {

using namespace std::chrono_literals;
using diagnosis::Check;
using diagnosis::Distribution;
using diagnosis::FindingId;
using diagnosis::Layer;
using diagnosis::Name;
using diagnosis::Path;
using diagnosis::Report;
using diagnosis::Status;
using diagnosis::text;

PublicKey key(unsigned char fill) {
  PublicKey made;
  made.bytes.fill(std::byte{fill});
  return made;
}

const PublicKey kGateway = key(1);
const PublicKey kOurs = key(2);

IpAddress ip(std::string_view words) { return IpAddress::parse(words).value(); }
Endpoint endpoint(std::string_view words) { return Endpoint::parse(words).value(); }

Report empty_report() {
  Report report;
  report.verb = "handshake";
  report.target = text("{}:51820", Name{"gw.example.net"});
  report.started = {1795613401250ms};
  report.duration = 20s;
  return report;
}

Check config_check() {
  return {.name = "configuration.target",
          .layer = Layer::configuration,
          .summary = text("{} names one gateway and all keys", Path{"/etc/wireguard/probe.conf"})};
}

Check name_check() {
  return {.name = "name.resolve",
          .layer = Layer::name,
          .summary =
              text("{} is {} and {}", Name{"gw.example.net"}, ip("192.0.2.1"), ip("2001:db8::1"))};
}

diagnosis::Finding silence_finding() {
  return {
      .id = FindingId::silent_host_up,
      .cause = text("{} is up and answers on other ports, but its WireGuard does not answer us",
                    ip("192.0.2.1")),
      .evidence = {text("4 initiations to {} in 20.0 s, no response, no ICMP error",
                        endpoint("192.0.2.1:51820")),
                   text("a datagram to the closed port 51821 was answered by {}: port unreachable",
                        ip("192.0.2.1"))},
      .hypotheses =
          {{.cause = text("the gateway's public key is not {}", kGateway),
            .check = "on the gateway: wg show all public-key"},
           {.cause = text("the gateway has no [Peer] with our public key {}", kOurs),
            .check = text("on the gateway: wg show all peers | grep {}", kOurs)},
           {.cause = "our clock is behind what the gateway saw last of this key; it takes no older "
                     "handshake, and does not say so",
            .check = "timedatectl; wgscope listen shows a refused stamp"}},
      .fix = {text("on the gateway: wg set wg0 peer {} allowed-ips {}", kOurs,
                   Prefix::parse("10.8.0.7/32").value())}};
}

/// Control characters of both kinds, what XML, JSON and labels give a meaning to, what is no UTF-8.
std::string hostile_words() {
  return "\x1b[2J\r\n<b c=\"2\">&amp;]]> {} \\ \xff \xc2\x85 \xef\xbf\xbf \xc3\xa9";
}

}  // namespace

diagnosis::Report well_report() {
  Report report = empty_report();
  report.duration = 31'400us;
  report.success = text("the handshake with {} takes 11.8 ms, data crosses the tunnel both ways",
                        Name{"gw.example.net"});
  report.checks = {
      config_check(),
      {.name = "clock",
       .layer = Layer::host,
       .summary = "the clock is set, and not said to be synchronised",
       .finding = {{.id = FindingId::clock_not_synchronised,
                    .cause = "the kernel does not say that the clock is synchronised",
                    .evidence = {"adjtimex(2) reports STA_UNSYNC"},
                    .fix = {"timedatectl set-ntp true"}}},
       .essential = false},
      name_check(),
      {.name = "handshake.response",
       .layer = Layer::handshake,
       .summary = "answered the first initiation after 11.8 ms",
       .target = text("{}", endpoint("192.0.2.1:51820"))},
      {.name = "handshake.response",
       .layer = Layer::handshake,
       .summary = "answered the first initiation after 12.1 ms",
       .target = text("{}", endpoint("[2001:db8::1]:51820"))},
      {.name = "tunnel.data",
       .layer = Layer::tunnel,
       .summary = text("{} answered 20 of 20 echoes", ip("10.8.0.1"))},
  };
  report.measurements = {
      {.name = "wireguard_probe_handshake_duration_seconds", .labels = {}, .value = 0.0118},
      {.name = "wireguard_probe_loss_ratio", .labels = {{"direction", "forward"}}, .value = 0.05},
      {.name = "wireguard_probe_loss_ratio",
       .labels = {{"direction", "backward"}, {"target", "10.8.0.1"}},
       .value = 0}};
  Distribution inner{
      .name = "wireguard_probe_rtt_seconds", .labels = {{"layer", "inner"}}, .samples = {}};
  for (int i = 0; i < 20; ++i) inner.samples.emplace_back(11ms + i * i * 97us);
  report.distributions = {
      std::move(inner),
      {.name = "wireguard_probe_rtt_seconds", .labels = {{"layer", "outer"}}, .samples = {10900us}},
      {.name = "wireguard_probe_rtt_seconds", .labels = {{"layer", "none"}}, .samples = {}}};
  report.further = {{"the exact path MTU", text("wgscope mtu --config {}", Path{"/etc/wg 0.conf"})},
                    {"what NATs do", "wgscope nat --stun stun.example.net:3478"}};
  report.sent = {{.target = text("{}", Name{"gw.example.net"}),
                  .what = "lookup",
                  .count = {},
                  .line = text("lookups of {}", Name{"gw.example.net"})},
                 {.target = "192.0.2.1:51820",
                  .what = "initiations",
                  .count = 1,
                  .line = "1 handshake initiation of 148 bytes to 192.0.2.1:51820"}};
  return report;
}

diagnosis::Report silent_report() {
  Report report = empty_report();
  report.checks = {
      config_check(),
      name_check(),
      {.name = "handshake.response",
       .layer = Layer::handshake,
       .status = Status::critical,
       .summary = "no response to 4 initiations in 20.0 s",
       .target = text("{}", endpoint("192.0.2.1:51820")),
       .finding = silence_finding()},
      {.name = "tunnel.data",
       .layer = Layer::tunnel,
       .status = Status::skipped,
       .summary = {},
       .skipped_because = FindingId::silent_host_up},
      {.name = "tunnel.hold",
       .layer = Layer::tunnel,
       .status = Status::skipped,
       .summary = "--quick leaves no time for it",
       .essential = false},
  };
  return report;
}

diagnosis::Report untold_report() {
  Report report = empty_report();
  report.checks = {
      {.name = "configuration.target",
       .layer = Layer::configuration,
       .status = Status::warning,
       .summary = text("others than its owner can read {}", Path{"/etc/wireguard/probe.conf"}),
       .finding = {{.id = FindingId::key_readable_by_others,
                    .cause = text("others than its owner can read {}",
                                  Path{"/etc/wireguard/probe.conf"}),
                    .evidence = {"its mode is 0644"},
                    .fix = {text("chmod 600 {}", Path{"/etc/wireguard/probe.conf"})}}}},
      {.name = "key.use",
       .layer = Layer::configuration,
       .status = Status::unknown,
       .summary = "whether an interface of this host uses the key",
       .finding = {{.id = FindingId::key_use_unknown,
                    .cause = "this process may not list the interfaces of this host",
                    .evidence = {"dump: not permitted (needs CAP_NET_ADMIN)"}}},
       .essential = false},
      name_check(),
      {.name = "handshake.response",
       .layer = Layer::handshake,
       .summary = "answered the first initiation after 11.8 ms",
       .target = text("{}", endpoint("192.0.2.1:51820"))},
      {.name = "tunnel.data",
       .layer = Layer::tunnel,
       .status = Status::unknown,
       .summary = "no address inside the tunnel to try: name one with --inner-target"},
  };
  return report;
}

diagnosis::Report interrupted_report() {
  Report report = empty_report();
  report.duration = 1700ms;
  report.interrupted = true;
  report.checks = {config_check(), name_check()};
  return report;
}

diagnosis::Report hostile_report() {
  const std::string words = hostile_words();
  const diagnosis::Text all =
      text("{} {} {}", diagnosis::vouched(words), Name{"n\x1b\xff\n"}, Path{"/p\t\""});
  Report report = empty_report();
  report.target = all;
  report.checks = {
      {.name = "handshake.response",
       .layer = Layer::handshake,
       .status = Status::critical,
       .summary = all,
       .target = all,
       .finding = {{.id = FindingId::silent,
                    .cause = all,
                    .evidence = {all, ""},
                    .hypotheses = {{.cause = all, .check = all}, {.cause = all, .check = {}}},
                    .fix = {all}}}},
      {.name = "reach.tcp",
       .layer = Layer::service,
       .status = Status::ok,
       .summary = all,
       .target = all,
       .finding = {{.id = FindingId::reach_not_told, .cause = all, .evidence = {all}}}},
      {.name = "reach.udp", .layer = Layer::service, .status = Status::unknown, .summary = all},
      {.name = "reach.dns", .layer = Layer::service, .status = Status::skipped, .summary = all},
  };
  report.measurements = {
      {.name = "wireguard_probe_loss_ratio", .labels = {{"direction", all}}, .value = 1.0 / 3},
      {.name = "wireguard_probe_loss_ratio", .labels = {{"direction", all}}, .value = 0.5},
      {.name = "wireguard_probe_phase_duration_seconds", .labels = {}, .value = std::nan("")},
      {.name = "wireguard_probe_phase_duration_seconds",
       .labels = {{"phase", "data"}},
       .value = std::numeric_limits<double>::infinity()},
      {.name = "wireguard_probe_phase_duration_seconds",
       .labels = {{"phase", "resolve"}},
       .value = 1e300},
      {.name = "wireguard_probe_of_no_table_bytes", .labels = {}, .value = 1420}};
  report.distributions = {{.name = "wireguard_probe_rtt_seconds",
                           .labels = {{"layer", all}},
                           .samples = {-1ns, 0ns, 90s}}};
  report.further = {{all, all}};
  report.sent = {{.target = all, .what = "packets", .count = 1, .line = all}};
  return report;
}

std::vector<SampleReport> sample_reports() {
  Report nothing = empty_report();
  nothing.target = {};
  return {{.name = "well", .report = well_report()},
          {.name = "well_verbose", .report = well_report(), .verbose = true},
          {.name = "silent", .report = silent_report()},
          {.name = "silent_redacted", .report = silent_report(), .redact = true},
          {.name = "untold", .report = untold_report()},
          {.name = "interrupted", .report = interrupted_report()},
          {.name = "nothing", .report = std::move(nothing)},
          {.name = "hostile", .report = hostile_report(), .verbose = true},
          {.name = "hostile_redacted", .report = hostile_report(), .redact = true}};
}

}  // namespace wgscope::test
