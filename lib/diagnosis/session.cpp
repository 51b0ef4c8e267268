#include "wgscope/diagnosis/session.hpp"

#include <algorithm>
#include <cstddef>
#include <optional>
#include <utility>
#include <vector>

#include "wgscope/diagnosis/check_kinds.hpp"
#include "wgscope/diagnosis/finding.hpp"
#include "wgscope/diagnosis/handshake.hpp"
#include "wgscope/diagnosis/icmp.hpp"
#include "wgscope/diagnosis/report.hpp"
#include "wgscope/diagnosis/text.hpp"

#include "handshake_parts.hpp"
#include "sent.hpp"

// The handshake's own checks tell what an error or a failure to send means: here they are asked
// once more, as if what came later had come instead of a response.

namespace wgscope::diagnosis {
namespace {

using enum CheckKind;

/// The report's check of that kind for this gateway; nullptr: it has none.
Check* find(CheckKind kind, const SessionFacts& facts, Report& report) {
  const Text target = text("{}", facts.gateway);
  const auto fits = [&](const Check& check) {
    return check.name == row_of(kind).name && (check.target.empty() || check.target == target);
  };
  const auto found = std::ranges::find_if(report.checks, fits);
  return found == report.checks.end() ? nullptr : &*found;
}

/// Puts another check in its place, where that is about the same address.
void replace(Check& check, Check other) {
  other.target = check.target;
  check = std::move(other);
}

/// Whether the gateway was heard after the last of these errors.
bool is_over(const SessionFacts& facts) {
  return std::ranges::all_of(facts.icmp,
                             [&](const LaterIcmp& one) { return facts.last_heard > one.last; });
}

Text when(const LaterIcmp& one) {
  if (one.report.count == 1) return text("{} after the handshake", one.first);
  return text("from {} to {} after the handshake", one.first, one.last);
}

Check icmp_check(const SessionFacts& facts) {
  AttemptFacts attempt;
  attempt.endpoint = facts.gateway;
  for (const LaterIcmp& one : facts.icmp) attempt.icmp.push_back(one.report);
  const HandshakeFacts all;
  Check check = check_icmp({.all = all, .one = attempt});
  const LaterIcmp& first = facts.icmp.front();
  const bool over = is_over(facts);
  check.status = over ? Status::warning : Status::critical;
  if (!check.finding) {  // an error that says nothing about why data is lost
    check.status = over ? Status::ok : Status::unknown;
    check.summary = text("an ICMP error came {}: {}", when(first), describe(first.report));
    return check;
  }
  if (facts.icmp.size() == 1) check.summary.add(text(", {}", when(first)));
  check.finding->evidence = describe_errors(facts);
  if (over) {
    check.finding->cause =
        text("the gateway was unreachable for a while: {}", describe(first.report));
    check.finding->evidence.push_back(
        text("the gateway answered again: its last packet came {} after the handshake",
             facts.last_heard));
  } else {
    check.finding->cause.add(
        text("; the gateway's last packet came {} after the handshake", facts.last_heard));
  }
  return check;
}

void amend_icmp(const SessionFacts& facts, Report& report) {
  Check* check = find(path_icmp, facts, report);
  if (check == nullptr) return;
  if (!facts.icmp.empty())
    replace(*check, icmp_check(facts));
  else if (facts.icmp_provoked > 0 && check->status == Status::ok)
    check->summary =
        "no ICMP error arrived, except replies to packets that the probe made too large or "
        "gave a low TTL";
}

/// Only what keeps on failing is critical: a full queue, or an interface that changes, passes.
void amend_send(const SessionFacts& facts, Report& report) {
  Check* check = find(path_send, facts, report);
  if (check == nullptr || !facts.send_errno) return;
  AttemptFacts attempt;
  attempt.endpoint = facts.gateway;
  attempt.send_errno = facts.send_errno;
  const HandshakeFacts all;
  Check failed = check_send({.all = all, .one = attempt});
  if (!failed.finding) return;
  failed.status = Status::warning;
  const Text lost = text("{} could not be sent after the handshake",
                         counted(facts.unsent, "datagram", "datagrams"));
  failed.summary = lost;
  failed.finding->evidence.insert(failed.finding->evidence.begin(), lost);
  replace(*check, std::move(failed));
}

Finding taken_finding(const SessionFacts& facts) {
  const Takeover& taken = facts.taken;
  Finding finding{
      .id = FindingId::key_used_elsewhere,
      .cause = text("another device uses this key: the gateway sent {} for a session that this "
                    "probe never had",
                    counted(taken.foreign, "packet", "packets")),
      .evidence = {describe(taken)},
      .hypotheses = {another_device(),
                     {"somebody on the path forges packets, and drops the gateway's",
                      "on the gateway: wg show all endpoints must show this host's address all the "
                      "time"}},
      .fix = {"give each device a key and an inner address of its own: wg genkey | tee device.key "
              "| wg pubkey",
              "on the gateway: wg set INTERFACE peer PUBLIC-KEY allowed-ips ADDRESS/32"}};
  if (facts.sessions > 1)
    finding.evidence.push_back(
        text("{} sessions were made in {}, each by a new handshake; one lasts at least 120 s where "
             "nobody takes it",
             facts.sessions, facts.watched));
  return finding;
}

Finding lost_finding(const SessionFacts& facts) {
  Finding finding{
      .id = FindingId::key_used_elsewhere,
      .cause = text("most likely another device uses this key: the gateway lost this probe's "
                    "session {} times, and answered a new handshake at once each time",
                    facts.lost.size()),
      .evidence = {},
      .hypotheses = {another_device()},
      .fix = {
          "on the gateway, again and again: wg show all endpoints. If the endpoint of this key "
          "moves between two addresses, give each device a key and an inner address of its own"}};
  for (const LostSession& lost : facts.lost) finding.evidence.push_back(describe(lost));
  for (Hypothesis& other : session_lost_otherwise()) finding.hypotheses.push_back(std::move(other));
  return finding;
}

/// Nothing but the gateway's silence tells of these. One is no proof of anything.
void amend_lost(const SessionFacts& facts, Check& check) {
  if (check.status != Status::ok && check.status != Status::unknown) return;
  const Text on_this_host = text("on this host: {}", check.summary);
  if (facts.lost.size() >= kAgainAndAgain) {
    Check lost = make_check(key_use, Status::warning, lost_finding(facts));
    lost.finding->evidence.push_back(on_this_host);
    return replace(check, std::move(lost));
  }
  Check lost = make_check(
      key_use, Status::unknown,
      text("the gateway lost this probe's session once: {}. Another device may use the key, or the "
           "gateway's interface was created again{}; {}",
           describe(facts.lost.front()),
           either(facts.lost.front().awaited, ", or the path was interrupted until then", ""),
           on_this_host));
  replace(check, std::move(lost));
}

void amend_key(const SessionFacts& facts, Report& report) {
  if (facts.taken.sessions == 0 && facts.lost.empty()) return;
  const auto check = std::ranges::find(report.checks, row_of(key_use).name, &Check::name);
  if (check == report.checks.end()) return;
  if (facts.taken.sessions == 0) return amend_lost(facts, *check);
  Check taken =
      make_check(key_use, Status::critical, "another device uses it", taken_finding(facts));
  taken.finding->evidence.push_back(text("on this host: {}", check->summary));
  if (check->finding && check->finding->id == FindingId::key_used_elsewhere)
    taken.finding->evidence.back() = check->finding->evidence.back();
  *check = std::move(taken);
}

/// Behind the checks of the handshake and of the data that followed it.
void amend_strays(const SessionFacts& facts, Report& report) {
  const std::vector<Text> lines = describe(facts.refused);
  if (lines.empty()) return;
  Check check = make_check(tunnel_strays, Status::ok, "after the handshake also came");
  for (std::size_t i = 0; i < lines.size(); ++i)
    check.summary.add(either(i == 0, " ", "; ")).add(lines[i]);
  if (Check* known = find(tunnel_strays, facts, report)) return replace(*known, std::move(check));
  const auto rows = check_rows().first(static_cast<std::size_t>(tunnel_strays));
  const auto is_before = [&](const Check& one) {
    return std::ranges::find(rows, one.name, &CheckRow::name) != rows.end();
  };
  const auto last = std::ranges::find_if(report.checks.rbegin(), report.checks.rend(), is_before);
  report.checks.insert(last.base(), std::move(check));
}

}  // namespace

std::vector<Text> describe_errors(const SessionFacts& facts) {
  std::vector<Text> lines;
  lines.reserve(facts.icmp.size());
  for (const LaterIcmp& one : facts.icmp)
    lines.push_back(text("the tunnel's datagrams got {}, {}", describe(one.report), when(one)));
  return lines;
}

Text describe(const Takeover& taken) {
  Text line =
      text("{} from the gateway's address {} for a session that was never this probe's",
           counted(taken.foreign, "packet", "packets"), either(taken.foreign == 1, "was", "were"));
  if (taken.first) line.add(text(", the first {} after the handshake", *taken.first));
  return line.add("; no packet of its own session came after them");
}

Text describe(const LostSession& lost) {
  if (lost.awaited)
    return text(
        "it carried data for {}, then nothing came for {}, not even {} that this host had asked "
        "for right after it had sent; right after a new handshake, which was answered at its "
        "first initiation, such packets came",
        lost.lived, lost.silent, counted(lost.unanswered, "packet", "packets"));
  return text(
      "it carried data for {}, then {} went unanswered for {}, though a gateway that has the "
      "session sends at least an empty packet after 10 s; the first initiation after that was "
      "answered",
      lost.lived, counted(lost.unanswered, "packet", "packets"), lost.silent);
}

Hypothesis another_device() {
  return {
      "another device uses this key, for example the same file on a phone: the gateway answers "
      "whichever device made the last handshake",
      "on the gateway, again and again: wg show all endpoints; the endpoint of this key moves "
      "between two addresses"};
}

std::vector<Hypothesis> session_lost_otherwise() {
  return {{"the gateway's interface or its peer is created again, for example by a program that "
           "applies "
           "its configuration again",
           "on the gateway: journalctl -b | grep -i wireguard; ip -s link show INTERFACE begins to "
           "count at 0 again"},
          {"two gateways share the address, and a load balancer sends the flow to the other one",
           "on each gateway: wg show all latest-handshakes"},
          {"something on the path blocks a session once it recognises it, and lets the next "
           "handshake pass",
           "try from another network"}};
}

void amend(const SessionFacts& facts, Report& report) {
  amend_key(facts, report);
  amend_send(facts, report);
  amend_icmp(facts, report);
  amend_strays(facts, report);
  add_sent(facts, report);
}

}  // namespace wgscope::diagnosis
