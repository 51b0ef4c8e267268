#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "wgscope/base/time.hpp"
#include "wgscope/diagnosis/check_kinds.hpp"
#include "wgscope/diagnosis/finding.hpp"
#include "wgscope/diagnosis/handshake.hpp"
#include "wgscope/diagnosis/icmp.hpp"
#include "wgscope/diagnosis/report.hpp"
#include "wgscope/diagnosis/text.hpp"
#include "wgscope/model/address.hpp"

#include "drop_place.hpp"
#include "handshake_parts.hpp"

// Where no echo comes back, the gateway's own timers are the witness (whitepaper §6.5): an empty
// packet says that it decrypted our data and had nothing to answer, an initiation that its answers
// were lost. Neither within 16 s leaves only that our data, or all that it sends, is lost. Any data
// of the gateway's that arrives, whatever it is, proves that data crosses in both directions: a
// responder sends none before it has decrypted some.

namespace wgscope::diagnosis {
namespace {

using enum CheckKind;
using std::chrono::milliseconds;
using std::chrono::seconds;

/// A peer that hears nothing initiates after 15 s and up to a third of one (whitepaper §6.5;
/// timers.c: KEEPALIVE_TIMEOUT + REKEY_TIMEOUT + jitter).
constexpr milliseconds kWitnessesNeeded{15'500};
/// Longer paths take longer.
Nanoseconds witnesses_needed(const Scene& scene) {
  return kWitnessesNeeded + scene.one.response_after.value_or(Nanoseconds{0});
}

Text echoes(const DataFacts& data) {
  return counted(data.echoes_sent, "echo request", "echo requests");
}

Text evidence_of_echoes(const DataFacts& data) {
  return text("{} to {} inside the tunnel, no reply", echoes(data), *data.target);
}

/// The address that the echo requests came from.
IpAddress our_address(const Scene& scene, const DataFacts& data) {
  for (const IpAddress& address : scene.all.our_addresses)
    if (address.family == data.target->family) return address;
  return {.family = data.target->family};
}

std::vector<Hypothesis> reasons_to_drop(const Scene& scene, const DataFacts& data) {
  return {
      {"the gateway's allowed IPs for this probe do not cover the address that it sends from",
       text("on the gateway: wg show all allowed-ips | grep {}; with kernel WireGuard only: column "
            "frame of ip -s -s link show INTERFACE and the exporter's "
            "wireguard_interface_receive_frame_errors_total grow with each packet (userspace "
            "implementations do not count these packets)",
            scene.all.ours)},
      {"a firewall on the gateway drops what comes out of the tunnel",
       "on the gateway: nft list ruleset; iptables -S; ip6tables -S"},
      {text("the gateway does not forward, or has no route to {}", *data.target),
       text("on the gateway: sysctl net.ipv4.ip_forward net.ipv6.conf.all.forwarding; ip route get "
            "{}",
            *data.target)},
      {"the gateway's reverse path filter drops the data, as its route to this probe does not lead "
       "into the tunnel",
       text("on the gateway: ip route get {}; sysctl net.ipv4.conf.all.rp_filter; nstat -az "
            "TcpExtIPReversePathFilter",
            our_address(scene, data))},
      {text("{} does not answer pings", *data.target),
       text("on the gateway: ping -c3 {}", *data.target)}};
}

std::vector<Text> how_to_find_drop(const Scene& scene, const DataFacts& data) {
  return {
      text("on the gateway: wg show all allowed-ips | grep {} must print prefixes that contain {}",
           scene.all.ours, our_allowed_ips(scene.all)),
      text("if it does not, on the gateway: wg set INTERFACE peer {} allowed-ips LIST,{} (wg set "
           "replaces the whole list: LIST is the list that the first "
           "command prints, separated by commas)",
           scene.all.ours, our_allowed_ips(scene.all)),
      text("on the gateway: tcpdump -ni INTERFACE icmp or icmp6 shows this probe's echo requests "
           "if they pass the allowed IPs; then ip route get {} and nft list ruleset",
           *data.target)};
}

bool is_redirect(const OtherData& other) {
  constexpr std::uint8_t kRedirectV4 = 5;    // RFC 792
  constexpr std::uint8_t kRedirectV6 = 137;  // RFC 4861 §4.5
  return other.icmp_type == (other.from.family == Family::v4 ? kRedirectV4 : kRedirectV6);
}

/// "2 packets that are not replies (ICMP redirect from 10.9.0.1)"
Text other_text(const OtherData& other) {
  Text made = counted(other.count, "packet that is not a reply", "packets that are not replies");
  made.add(either(other.count == 1, " (", " (the first: "));
  if (is_redirect(other))
    made.add("ICMP redirect from ");
  else if (other.icmp_type)
    made.add(text("ICMP type {} from ", static_cast<unsigned>(*other.icmp_type)));
  else
    made.add("from ");
  return made.add(other.from).add(")");
}

Text evidence_of_other(const OtherData& other) {
  return text("{} arrived here through the tunnel", other_text(other));
}

/// Nobody promised that the address answers, or that it exists.
Text guess_unanswered(const DataFacts& data) {
  return text("{} does not answer. wgscope chose this address: it may not exist", *data.target);
}

/// Data crosses in both directions, and only the target says nothing.
Check only_other_data(const Scene& scene, const DataFacts& data) {
  const OtherData& other = *data.other;
  Finding finding{.id = FindingId::inner_unreachable,
                  .cause = text("{}. Data from the gateway does arrive here: {}",
                                data.target_guessed ? guess_unanswered(data)
                                                    : text("{} does not answer", *data.target),
                                other_text(other)),
                  .evidence = {evidence_of_echoes(data), evidence_of_other(other)}};
  if (is_redirect(other))
    finding.hypotheses.push_back(
        {text("no host has {}: the gateway routes it back to where the echo requests came from",
              *data.target),
         text("on the gateway: ip route get {}; wg show all allowed-ips | grep -F {}", *data.target,
              *data.target)});
  if (other.not_allowed)
    finding.hypotheses.push_back(
        {text("the replies come from {}, which this configuration's AllowedIPs do not cover, so "
              "they were dropped here",
              other.from),
         text("on the gateway: nft list ruleset shows whether it translates {}; here: compare "
              "AllowedIPs",
              *data.target)});
  finding.hypotheses.push_back({text("{} is down, nobody has that address, or it does not answer "
                                     "pings",
                                     *data.target),
                                text("on the gateway: ping -c3 {}", *data.target)});
  finding.hypotheses.push_back({"a firewall on the gateway drops the echo requests or the replies",
                                "on the gateway: nft list ruleset; iptables -S; ip6tables -S"});
  finding.fix = how_to_find_drop(scene, data);
  finding.fix.insert(
      finding.fix.begin(),
      "name an address that answers pings: wgscope handshake --config FILE --ping ADDRESS");
  return make_check(
      tunnel_data, Status::warning,
      text("data crosses the tunnel in both directions, but {} does not answer", *data.target),
      std::move(finding));
}

Check dropped(const Scene& scene, const DataFacts& data) {
  Finding finding{
      .id = FindingId::dropped_behind_peer,
      .cause = text("{} decrypts this probe's data, and the data is dropped after that: most "
                    "likely by its allowed IPs for this probe, or by its firewall",
                    scene.one.endpoint),
      .evidence = {evidence_of_echoes(data),
                   text("{} later the gateway sent a keepalive: it decrypted the data and had "
                        "nothing to send back",
                        *data.keepalive_after)},
      .hypotheses = reasons_to_drop(scene, data)};
  if (data.other) finding.evidence.push_back(evidence_of_other(*data.other));
  finding.fix = how_to_find_drop(scene, data);
  if (!data.target_guessed)
    return make_check(tunnel_data, Status::critical,
                      text("the gateway dropped {}, or did not forward them", echoes(data)),
                      std::move(finding));
  // Nobody promised that the address answers. That answers would come through was not seen.
  finding.id = FindingId::data_unanswered;
  finding.cause = text(
      "{} decrypts this probe's data, but {}. Unknown whether the tunnel works in "
      "both directions",
      scene.one.endpoint, guess_unanswered(data));
  std::ranges::rotate(finding.hypotheses, finding.hypotheses.end() - 1);
  finding.fix.insert(
      finding.fix.begin(),
      "name an address that answers pings: wgscope handshake --config FILE --ping ADDRESS");
  return make_check(tunnel_data, Status::unknown,
                    text("decrypted by the gateway, no reply from {}", *data.target),
                    std::move(finding));
}

Check return_lost(const Scene& scene, const DataFacts& data) {
  return make_check(
      tunnel_data, Status::critical,
      text("no reply to {}: the gateway's data is lost", echoes(data)),
      {.id = FindingId::return_data_lost,
       .cause = text("data arrives at {}, but its answers do not arrive here", scene.one.endpoint),
       .evidence = {evidence_of_echoes(data),
                    text("{} after the last request the gateway began a new handshake, as a peer "
                         "does that sent data and received nothing",
                         *data.initiation_after),
                    "no data of the gateway arrived here"},
       .hypotheses = {{"something on the path drops WireGuard's data packets to this host, but "
                       "passes handshakes",
                       "try from another network; capture here: tcpdump -ni any udp"},
                      {"a firewall or NAT on the path lets answers in only for a moment",
                       "try with PersistentKeepalive; look at the UDP timeouts there"},
                      {"the reverse path differs from the forward path, and is blocked",
                       "on the gateway: traceroute -n -U ADDRESS, with this host's address as wg "
                       "show all endpoints shows it there"}},
       .fix = {text("compare what leaves and what arrives: tcpdump -ni any udp port {} on the "
                    "gateway, and tcpdump -ni any udp here",
                    scene.one.endpoint.port)}});
}

/// That all was lost at random: each echo request or its reply, and the gateway's empty packet.
Hypothesis chance(const DataFacts& data) {
  constexpr double kPasses = 0.7;
  const double lost =
      std::pow(1 - kPasses * kPasses, static_cast<double>(data.echoes_sent)) * (1 - kPasses);
  return {"the path loses packets at random",
          text("run again: where 30 % are lost in each direction, this happens in about {} of 1000 "
               "runs",
               std::max(1L, std::lround(1000 * lost)))};
}

Check forward_lost(const Scene& scene, const DataFacts& data) {
  Text where;
  if (auto place = end_of_data(data.trace)) where = text(": {}", *place);
  Check check = make_check(
      tunnel_data, Status::critical, text("{} sent, no sign of them", echoes(data)),
      {.id = FindingId::forward_data_lost,
       .cause = text("the handshake with {} works, but data does not cross the tunnel: most likely "
                     "this probe's data is lost on the forward path{}",
                     scene.one.endpoint, where),
       .evidence = {evidence_of_echoes(data),
                    text("within {} the gateway sent neither the empty packet that a peer sends 10 "
                         "s after data, nor the initiation that it sends when its answers are lost",
                         *data.witnesses_watched)},
       .hypotheses =
           {{"something on the path drops WireGuard's data packets, but passes handshakes",
             text("on the gateway: tcpdump -ni any udp port {}: handshakes have 148 and 92 bytes, "
                  "this probe's data has 128 or less",
                  scene.one.endpoint.port)},
            {"data is dropped in both directions", "tcpdump on both sides at once"},
            {"the other side is an unusual WireGuard that sends no empty packets",
             "ping the other way, from the gateway"},
            chance(data)},
       .fix = {"try from another network, or another port of the gateway",
               text("on the gateway: tcpdump -ni any udp port {} while this runs",
                    scene.one.endpoint.port)}});
  add_trace(data.trace, *check.finding);
  return check;
}

/// How to learn more, where the gateway's timers were not watched for long enough.
Text how_to_tell(const Scene& scene) {
  if (scene.all.interrupted)
    return "let it run to its end: watching the gateway's timers takes 16 s";
  if (scene.all.quick) return "run without --quick: watching the gateway's timers takes 16 s";
  const bool elsewhere = std::ranges::any_of(scene.all.attempts, [](const AttemptFacts& attempt) {
    return attempt.data && attempt.data->witnesses_watched;
  });
  if (elsewhere && !scene.one.data->witnesses_watched)
    return "see the result of the other address: the gateway's timers were watched there";
  return "run with a longer --timeout: watching the gateway's timers takes 16 s";
}

Check cannot_tell(const Scene& scene, const DataFacts& data) {
  Finding finding{.id = FindingId::data_unanswered,
                  .cause = text("{} does not answer inside the tunnel; the reason was not measured",
                                *data.target),
                  .evidence = {evidence_of_echoes(data)}};
  if (data.witnesses_watched)
    finding.evidence.push_back(
        text("the gateway's timers were watched for {}; 16 s are needed", *data.witnesses_watched));
  finding.hypotheses = reasons_to_drop(scene, data);
  if (data.target_guessed) std::ranges::rotate(finding.hypotheses, finding.hypotheses.end() - 1);
  finding.hypotheses.push_back({"data is lost on the forward or the reverse path",
                                "the gateway's timers show it within 16 s"});
  finding.fix = {
      how_to_tell(scene),
      "or name an address that answers pings: wgscope handshake --config FILE --ping ADDRESS"};
  return make_check(
      tunnel_data, Status::unknown,
      text("no reply to {}{}", echoes(data), either(scene.all.quick, " (run without --quick)", "")),
      std::move(finding));
}

Check unreachable_inside(const DataFacts& data) {
  const IcmpReport& report = *data.icmp;
  return make_check(
      tunnel_data, Status::warning, text("the tunnel works: {} from inside", icmp_name(report)),
      {.id = FindingId::inner_unreachable,
       .cause = text("the tunnel works in both directions, but {} inside it reports that {} cannot "
                     "be reached: {}",
                     report.from, *data.target, icmp_name(report)),
       .evidence = {text("{} to {} got {}, through the tunnel", echoes(data), *data.target,
                         describe(report))},
       .hypotheses = {{text("{} is down, or nobody has that address", *data.target),
                       text("on the gateway: ping -c3 {}", *data.target)},
                      {text("{} has no route to it, or a firewall that rejects", report.from),
                       text("on {}: ip route get {}; nft list ruleset", report.from,
                            *data.target)}},
       .fix = {
           data.target_guessed
               ? text("name an address that is known to answer ({} was guessed): --ping ADDRESS",
                      *data.target)
               : text("on the gateway: ip route get {}; ping -c3 {}", *data.target,
                      *data.target)}});
}

Check not_tried(const Scene& scene) {
  if (scene.all.interrupted) return make_check(tunnel_data, Status::unknown, "interrupted");
  Finding finding{
      .id = FindingId::data_unanswered,
      .cause = text("the handshake with {} works; unknown whether data crosses the tunnel: no "
                    "address inside it is known",
                    scene.one.endpoint),
      .evidence = {"neither the allowed IPs nor DNS name a host that may be asked"},
      .fix = {"name an address inside the tunnel that is known to answer: --ping ADDRESS",
              "or try the handshake alone: --no-data"}};
  if (scene.one.data)
    return make_check(tunnel_data, Status::unknown, "not tried: no address is known",
                      std::move(finding));
  finding.cause = text(
      "the handshake with {} works; unknown whether data crosses the tunnel: the time was over",
      scene.one.endpoint);
  finding.evidence = {text("the time limit of {} was over", scene.all.timeout)};
  finding.fix = {"run with a longer --timeout"};
  return make_check(tunnel_data, Status::unknown, "not tried: the time was over",
                    std::move(finding));
}

}  // namespace

Nanoseconds median_of(std::vector<Nanoseconds> samples) {
  const auto middle = samples.begin() + static_cast<std::ptrdiff_t>(samples.size() / 2);
  std::ranges::nth_element(samples, middle);
  return *middle;
}

bool data_takes_another_way(const Scene& scene) {
  const AttemptFacts& attempt = scene.one;
  return attempt.responder && *attempt.responder != attempt.endpoint && attempt.data &&
         attempt.data->target && attempt.data->echoes_sent > 0 &&
         attempt.data->round_trips.empty() && !attempt.data->icmp && !attempt.data->other &&
         !attempt.data->keepalive_after;
}

Check another_way(const Scene& scene, const Check& data) {
  const Endpoint& asked = scene.one.endpoint;
  const Endpoint& responder = *scene.one.responder;
  Finding finding{
      .id = FindingId::answers_take_another_way,
      .cause = text("{} answered instead of {}, and data does not cross the tunnel to there",
                    responder, asked),
      .evidence = {text("initiation to {}, response from {}; from then on WireGuard sends to where "
                        "the response came from",
                        asked, responder)},
      .hypotheses =
          {{"a NAT or load balancer in front of the gateway translates one direction only",
            text("tcpdump on both sides of it, udp port {}", asked.port)},
           {text("the gateway has several addresses, and {} cannot be reached from here",
                 responder.address),
            text("on the gateway: ip route get ADDRESS, with this peer's address that wg show all "
                 "endpoints shows; from here: ping -c3 {}",
                 responder.address)}},
      .fix = {
          "make the gateway's answers leave from the address and port that were asked: a source "
          "NAT rule, or policy routing by source address"}};
  if (data.finding)
    for (const Text& line : data.finding->evidence) finding.evidence.push_back(line);
  return make_check(handshake_responder, Status::critical, text("{}, and data is lost", responder),
                    std::move(finding));
}

Check check_data(const Scene& scene) {
  if (!scene.one.data || !scene.one.data->target) return not_tried(scene);
  const DataFacts& data = *scene.one.data;
  if (!data.round_trips.empty())
    return make_check(
        tunnel_data, Status::ok,
        text("{} of {} answered by {}, {} {}", data.round_trips.size(), echoes(data), *data.target,
             either(data.round_trips.size() == 1, "round trip", "median"),
             median_of(data.round_trips)));
  if (data.icmp) return unreachable_inside(data);
  if (data.other && (!data.keepalive_after || is_redirect(*data.other)))
    return only_other_data(scene, data);
  if (data.keepalive_after) return dropped(scene, data);
  if (data.initiation_after) return return_lost(scene, data);
  if (data.witnesses_watched && *data.witnesses_watched >= witnesses_needed(scene))
    return forward_lost(scene, data);
  return cannot_tell(scene, data);
}

}  // namespace wgscope::diagnosis
