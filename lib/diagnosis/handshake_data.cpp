#include <algorithm>
#include <chrono>
#include <cstddef>
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

#include "handshake_parts.hpp"

// Where no echo comes back, the gateway's own timers are the witness (whitepaper §6.5): an empty
// packet says that it decrypted our data and had nothing to answer, an initiation that its answers
// were lost. Neither within 16 s leaves only that our data, or all that it sends, is lost.

namespace wgscope::diagnosis {
namespace {

using enum CheckKind;
using std::chrono::milliseconds;
using std::chrono::seconds;

/// A peer that hears nothing initiates after 15 s and up to a third of one (whitepaper §6.5;
/// timers.c: KEEPALIVE_TIMEOUT + REKEY_TIMEOUT + jitter).
constexpr milliseconds kWitnessesNeeded{15'500};
/// Sessions end after 180 s unless renewed from 120 s on (whitepaper §6.1).
constexpr seconds kRenewalDue{115};
constexpr seconds kSessionEnds{190};

Text echoes(const DataFacts& data) {
  return counted(data.echoes_sent, "echo request", "echo requests");
}

Text evidence_of_echoes(const DataFacts& data) {
  return text("{} to {} inside the tunnel, no reply", echoes(data), *data.target);
}

std::vector<Hypothesis> reasons_to_drop(const Scene& scene, const DataFacts& data) {
  return {
      {"the gateway's allowed IPs for this probe do not cover the address that it sends from",
       text("on the gateway: wg show all allowed-ips | grep {}; the exporter's "
            "wireguard_interface_receive_frame_errors_total grows with each packet; ip -s -s link "
            "show INTERFACE, column frame",
            scene.all.ours)},
      {"a firewall on the gateway drops what comes out of the tunnel",
       "on the gateway: nft list ruleset; iptables -S; ip6tables -S"},
      {text("the gateway does not forward, or has no route to {}", *data.target),
       text("on the gateway: sysctl net.ipv4.ip_forward net.ipv6.conf.all.forwarding; ip route get "
            "{}",
            *data.target)},
      {"the gateway's reverse path filter drops it, as its route back does not lead into the "
       "tunnel",
       "on the gateway: ip route get OUR-INNER-ADDRESS; sysctl net.ipv4.conf.all.rp_filter; nstat "
       "-az TcpExtIPReversePathFilter"},
      {text("{} does not answer pings", *data.target),
       text("on the gateway: ping -c3 {}", *data.target)}};
}

std::vector<Text> how_to_find_drop(const Scene& scene, const DataFacts& data) {
  return {
      text(
          "on the gateway: wg show all allowed-ips | grep {}; if this probe's inner address is "
          "missing, add it to that list, which this replaces: wg set INTERFACE peer {} allowed-ips "
          "LIST,OUR-INNER-ADDRESS/32",
          scene.all.ours, scene.all.ours),
      text("on the gateway: tcpdump -ni INTERFACE icmp or icmp6 shows this probe's echo requests "
           "if they pass the allowed IPs; then ip route get {} and nft list ruleset",
           *data.target)};
}

Check dropped(const Scene& scene, const DataFacts& data) {
  Finding finding{
      .id = FindingId::dropped_behind_peer,
      .cause = text("{} decrypts this probe's data, and the data is dropped behind it: most likely "
                    "by its allowed IPs for this probe, or by its firewall",
                    scene.one.endpoint),
      .evidence = {evidence_of_echoes(data), text("{} later it sent an empty packet, by which a "
                                                  "peer confirms data that it has no answer to",
                                                  *data.keepalive_after)},
      .hypotheses = reasons_to_drop(scene, data)};
  finding.fix = how_to_find_drop(scene, data);
  if (!data.target_guessed)
    return make_check(tunnel_data, Status::critical,
                      text("{} lost behind the gateway", echoes(data)), std::move(finding));
  // Nobody promised that the address answers, and that the tunnel carries both ways is proven.
  finding.id = FindingId::data_unanswered;
  finding.cause =
      text("the tunnel works, but {} does not answer (this address was guessed)", *data.target);
  std::ranges::rotate(finding.hypotheses, finding.hypotheses.end() - 1);
  finding.fix.insert(finding.fix.begin(),
                     "name an address inside the tunnel that is known to answer: --ping ADDRESS");
  return make_check(tunnel_data, Status::warning,
                    text("decrypted by the gateway, no reply from {}", *data.target),
                    std::move(finding));
}

Check return_lost(const Scene& scene, const DataFacts& data) {
  return make_check(
      tunnel_data, Status::critical, text("{} answered, replies lost", echoes(data)),
      {.id = FindingId::return_data_lost,
       .cause = text("data arrives at {}, but its answers do not arrive here", scene.one.endpoint),
       .evidence = {evidence_of_echoes(data),
                    text("{} after the last request the gateway began a new handshake, as a peer "
                         "does whose data is not answered",
                         *data.initiation_after)},
       .hypotheses = {{"something on the path drops WireGuard's data packets to this host, but "
                       "passes handshakes",
                       "try from another network; capture here: tcpdump -ni any udp"},
                      {"a firewall or NAT on the path lets answers in only for a moment",
                       "try with PersistentKeepalive; look at the UDP timeouts there"},
                      {"the reverse path differs from the forward path, and is blocked",
                       "traceroute from the gateway to this host"}},
       .fix = {text("compare what leaves and what arrives: tcpdump -ni any udp port {} on the "
                    "gateway, and tcpdump -ni any udp here",
                    scene.one.endpoint.port)}});
}

Check forward_lost(const Scene& scene, const DataFacts& data) {
  return make_check(
      tunnel_data, Status::critical, text("{} sent, no sign of them", echoes(data)),
      {.id = FindingId::forward_data_lost,
       .cause = text("the handshake with {} works, but data does not cross the tunnel: most likely "
                     "this probe's data is lost on the forward path",
                     scene.one.endpoint),
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
             "ping the other way, from the gateway"}},
       .fix = {"try from another network, or another port of the gateway",
               text("on the gateway: tcpdump -ni any udp port {} while this runs",
                    scene.one.endpoint.port)}});
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
  finding.fix = {how_to_tell(scene),
                 "or name an address inside the tunnel that is known to answer: --ping ADDRESS"};
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
  Check check = make_check(
      tunnel_data, Status::unknown, "not tried",
      {.id = FindingId::data_unanswered,
       .cause = "data was not tried: no address inside the tunnel is known, or the time was over",
       .evidence = {},
       .fix = {"name an address inside the tunnel that is known to answer: --ping ADDRESS"}});
  check.essential = false;
  return check;
}

std::vector<Hypothesis> reasons_to_die(const Scene& scene, const DataFacts& data) {
  const Endpoint& endpoint = scene.one.endpoint;
  const Hypothesis policed{"something on the path blocks the flow once it recognises WireGuard",
                           "try from another network; find the hop: tcpdump on both sides of it"};
  const Hypothesis mapping{"a NAT or stateful firewall on the path forgot the flow",
                           "look at its UDP timeouts and its table: conntrack -L -p udp"};
  const Hypothesis shared{
      "duplicate key: somebody else uses it, and the gateway's traffic goes there",
      text("on the gateway: watch wg show all endpoints | grep {}", scene.all.ours)};
  const Hypothesis gone{
      "the gateway or its interface went down",
      text("on the gateway: wg show; journalctl -b; ping -c3 {}", endpoint.address)};
  const Hypothesis renewal{"the session was not renewed: handshakes after the first are lost",
                           text("on the gateway: tcpdump -ni any udp port {}", endpoint.port)};
  const Hypothesis made_anew{"the gateway lost its session: its interface was created again",
                             "on the gateway: journalctl -b | grep -i wireguard"};
  std::vector<Hypothesis> reasons{policed, shared, gone};
  if (data.other_port_carries == true)
    reasons = {policed, mapping, shared};
  else if (data.new_handshake == true && !data.other_port_carries)
    reasons = {shared, mapping, made_anew};  // that was enough: no other port was tried
  else if (data.new_handshake == false)
    reasons = {gone, policed, mapping};
  if (*data.died_after >= kRenewalDue && *data.died_after <= kSessionEnds)
    reasons.insert(reasons.begin(), renewal);
  return reasons;
}

Finding dies(const Scene& scene, const DataFacts& data) {
  const Nanoseconds after = *data.died_after;
  const Endpoint& endpoint = scene.one.endpoint;
  std::vector<Text> evidence{
      text("the last answer came {} after the first; echo requests went on for {} in all", after,
           data.held.value_or(after))};
  const auto say = [&](const std::optional<bool>& seen, Words yes, Words no) {
    if (seen) evidence.emplace_back(either(*seen, yes, no));
  };
  say(data.new_handshake, "another handshake from the same port was answered",
      "another handshake from the same port was not answered");
  say(data.other_port_carries, "data crosses again from another source port",
      "data does not cross from another source port either");
  std::vector<Hypothesis> reasons = reasons_to_die(scene, data);
  Finding finding{.id = FindingId::dies_after_seconds,
                  .cause = text("the tunnel to {} stops carrying data after {}: most likely {}",
                                endpoint, after, reasons.front().cause),
                  .evidence = std::move(evidence)};
  finding.hypotheses = std::move(reasons);
  finding.fix = {
      text("watch both ends while it happens: tcpdump -ni any udp port {} on the gateway, tcpdump "
           "-ni any udp here",
           endpoint.port)};
  return finding;
}

}  // namespace

Nanoseconds median_of(std::vector<Nanoseconds> samples) {
  const auto middle = samples.begin() + static_cast<std::ptrdiff_t>(samples.size() / 2);
  std::ranges::nth_element(samples, middle);
  return *middle;
}

Check check_data(const Scene& scene) {
  if (!scene.one.data || !scene.one.data->target) return not_tried(scene);
  const DataFacts& data = *scene.one.data;
  if (!data.round_trips.empty())
    return make_check(tunnel_data, Status::ok,
                      text("{} of {} answered by {}, median {}", data.round_trips.size(),
                           echoes(data), *data.target, median_of(data.round_trips)));
  if (data.icmp) return unreachable_inside(data);
  if (data.keepalive_after) return dropped(scene, data);
  if (data.initiation_after) return return_lost(scene, data);
  if (data.witnesses_watched && *data.witnesses_watched >= kWitnessesNeeded)
    return forward_lost(scene, data);
  return cannot_tell(scene, data);
}

std::optional<Check> check_hold(const Scene& scene) {
  if (!scene.one.data || !scene.one.data->held) return std::nullopt;
  const DataFacts& data = *scene.one.data;
  if (!data.died_after)
    return make_check(tunnel_hold, Status::ok, text("still works after {}", *data.held));
  return make_check(tunnel_hold, Status::critical, text("stopped after {}", *data.died_after),
                    dies(scene, data));
}

}  // namespace wgscope::diagnosis
