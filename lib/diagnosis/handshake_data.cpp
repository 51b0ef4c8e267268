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
      {text("the gateway does not forward, or has no way to {}", *data.target),
       text("on the gateway: sysctl net.ipv4.ip_forward net.ipv6.conf.all.forwarding; ip route get "
            "{}",
            *data.target)},
      {"the gateway's reverse path filter drops it, as its route back does not lead into the "
       "tunnel",
       "on the gateway: ip route get OUR-INNER-ADDRESS; sysctl net.ipv4.conf.all.rp_filter; nstat "
       "-az TcpExtIPReversePathFilter"},
      {text("{} does not answer, or not to ping", *data.target),
       text("on the gateway: ping -c3 {}", *data.target)}};
}

std::vector<Text> how_to_find_drop(const Scene& scene, const DataFacts& data) {
  return {
      text("on the gateway: wg show all allowed-ips | grep {}; if it lacks our address, set them "
           "anew, all that belong there: wg set INTERFACE peer {} allowed-ips OUR-INNER-ADDRESS/32",
           scene.all.ours, scene.all.ours),
      text("on the gateway: tcpdump -ni INTERFACE icmp or icmp6 shows our echo requests if "
           "they pass the allowed IPs; then ip route get {} and nft list ruleset",
           *data.target)};
}

Check dropped(const Scene& scene, const DataFacts& data) {
  Finding finding{
      .id = FindingId::dropped_behind_peer,
      .cause = text("{} decrypts our data and drops it behind the tunnel: most likely "
                    "its allowed IPs for this probe, or its firewall",
                    scene.one.endpoint),
      .evidence = {evidence_of_echoes(data), text("{} later it sent the empty packet by which a "
                                                  "peer confirms data that it had no answer to",
                                                  *data.keepalive_after)},
      .hypotheses = reasons_to_drop(scene, data)};
  finding.fix = how_to_find_drop(scene, data);
  if (!data.target_guessed)
    return make_check(tunnel_data, Status::critical,
                      text("{} lost behind the gateway", echoes(data)), std::move(finding));
  // Nobody promised that the address answers, and that the tunnel carries both ways is proven.
  finding.id = FindingId::data_unanswered;
  finding.cause = text("the tunnel carries, but {}, an address that was guessed, does not answer",
                       *data.target);
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
       .cause = text("data arrives at {} and its answers do not arrive here", scene.one.endpoint),
       .evidence = {evidence_of_echoes(data), text("{} after the last it began a new handshake, as "
                                                   "a peer does whose data stays unanswered",
                                                   *data.initiation_after)},
       .hypotheses =
           {{"something on the way drops WireGuard's data packets towards us, and lets handshakes "
             "pass",
             "try from another network; capture here: tcpdump -ni any udp"},
            {"a firewall or NAT on the way lets answers in for a moment only",
             "try with PersistentKeepalive; look at its timeouts for UDP"},
            {"the way back is another one than the way there, and blocked",
             "traceroute from the gateway to this host"}},
       .fix = {text("compare what leaves and what comes: tcpdump -ni any udp port {} on the "
                    "gateway, and tcpdump -ni any udp here",
                    scene.one.endpoint.port)}});
}

Check forward_lost(const Scene& scene, const DataFacts& data) {
  return make_check(
      tunnel_data, Status::critical, text("{} and no sign of them", echoes(data)),
      {.id = FindingId::forward_data_lost,
       .cause = text("the handshake with {} works and data does not cross: most likely our data is "
                     "lost on the way there",
                     scene.one.endpoint),
       .evidence = {evidence_of_echoes(data),
                    text("watched for {}: neither the empty packet that a peer sends 10 s after "
                         "data, nor the initiation that it sends when its answers are lost",
                         *data.witnesses_watched)},
       .hypotheses =
           {{"something on the way drops WireGuard's data packets, and lets handshakes pass",
             text("on the gateway: tcpdump -ni any udp port {}: handshakes are 148 and 92 bytes "
                  "long, our data is 128 or less",
                  scene.one.endpoint.port)},
            {"data of both directions is dropped", "tcpdump on both sides at once"},
            {"the other side is no usual WireGuard and sends no empty packets",
             "ping the other way, from the gateway"}},
       .fix = {"try from another network, or another port of the gateway",
               text("on the gateway: tcpdump -ni any udp port {} while this runs",
                    scene.one.endpoint.port)}});
}

/// How to learn more, where the gateway's timers were not watched for long enough.
Text how_to_tell(const Scene& scene) {
  if (scene.all.interrupted)
    return "let it run to its end: what the gateway's timers tell takes 16 s";
  if (scene.all.quick) return "run without --quick: what the gateway's timers tell takes 16 s";
  const bool elsewhere = std::ranges::any_of(scene.all.attempts, [](const AttemptFacts& attempt) {
    return attempt.data && attempt.data->witnesses_watched;
  });
  if (elsewhere && !scene.one.data->witnesses_watched)
    return "see what was found at the other address: the gateway's timers were watched there";
  return "run with a longer --timeout: what the gateway's timers tell takes 16 s";
}

Check cannot_tell(const Scene& scene, const DataFacts& data) {
  Finding finding{.id = FindingId::data_unanswered,
                  .cause = text("{} does not answer inside the tunnel, and why was not waited for",
                                *data.target),
                  .evidence = {evidence_of_echoes(data)}};
  if (data.witnesses_watched)
    finding.evidence.push_back(
        text("the gateway's timers were watched for {} of the 16 s that they take to tell",
             *data.witnesses_watched));
  finding.hypotheses = reasons_to_drop(scene, data);
  if (data.target_guessed) std::ranges::rotate(finding.hypotheses, finding.hypotheses.end() - 1);
  finding.hypotheses.push_back(
      {"data is lost on the way, there or back", "the gateway's timers tell in 16 s"});
  finding.fix = {how_to_tell(scene),
                 "or name an address inside the tunnel that is known to answer: --ping ADDRESS"};
  return make_check(
      tunnel_data, Status::unknown,
      text("no reply to {}{}", echoes(data), scene.all.quick ? " (run without --quick)" : ""),
      std::move(finding));
}

Check unreachable_inside(const DataFacts& data) {
  const IcmpReport& report = *data.icmp;
  return make_check(
      tunnel_data, Status::warning, text("the tunnel carries: {} from inside", icmp_name(report)),
      {.id = FindingId::inner_unreachable,
       .cause = text("the tunnel carries both ways, but {} says inside it that {} is not to be "
                     "reached: {}",
                     report.from, *data.target, icmp_name(report)),
       .evidence = {text("{} to {} met {}, through the tunnel", echoes(data), *data.target,
                         describe(report))},
       .hypotheses = {{text("{} is down, or nobody has that address", *data.target),
                       text("on the gateway: ping -c3 {}", *data.target)},
                      {text("{} has no route to it, or a firewall that rejects", report.from),
                       text("on {}: ip route get {}; nft list ruleset", report.from,
                            *data.target)}},
       .fix = {
           data.target_guessed
               ? text(
                     "{} was only guessed: name an address that is known to answer: --ping ADDRESS",
                     *data.target)
               : text("on the gateway: ip route get {}; ping -c3 {}", *data.target,
                      *data.target)}});
}

Check not_tried(const Scene& scene) {
  if (scene.all.interrupted)
    return make_check(tunnel_data, Status::unknown, "not tried before it was interrupted");
  Check check = make_check(
      tunnel_data, Status::unknown, "not tried",
      {.id = FindingId::data_unanswered,
       .cause = "whether data crosses was not tried: no address inside the tunnel is known, or the "
                "time was over",
       .evidence = {},
       .fix = {"name an address inside the tunnel that is known to answer: --ping ADDRESS"}});
  check.essential = false;
  return check;
}

std::vector<Hypothesis> reasons_to_die(const Scene& scene, const DataFacts& data) {
  const Endpoint& endpoint = scene.one.endpoint;
  const Hypothesis policed{"something on the way cuts the flow once it is known for WireGuard",
                           "try from another network; see at which hop: tcpdump on both sides"};
  const Hypothesis mapping{"a NAT or stateful firewall on the way forgot the flow",
                           "look at its UDP timeouts and its table: conntrack -L -p udp"};
  const Hypothesis shared{
      "somebody else uses the same key, and the gateway's traffic goes there",
      text("on the gateway: watch wg show all endpoints | grep {}", scene.all.ours)};
  const Hypothesis gone{
      "the gateway or its interface went down",
      text("on the gateway: wg show; journalctl -b; ping -c3 {}", endpoint.address)};
  const Hypothesis renewal{"the session was not renewed: handshakes after the first are lost",
                           text("on the gateway: tcpdump -ni any udp port {}", endpoint.port)};
  const Hypothesis made_anew{"the gateway lost its session: its interface was made anew",
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
      text("the last answer came {} after the first; nothing since, of {} "
           "in which echo requests went on",
           after, data.held.value_or(after))};
  const auto say = [&](const std::optional<bool>& seen, const char* yes, const char* no) {
    if (seen) evidence.emplace_back(*seen ? yes : no);
  };
  say(data.new_handshake, "another handshake from the same port was answered",
      "another handshake from the same port was not answered");
  say(data.other_port_carries, "from another source port data crosses again",
      "from another source port data does not cross either");
  std::vector<Hypothesis> reasons = reasons_to_die(scene, data);
  Finding finding{.id = FindingId::dies_after_seconds,
                  .cause = text("the tunnel to {} dies after {}: most likely {}", endpoint, after,
                                reasons.front().cause),
                  .evidence = std::move(evidence)};
  finding.hypotheses = std::move(reasons);
  finding.fix = {
      text("watch both ends while it dies: tcpdump -ni any udp port {} on the gateway, "
           "tcpdump -ni any udp here",
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
    return make_check(tunnel_hold, Status::ok, text("alive after {}", *data.held));
  return make_check(tunnel_hold, Status::critical, text("dead after {}", *data.died_after),
                    dies(scene, data));
}

}  // namespace wgscope::diagnosis
