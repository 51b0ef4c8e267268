#include <algorithm>
#include <cmath>
#include <cstddef>
#include <optional>
#include <utility>
#include <vector>

#include "wgscope/diagnosis/finding.hpp"
#include "wgscope/diagnosis/handshake.hpp"
#include "wgscope/diagnosis/icmp.hpp"
#include "wgscope/diagnosis/session.hpp"
#include "wgscope/diagnosis/text.hpp"
#include "wgscope/model/address.hpp"

#include "handshake_parts.hpp"

// WireGuard answers only those it knows, so a wrong key looks like a dropped port, and nothing that
// can be sent tells them apart. What can be told is whether the host is there, how far the way
// goes, and whether something on it looks for WireGuard. The rest is ranked.

namespace wgscope::diagnosis {
namespace {

/// Hosts limit how often they say "unreachable" (RFC 1812 §4.3.2.8; Linux: one a second to each
/// address, six at once), so one unanswered datagram tells nothing.
constexpr std::size_t kEnoughToTell = 2;

bool answered_by(const Knock& knock, const IpAddress& address) {
  return knock.datagram || (knock.answer && knock.answer->from == address);
}

bool arrived(const SilenceFacts& silence) {
  return std::ranges::any_of(silence.hops, [](const Hop& hop) { return hop.arrived; });
}

bool host_is_up(const SilenceFacts& silence, const IpAddress& address) {
  return answered_by(silence.plain_neighbour, address) ||
         answered_by(silence.wireguard_neighbour, address) ||
         answered_by(silence.plain_same_port, address) || arrived(silence);
}

/// Plain bytes are heard, and what looks like WireGuard is not.
bool only_plain_passes(const SilenceFacts& silence) {
  const Knock& shaped = silence.wireguard_neighbour;
  return silence.plain_neighbour.answer && !shaped.answer && !shaped.datagram &&
         shaped.sent >= kEnoughToTell;
}

const Hop* last_that_answered(const SilenceFacts& silence) {
  const Hop* last = nullptr;
  for (const Hop& hop : silence.hops) {
    if (hop.from || hop.arrived) last = &hop;
  }
  return last;
}

/// @param what  that was sent, and to where: "with plain bytes to UDP 51820".
Text knock_text(const Text& what, const Knock& knock) {
  const Text sent = text("{} {}", counted(knock.sent, "datagram", "datagrams"), what);
  if (knock.datagram) return text("{}: a datagram answered", sent);
  if (knock.answer) return text("{}: got {}", sent, describe(*knock.answer));
  return text("{}: no answer", sent);
}

void add_knocks(const AttemptFacts& attempt, std::vector<Text>& evidence) {
  const SilenceFacts& silence = *attempt.silence;
  const auto add = [&](const Text& what, const Knock& knock) {
    if (knock.sent > 0 || knock.answer || knock.datagram)
      evidence.push_back(knock_text(what, knock));
  };
  const Text neighbour = silence.neighbour_port == 0
                             ? Text("a UDP port where nothing should listen")
                             : text("UDP {}, where nothing should listen", silence.neighbour_port);
  add(text("of plain bytes to {}", neighbour), silence.plain_neighbour);
  add(text("shaped like an initiation to {}", neighbour), silence.wireguard_neighbour);
  add(text("of plain bytes to UDP {}, the endpoint's port", attempt.endpoint.port),
      silence.plain_same_port);
}

/// How far datagrams to the endpoint's port with a short life were heard of. What answers behind
/// the last of these routers does not report them.
Text evidence_of_hops(const AttemptFacts& attempt) {
  const Text probes = text("probes to UDP {} with a low TTL", attempt.endpoint.port);
  const Hop* last = last_that_answered(*attempt.silence);
  if (last == nullptr) return text("{}: no router reported one", probes);
  if (last->arrived)
    return text("{}: the path has {} hops", probes, static_cast<unsigned>(last->limit));
  const bool up = host_is_up(*attempt.silence, attempt.endpoint.address);
  return text("{}: the last router that reported is hop {} ({}){}", probes,
              static_cast<unsigned>(last->limit), *last->from,
              either(up, ". The gateway itself does not report probes to this port", ""));
}

std::vector<Text> evidence_of(const AttemptFacts& attempt) {
  std::vector<Text> evidence;
  evidence.push_back(text("{} to {}: no response{}",
                          counted(attempt.initiations, "initiation", "initiations"),
                          attempt.endpoint, either(attempt.icmp.empty(), ", no ICMP error", "")));
  for (const IcmpReport& report : attempt.icmp)
    evidence.push_back(
        text("an ICMP error that does not explain the silence: {}", describe(report)));
  for (Text& line : describe(attempt.refused)) evidence.push_back(std::move(line));
  if (!attempt.silence) return evidence;
  add_knocks(attempt, evidence);
  if (!attempt.silence->hops.empty()) evidence.push_back(evidence_of_hops(attempt));
  return evidence;
}

/// Of all that was sent and what would have answered it, at a loss that nobody measured.
Hypothesis loss(const AttemptFacts& attempt) {
  constexpr double kPasses = 0.7 * 0.7;
  const double chance = std::pow(1 - kPasses, static_cast<double>(attempt.initiations));
  return {"the path loses packets at random",
          text("run again. Even a path that loses 30 % of packets in each direction loses {} in "
               "only {} % of runs",
               attempt.initiations == 1 ? Text("1 initiation, or the response to it,")
                                        : text("{} initiations in a row, or the responses to them,",
                                               attempt.initiations),
               std::max(1L, std::lround(100 * chance)))};
}

/// The probe cannot see what a firewall between drops.
Hypothesis answers_lost(const Endpoint& endpoint) {
  return {
      "the gateway responds, and the response is dropped on its way: it comes from another "
      "address or port, which firewalls and NATs do not let in, or the reverse path is blocked",
      text("on the gateway: tcpdump -ni any udp and src port {}: responses have 92 bytes; they "
           "must leave from {}",
           endpoint.port, endpoint.address)};
}

Hypothesis stale_stamp(const Scene& scene) {
  const HandshakeFacts& facts = scene.all;
  Text check;
  if (stamp_is_ahead(facts))
    check = text("the key's last handshake is {} in the future of this host's clock; ",
                 *facts.stamp_ahead);
  else if (facts.clock_synchronised == false)
    check = "this host's clock is not synchronised; ";
  else if (!facts.stamp_recorded)
    check = "this host has no record of an earlier handshake of the key; ";
  check.add(
      "compare the clock with true time: date -u; timedatectl; a gateway keeps the last timestamp "
      "of a peer until the peer is removed");
  return {"this host's clock is behind this key's last handshake at the gateway", check};
}

Hypothesis filtered_on_the_way() {
  return {"something on the path drops packets that look like WireGuard",
          "try from another network, or another port of the gateway"};
}

Hypothesis port_dropped(const Endpoint& endpoint) {
  return {text("a firewall on the gateway or in front of it drops UDP {}", endpoint.port),
          text("on the gateway: tcpdump -ni any udp port {} shows whether initiations arrive; nft "
               "list ruleset; {} -S INPUT; the provider's security groups",
               endpoint.port, iptables(endpoint.address))};
}

Hypothesis host_down(const Endpoint& endpoint) {
  return {"the gateway is down, or no longer has that address",
          text("ping -c3 {}; ask its console or its provider; compare Endpoint with its addresses",
               endpoint.address)};
}

Hypothesis outbound_filtered() {
  return {"this network does not let UDP out, or not to that port",
          "try from another network; ask for UDP to the endpoint's port in its firewall"};
}

/// What a gateway that hears initiations may not accept, in the headline. Reserved bytes that this
/// configuration sets come first: nothing but a gateway of that kind takes them.
Words likely_refusal(const Scene& scene) {
  return either(scene.all.sets_reserved_bytes,
                "the gateway does not expect the reserved bytes that this configuration sets, a "
                "wrong key on one side, or a firewall",
                "a wrong key on one side, or a firewall");
}

/// Only a stamp that is known to be behind outweighs the others by evidence.
Text headline(const Scene& scene, const Text& observed, Words possible) {
  if (stamp_is_ahead(scene.all))
    return text("{}: most likely {}", observed, stale_stamp(scene).cause);
  return text("{}: {}", observed, possible);
}

Finding something_else_answers(const AttemptFacts& attempt) {
  const Endpoint& endpoint = attempt.endpoint;
  return {
      .id = FindingId::silent_host_up,
      .cause = text("the service on {} is not WireGuard: it answers, but with no WireGuard message",
                    endpoint),
      .evidence = evidence_of(attempt),
      .hypotheses = {{"another service uses the port",
                      text("on the gateway: ss -ulpn | grep {}", endpoint.port)},
                     {"WireGuard listens on another port",
                      "on the gateway: wg show all listen-port"}},
      .fix = {text("on the gateway: ss -ulpn | grep {}; wg show all listen-port", endpoint.port)}};
}

/// WireGuard gives an initiation up when it sends the next one.
Finding too_late(const Scene& scene) {
  const AttemptFacts& attempt = scene.one;
  const Text how_late = attempt.late_by
                            ? text("more than {} after its initiation", *attempt.late_by)
                            : Text("after the next initiation was sent");
  return {.id = FindingId::response_too_late,
          .cause = text("{} responds, but too late: {}, when WireGuard has begun a new handshake",
                        attempt.endpoint, how_late),
          .evidence = {text("{}, {} that came too late",
                            counted(attempt.initiations, "initiation", "initiations"),
                            counted(attempt.late_responses, "response", "responses")),
                       "WireGuard initiates again after 5 s and forgets the initiation before, so "
                       "no tunnel can be made over a path with a longer round trip"},
          .hypotheses = {{"a queue on the path is full (bufferbloat), or a link sleeps",
                          text("ping {} while the link is busy, and while it is idle",
                               attempt.endpoint.address)},
                         {"the gateway is too busy to respond in time", "on the gateway: top"}},
          .fix = {text("find where the delay arises: mtr -n {}", attempt.endpoint.address)}};
}

Finding reserved_bytes(const AttemptFacts& attempt, const Stray& stray) {
  const bool elsewhere = stray.from != attempt.endpoint;
  const Text who =
      elsewhere ? text("{}, not {},", stray.from, attempt.endpoint) : text("{}", attempt.endpoint);
  return {
      .id = FindingId::reserved_bytes_set,
      .cause = text("{} answers with WireGuard messages whose reserved bytes are set: it is not "
                    "plain WireGuard, and plain WireGuard ignores such answers",
                    who),
      .evidence = evidence_of(attempt),
      .hypotheses = {{"the provider marks its clients in these bytes, as Cloudflare WARP does",
                      text("bytes 2 to 4 of {}; give the probe the three bytes of the account: "
                           "Reserved = 1,2,3 in [Peer]",
                           vouched(stray.begins))},
                     {"the endpoint speaks an obfuscated WireGuard, such as AmneziaWG",
                      "ask who runs it for the settings"}},
      .fix = {"set Reserved in the configuration to the bytes that the provider gave, or use the "
              "provider's client",
              "or use a gateway that speaks plain WireGuard"}};
}

Finding wireguard_filtered(const Scene& scene) {
  const Endpoint& endpoint = scene.one.endpoint;
  Finding finding{
      .id = FindingId::wireguard_filtered,
      .cause = text("something on the path to {} drops packets that look like WireGuard",
                    endpoint.address),
      .evidence = evidence_of(scene.one),
      .hypotheses = {{"deep packet inspection drops handshake initiations by their shape",
                      "try from another network; look at the gateway: tcpdump -ni any udp"},
                     {"the host limits how often it reports unreachable, and its WireGuard is "
                      "silent for another reason",
                      "run again: if the result differs, it is that limit"}}};
  for (const Hypothesis& reason : reasons_of_refusal(scene)) finding.hypotheses.push_back(reason);
  finding.fix = {"ask the operator of the network in between to let WireGuard through",
                 "or use another network, or wrap WireGuard in a protocol that is let through"};
  return finding;
}

Finding silent_host_up(const Scene& scene) {
  const Endpoint& endpoint = scene.one.endpoint;
  std::vector<Hypothesis> reasons = reasons_of_refusal(scene);
  reasons.push_back(port_dropped(endpoint));
  const SilenceFacts& silence = *scene.one.silence;
  reasons.push_back(answers_lost(endpoint));
  if (!silence.wireguard_neighbour.answer) reasons.push_back(filtered_on_the_way());
  reasons.push_back({"a flood of initiations overloads the gateway, and it drops this probe's too",
                     text("on the gateway: tcpdump -ni any udp port {}; nstat -az UdpRcvbufErrors",
                          endpoint.port)});
  reasons.push_back(loss(scene.one));
  Finding finding{
      .id = FindingId::silent_host_up,
      .cause = text(
          "{} is up, but UDP {} does not respond. Most likely: {}", endpoint.address, endpoint.port,
          stamp_is_ahead(scene.all) ? stale_stamp(scene).cause : Text(likely_refusal(scene))),
      .evidence = evidence_of(scene.one)};
  finding.hypotheses = std::move(reasons);
  finding.fix = how_to_see_refusals(scene);
  return finding;
}

/// Where nobody but the first router or so is heard of, the way ends near us.
bool ends_near_us(const AttemptFacts& attempt) {
  if (!attempt.silence || attempt.silence->hops.size() < kEnoughToTell) return false;
  const Hop* last = last_that_answered(*attempt.silence);
  return last != nullptr && last->limit <= 1;
}

Words possible_silence(const Scene& scene) {
  if (ends_near_us(scene.one))
    return "this network does not let UDP out, or the gateway is down or behind a firewall";
  return either(scene.all.sets_reserved_bytes,
                "a firewall drops the packets, the gateway is down, or it does not accept this "
                "probe: its key, or the reserved bytes that this configuration sets",
                "a firewall drops the packets, the gateway is down, or it does not accept this "
                "probe");
}

Finding silent(const Scene& scene) {
  const Endpoint& endpoint = scene.one.endpoint;
  std::vector<Hypothesis> reasons{port_dropped(endpoint), host_down(endpoint)};
  const auto near = ends_near_us(scene.one) ? reasons.begin() : reasons.end();
  reasons.insert(near, outbound_filtered());
  std::vector<Hypothesis> refusals = reasons_of_refusal(scene);
  // A stamp that is known to be behind outweighs what is merely possible.
  const auto place = stamp_is_ahead(scene.all) ? reasons.begin() : reasons.end();
  reasons.insert(place, refusals.begin(), refusals.end());
  reasons.push_back(answers_lost(endpoint));
  reasons.push_back(filtered_on_the_way());
  reasons.push_back(loss(scene.one));
  const bool asked = scene.one.silence.has_value();
  Finding finding{
      .id = FindingId::silent,
      .cause = headline(scene,
                        asked ? text("neither WireGuard on {} nor its host answers", endpoint)
                              : text("no answer from {}", endpoint),
                        possible_silence(scene)),
      .evidence = evidence_of(scene.one)};
  finding.hypotheses = std::move(reasons);
  finding.fix = how_to_see_refusals(scene);
  finding.fix.insert(
      finding.fix.begin(),
      text("find how far packets get: traceroute -n -U -p {} {}", endpoint.port, endpoint.address));
  return finding;
}

}  // namespace

std::vector<Hypothesis> reasons_of_refusal(const Scene& scene) {
  const HandshakeFacts& facts = scene.all;
  std::vector<Hypothesis> reasons{
      {"this probe's public key is not configured on the gateway",
       text("on the gateway: wg show all peers | grep {}", facts.ours)}};
  // A cookie of the gateway's proves its key.
  if (scene.one.cookies == 0)
    reasons.push_back({text("the gateway's public key is not {}", facts.gateway),
                       "on the gateway: wg show all public-key"});
  if (facts.sets_reserved_bytes)
    reasons.insert(reasons.begin(),
                   {"the gateway is plain WireGuard, which drops messages whose reserved bytes are "
                    "set, or it expects other bytes than the configuration's Reserved",
                    "without Reserved, a gateway of that kind answers, or WGS-HS-017 shows its "
                    "bytes"});
  // A clock that nothing synchronises is right more often than not; one that is known to be behind
  // explains all.
  reasons.insert(stamp_is_ahead(facts) ? reasons.begin() : reasons.end(), stale_stamp(scene));
  return reasons;
}

std::vector<Text> how_to_see_refusals(const Scene& scene) {
  const Endpoint& endpoint = scene.one.endpoint;
  Text patterns;
  for (const IpAddress& address : scene.all.our_addresses)
    patterns.add(text(" -e {}/{}", address, address.octets().size() * 8));
  return {
      text("on the gateway, find this probe's peer: wg show all allowed-ips | grep -F -e {}{}",
           scene.all.ours, patterns),
      text("if that prints nothing, on the gateway: wg set INTERFACE peer {} allowed-ips {} (if it "
           "prints another peer with that address, do not: the other peer would lose it)",
           scene.all.ours, our_allowed_ips(scene.all)),
      text("on the gateway: wg show all public-key must print {}", scene.all.gateway),
      text("here: wg pubkey < FILE, with the private key that you meant, must print {}",
           scene.all.ours),
      text("on the gateway: tcpdump -ni any udp port {} shows whether initiations arrive",
           endpoint.port),
      "if they arrive, on the gateway, as root, with kernel WireGuard: echo module wireguard +p > "
      "/sys/kernel/debug/dynamic_debug/control; dmesg -w | grep wireguard shows why it refuses "
      "them (Invalid MAC: the configuration has a wrong key for the gateway; Invalid handshake "
      "initiation: this probe's key or its timestamp). With wireguard-go: restart it with "
      "LOG_LEVEL=verbose"};
}

std::optional<Finding> finding_of_silence(const Scene& scene) {
  const AttemptFacts& attempt = scene.one;
  if (attempt.late_responses > 0) return too_late(scene);
  const std::vector<Stray>& strays = attempt.refused.strays;
  if (const auto stray = std::ranges::find(strays, true, &Stray::reserved); stray != strays.end())
    return reserved_bytes(attempt, *stray);
  if (std::ranges::any_of(strays, [&](const Stray& stray) {
        return stray.from.address == attempt.endpoint.address;
      }))
    return something_else_answers(attempt);
  if (attempt.silence) {
    const SilenceFacts& silence = *attempt.silence;
    if (silence.plain_same_port.datagram) return something_else_answers(attempt);
    if (only_plain_passes(silence)) return wireguard_filtered(scene);
  }
  if (attempt.given_up || (scene.all.interrupted && !attempt.silence)) return std::nullopt;
  if (attempt.silence && host_is_up(*attempt.silence, attempt.endpoint.address))
    return silent_host_up(scene);
  return silent(scene);
}

}  // namespace wgscope::diagnosis
