#include <cstddef>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "wgscope/diagnosis/check_kinds.hpp"
#include "wgscope/diagnosis/finding.hpp"
#include "wgscope/diagnosis/handshake.hpp"
#include "wgscope/diagnosis/report.hpp"
#include "wgscope/diagnosis/session.hpp"
#include "wgscope/diagnosis/text.hpp"
#include "wgscope/model/address.hpp"

#include "handshake_parts.hpp"

namespace wgscope::diagnosis {
namespace {

using enum CheckKind;

Finding answered_late(const AttemptFacts& attempt) {
  const std::size_t lost = attempt.answered_initiation - 1;
  return {.id = FindingId::answered_late,
          .cause = text("{} answered only initiation {}: {} before it, or the responses, were lost",
                        attempt.endpoint, attempt.answered_initiation,
                        counted(lost, "initiation", "initiations")),
          .evidence = {text("initiation {} was answered, after {}", attempt.answered_initiation,
                            *attempt.response_after),
                       text("{} before it got no response",
                            counted(lost, "initiation", "initiations"))},
          .hypotheses = {{"the path loses packets", "measure it: wgscope ping --config FILE"},
                         {"the gateway was not ready: it was starting, or busy",
                          "on the gateway: journalctl -k | grep wireguard; uptime"},
                         {"a firewall limits the rate of packets",
                          "on the gateway: nft list ruleset | grep limit"},
                         {"another device or process with this key made a handshake at the same "
                          "moment: a gateway accepts one initiation of a key in 20 ms, and this "
                          "probe repeats its own after 5 s",
                          "run again with nothing else that uses this key"}},
          .fix = {"measure the loss: wgscope ping --config FILE"}};
}

Finding under_load_no_response(const Scene& scene) {
  const AttemptFacts& attempt = scene.one;
  std::vector<Hypothesis> reasons = reasons_of_refusal(scene);
  // The load is seen, and whether the key is known is not. Only a timestamp that is known to be
  // behind outweighs it.
  reasons.insert(reasons.begin() + (stamp_is_ahead(scene.all) ? 1 : 0),
                 {"the gateway is under so much load that it drops this probe's initiations too",
                  text("on the gateway: top; wireguard_interface_socket_receive_drops_total; "
                       "tcpdump -ni any udp port {} shows a flood of initiations; run again when "
                       "the load is over",
                       attempt.endpoint.port)});
  Finding finding{
      .id = FindingId::under_load_no_response,
      .cause = stamp_is_ahead(scene.all)
                   ? text("{} has the right public key and is under load, but does not respond: "
                          "most likely {}",
                          attempt.endpoint, reasons.front().cause)
                   : text("{} has the right public key and is under load, but does not respond: it "
                          "drops initiations under that load, or does not accept this probe's key",
                          attempt.endpoint),
      .evidence = {text("{}, {} with the gateway's public key, no response",
                        counted(attempt.initiations, "initiation", "initiations"),
                        counted(attempt.cookies, "cookie reply made", "cookie replies made")),
                   "a cookie reply tells nothing about this probe's key: the gateway sends it "
                   "before it looks at the key"},
      .hypotheses = std::move(reasons)};
  finding.fix = how_to_see_refusals(scene);
  return finding;
}

Check unanswered(const Scene& scene) {
  const AttemptFacts& attempt = scene.one;
  const Text tried = counted(attempt.initiations, "initiation", "initiations");
  if (attempt.cookies > 0 && !attempt.given_up)
    return make_check(handshake_response, Status::critical,
                      text("{} got only cookie replies", tried), under_load_no_response(scene));
  if (auto finding = finding_of_silence(scene))
    return make_check(handshake_response, Status::critical, text("{} got no response", tried),
                      std::move(*finding));
  return make_check(handshake_response, Status::unknown,
                    text("no response to {} before the interruption", tried));
}

std::vector<Text> how_to_set_key(const Scene& scene, const Text& file) {
  return {text("here: PresharedKey in [Peer] must be the one that the gateway has for this probe"),
          text("on the gateway: wg set INTERFACE peer {} preshared-key {}", scene.all.ours, file),
          text("on the gateway, to use none: wg set INTERFACE peer {} preshared-key /dev/null",
               scene.all.ours)};
}

Finding unknown_to_server(const Scene& scene) {
  return {
      .id = FindingId::preshared_key_unknown_to_server,
      .cause = text("{} has no preshared key for this probe, the configuration has one",
                    scene.one.endpoint),
      .evidence =
          {"its response decrypts without a preshared key, and does not decrypt with this probe's"},
      .fix = {text("on the gateway: wg set INTERFACE peer {} preshared-key FILE, where FILE has "
                   "the configuration's key",
                   scene.all.ours),
              "or remove PresharedKey from the configuration"}};
}

Finding another_given(const Scene& scene, const std::string& given) {
  return {
      .id = FindingId::preshared_key_is_another_given,
      .cause = text("{} uses the preshared key of {}, the configuration has {}", scene.one.endpoint,
                    Path{given}, either(scene.all.has_preshared_key, "another", "none")),
      .evidence = {text("its response decrypts with the preshared key of {}", Path{given})},
      .fix = {
          text("here: put the key of {} into [Peer] as PresharedKey", Path{given}),
          text("or on the gateway: wg set INTERFACE peer {} preshared-key FILE", scene.all.ours)}};
}

Finding mismatch(const Scene& scene, const PresharedKeyTrials& trials) {
  const bool ours = scene.all.has_preshared_key;
  Finding finding{
      .id = FindingId::preshared_key_mismatch,
      .cause = ours ? text("{} has another preshared key for this probe than the "
                           "configuration",
                           scene.one.endpoint)
                    : text("{} has a preshared key for this probe, the configuration "
                           "has none",
                           scene.one.endpoint),
      .evidence = {"its response is meant for this probe and does not decrypt: a different "
                   "preshared key explains that, and so would a forged response"}};
  if (ours) finding.evidence.emplace_back("it does not decrypt without a preshared key either");
  if (trials.tried > 0)
    finding.evidence.push_back(text("it does not decrypt with any of the {} given to try either",
                                    counted(trials.tried, "key", "keys")));
  finding.hypotheses = {
      {ours ? Words("the two sides were given different preshared keys")
            : Words("the gateway was given a preshared key, the probe was not"),
       text("on the gateway: wg show all preshared-keys | grep {} (shows the key itself)",
            scene.all.ours)},
      {"somebody on the path forges responses",
       "on the gateway: wg show all transfer; if responses are forged, the gateway sends nothing"}};
  finding.fix = how_to_set_key(scene, "FILE");
  return finding;
}

Finding from_elsewhere(const AttemptFacts& attempt) {
  const Endpoint& endpoint = attempt.endpoint;
  const Endpoint& responder = *attempt.responder;
  const bool port_only = responder.address == endpoint.address;
  return {
      .id = FindingId::response_from_elsewhere,
      .cause =
          text("{} answered instead of {}: firewalls and NATs on the path may drop such answers",
               responder, endpoint),
      .evidence = {text("initiation to {}, response from {}", endpoint, responder)},
      .hypotheses =
          {{port_only
                ? Words("a NAT in front of the gateway changes the source port of its packets")
                : Words("the gateway has several addresses and answers from a different one"),
            port_only ? Text("look at the NAT's rules: nft list ruleset; iptables -t nat "
                             "-S")
                      : text("on the gateway: ip address show to {}; ip route get ADDRESS, with "
                             "this peer's address that wg show all endpoints shows",
                             responder.address)},
           {"a NAT or load balancer translates one direction only", "tcpdump on both sides of it"}},
      .fix = {"make answers leave from the address that was asked: a source NAT rule, or policy "
              "routing by source address",
              text("or name the address that answers as Endpoint: {}", responder)}};
}

}  // namespace

Check check_response(const Scene& scene) {
  const AttemptFacts& attempt = scene.one;
  if (attempt.response_after) {
    // Under load the first answer is a cookie, so one initiation more is the protocol's own, and
    // what finds the gateway's queue full is lost.
    if (attempt.answered_initiation > 1 && attempt.cookies == 0)
      return make_check(handshake_response, Status::warning,
                        text("initiation {} was answered, after {}", attempt.answered_initiation,
                             *attempt.response_after),
                        answered_late(attempt));
    return make_check(handshake_response, Status::ok,
                      text("answered after {}", *attempt.response_after));
  }
  if (attempt.preshared_key)
    return make_check(handshake_response, Status::ok,
                      "answered, but the response does not decrypt");
  if (attempt.initiations == 0 && attempt.cookies == 0)
    return make_check(handshake_response, Status::unknown, "nothing was sent to this address yet");
  return unanswered(scene);
}

std::optional<Check> check_cookie(const Scene& scene) {
  const AttemptFacts& attempt = scene.one;
  const bool answered = attempt.response_after || attempt.preshared_key;
  if (attempt.cookies > 0) {
    const Text count = counted(attempt.cookies, "cookie reply", "cookie replies");
    if (!answered) return make_check(handshake_cookie, Status::ok, text("{}, authentic", count));
    return make_check(
        handshake_cookie, Status::warning, text("{}: the gateway is under load", count),
        {.id = FindingId::under_load,
         .cause =
             text("{} is under load: it asks for cookies before it responds", attempt.endpoint),
         .evidence = {text("{} before the response", count)},
         .hypotheses = {{"many initiations arrive at once: a flood, or all clients after a restart",
                         text("on the gateway: tcpdump -ni any udp port {}",
                              attempt.endpoint.port)},
                        {"the gateway's processors are busy", "on the gateway: top"}},
         .fix = {"on the gateway: find who sends initiations, and limit or drop them in its "
                 "firewall"}});
  }
  if (attempt.forged_cookies == 0) return std::nullopt;
  const Text count = counted(attempt.forged_cookies, "cookie reply", "cookie replies");
  return make_check(
      handshake_cookie, Status::warning, text("{}, not authentic", count),
      {.id = FindingId::cookie_not_authentic,
       .cause = text("a cookie reply for {} does not decrypt: it was not made by a gateway with "
                     "the configured public key",
                     attempt.endpoint),
       .evidence = {text("{} did not decrypt with {}", count, scene.all.gateway)},
       .hypotheses = {{"somebody on the path forges them, or something damages packets",
                       "capture here and on the gateway, and compare: tcpdump -ni any udp"},
                      {"the endpoint is another WireGuard, with another key",
                       "on the gateway: wg show all public-key"},
                      {"it answers an earlier initiation, and a newer one was sent before it came",
                       "run again"}},
       .fix = {text("on the gateway: wg show all public-key must say {}", scene.all.gateway)}});
}

Check check_preshared_key(const Scene& scene) {
  const AttemptFacts& attempt = scene.one;
  if (attempt.response_after)
    return make_check(handshake_preshared_key, Status::ok,
                      scene.all.has_preshared_key ? Words("both sides have the same")
                                                  : Words("none on either side"));
  if (!attempt.preshared_key)
    return make_check(handshake_preshared_key, Status::unknown,
                      "there is no response to tell from");
  const PresharedKeyTrials& trials = *attempt.preshared_key;
  Finding finding = trials.given       ? another_given(scene, *trials.given)
                    : trials.none_fits ? unknown_to_server(scene)
                                       : mismatch(scene, trials);
  const Text summary = trials.given       ? text("the gateway's is that of {}", Path{*trials.given})
                       : trials.none_fits ? Text("the gateway has none for this probe")
                                          : Text("it is not the gateway's");
  return make_check(handshake_preshared_key, Status::critical, summary, std::move(finding));
}

std::optional<Check> check_strays(const Scene& scene) {
  const AttemptFacts& attempt = scene.one;
  const std::vector<Text> refused = describe(attempt.refused);
  if (!attempt.response_after || (refused.empty() && attempt.late_responses == 0))
    return std::nullopt;
  Text summary = text("besides the response came");
  const Words and_then = ";";
  bool first = true;
  const auto add = [&](const Text& what) {
    if (!first) summary.add(and_then);
    first = false;
    summary.add(" ").add(what);
  };
  for (const Text& line : refused) add(line);
  if (attempt.late_responses > 0)
    add(text("{} to initiations that newer ones had replaced",
             counted(attempt.late_responses, "response", "responses")));
  return make_check(handshake_strays, Status::ok, std::move(summary));
}

std::optional<Check> check_responder(const Scene& scene) {
  const AttemptFacts& attempt = scene.one;
  if (!attempt.response_after || !attempt.responder) return std::nullopt;
  if (*attempt.responder == attempt.endpoint)
    return make_check(handshake_responder, Status::ok, "the address that was asked");
  return make_check(handshake_responder, Status::warning, text("{}", *attempt.responder),
                    from_elsewhere(attempt));
}

}  // namespace wgscope::diagnosis
