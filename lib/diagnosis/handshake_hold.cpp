#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "wgscope/base/time.hpp"
#include "wgscope/diagnosis/check_kinds.hpp"
#include "wgscope/diagnosis/finding.hpp"
#include "wgscope/diagnosis/handshake.hpp"
#include "wgscope/diagnosis/report.hpp"
#include "wgscope/diagnosis/session.hpp"
#include "wgscope/diagnosis/text.hpp"
#include "wgscope/model/address.hpp"

#include "handshake_parts.hpp"

// What became of a tunnel that carried data at first: with --hold it is pinged for a while.

namespace wgscope::diagnosis {
namespace {

using enum CheckKind;
using std::chrono::seconds;

/// Sessions end after 180 s unless renewed from 120 s on (whitepaper §6.1).
constexpr seconds kRenewalDue{115};
constexpr seconds kSessionEnds{190};

std::string drawn(const std::vector<bool>& answers) {
  std::string line;
  for (const bool answered : answers) line += answered ? '|' : '.';
  return line;
}

/// How the unanswered ones are distributed among the pings of --hold.
enum class LossPattern : std::uint8_t { one_stretch, in_turn, scattered };

LossPattern pattern_of(const std::vector<bool>& answers) {
  std::size_t changes = 0;
  for (std::size_t i = 1; i < answers.size(); ++i)
    if (answers[i] != answers[i - 1]) ++changes;
  const auto lost = static_cast<std::size_t>(std::ranges::count(answers, false));
  constexpr std::size_t kStretch = 3;
  if (lost >= kStretch && changes <= 2) return LossPattern::one_stretch;
  // At random, half of all neighbours differ at most; nine of ten do by chance in 1 of 500 runs of
  // sixteen.
  if (answers.size() >= 16 && changes * 10 >= (answers.size() - 1) * 9) return LossPattern::in_turn;
  return LossPattern::scattered;
}

Finding lost_while_held(const Scene& scene, const DataFacts& data) {
  const auto& answers = data.held_answers;
  const auto lost = static_cast<std::size_t>(std::ranges::count(answers, false));
  const Hypothesis pause{
      "the path or the gateway paused: a mobile handover, a route that changed",
      "ping for longer, and compare with the times of other events: wgscope ping --config FILE"};
  const Hypothesis in_turn{
      "packets go to two gateways or over two paths in turn, of which only one has this session",
      text("a load balancer must keep a flow on one gateway: look at its rules; on each gateway: "
           "wg show all latest-handshakes | grep {}",
           scene.all.ours)};
  const Hypothesis shared{
      "another device uses the same key, and the two take the session away "
      "from each other",
      text("on the gateway: watch wg show all endpoints | grep {}", scene.all.ours)};
  const Hypothesis lossy{"the path loses packets",
                         "in which direction: wgscope ping --config FILE --count 100"};
  Text shape;
  std::vector<Hypothesis> reasons;
  switch (pattern_of(answers)) {
    case LossPattern::one_stretch:
      shape = "all in one stretch";
      reasons = {pause, shared, lossy};
      break;
    case LossPattern::in_turn:
      shape = "nearly every second one";
      reasons = {in_turn, lossy};
      break;
    case LossPattern::scattered:
      shape = "in no regular pattern";
      reasons = {lossy, in_turn, shared};
      break;
  }
  Finding finding{.id = FindingId::held_with_loss,
                  .cause = text("{} of {} pings through the tunnel to {} were not answered in "
                                "{}, {}",
                                lost, answers.size(), scene.one.endpoint, *data.held, shape),
                  .evidence = {text("one ping every 500 ms: {} (|: answered, .: lost)",
                                    vouched(drawn(answers)))}};
  finding.hypotheses = std::move(reasons);
  finding.fix = {
      "find in which direction packets are lost: wgscope ping --config FILE --count 100"};
  return finding;
}

/// The last pings of each were lost at the moment at which its successor's handshake was answered,
/// and carried data, from the same port: so neither the path nor a NAT's table was the cause.
Finding loses_sessions(const Scene& scene, const DataFacts& data) {
  const std::vector<LostSession>& lost = data.lost_sessions;
  const bool again = lost.size() > 1;
  Finding finding{
      .id = FindingId::dies_after_seconds,
      .cause = again ? text("the gateway {} lost this probe's session {} times in {}, and a new "
                            "handshake restored the tunnel at once each time: most likely another "
                            "device uses this key",
                            scene.one.endpoint, lost.size(), data.held.value_or(Nanoseconds{0}))
                     : text("the tunnel to {} stops carrying data after {}, and a new handshake "
                            "restores it at once: the gateway no longer had this probe's session. "
                            "Unknown why: another device with this key made a handshake, or the "
                            "gateway's interface was created again",
                            scene.one.endpoint, *data.died_after),
      .evidence = {}};
  for (const LostSession& one : lost)
    finding.evidence.push_back(
        text("a session carried data for {}; then {} went unanswered for {}, the last ones right "
             "before a handshake from the same port, which was answered at its first initiation; "
             "data crossed the new session at once",
             one.lived, counted(one.unanswered, "ping", "pings"), one.silent));
  finding.hypotheses = {another_device()};
  for (Hypothesis& other : session_lost_otherwise()) finding.hypotheses.push_back(std::move(other));
  finding.fix = {
      text("on the gateway, again and again: wg show all endpoints | grep {}", scene.all.ours),
      "if the endpoint moves between two addresses, give each device a key of its own"};
  if (!again)
    finding.fix.push_back(
        text("hold it for longer: another device takes the session again within "
             "about 20 s of its own traffic: wgscope handshake --config FILE "
             "--hold 120s {}",
             *data.target));
  return finding;
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
  // A handshake from the same port that is answered shows that the gateway is up, that handshakes
  // are not lost, and that a NAT on the path has the flow.
  std::vector<Hypothesis> reasons{policed, shared};
  if (data.new_handshake != true) {
    reasons.push_back(data.other_port_carries == true ? mapping : gone);
    if (data.new_handshake == false && data.other_port_carries != true)
      reasons = {gone, policed, mapping};
    if (*data.died_after >= kRenewalDue && *data.died_after <= kSessionEnds)
      reasons.insert(reasons.begin(), renewal);
  } else if (!data.other_port_carries) {
    reasons = {shared, made_anew};  // that was enough: no other port was tried
  }
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

std::optional<Check> check_hold(const Scene& scene) {
  if (!scene.one.data || !scene.one.data->held) return std::nullopt;
  const DataFacts& data = *scene.one.data;
  const auto lost = static_cast<std::size_t>(std::ranges::count(data.held_answers, false));
  if (!data.died_after && lost > 0)
    return make_check(tunnel_hold, Status::warning,
                      text("{} of {} pings lost in {}", lost, data.held_answers.size(), *data.held),
                      lost_while_held(scene, data));
  if (!data.died_after)
    return make_check(tunnel_hold, Status::ok,
                      text("still works after {}: {} of {} pings answered", *data.held,
                           data.held_answers.size(), data.held_answers.size()));
  const bool revived = !data.lost_sessions.empty() && data.new_handshake == true &&
                       !data.other_port_carries && data.target;
  return make_check(tunnel_hold, Status::critical, text("stopped after {}", *data.died_after),
                    revived ? loses_sessions(scene, data) : dies(scene, data));
}

}  // namespace wgscope::diagnosis
