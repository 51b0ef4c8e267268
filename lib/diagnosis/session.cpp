#include "wgscope/diagnosis/session.hpp"

#include <algorithm>
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

void amend_key(const SessionFacts& facts, Report& report) {
  if (facts.taken.sessions == 0) return;
  const auto check = std::ranges::find(report.checks, row_of(key_use).name, &Check::name);
  if (check == report.checks.end()) return;
  Check taken =
      make_check(key_use, Status::critical, "another device uses it", taken_finding(facts));
  taken.finding->evidence.push_back(text("on this host: {}", check->summary));
  if (check->finding && check->finding->id == FindingId::key_used_elsewhere)
    taken.finding->evidence.back() = check->finding->evidence.back();
  *check = std::move(taken);
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

Hypothesis another_device() {
  return {
      "another device uses this key, for example the same file on a phone: the gateway answers "
      "whichever device made the last handshake",
      "on the gateway, again and again: wg show all endpoints; the endpoint of this key moves "
      "between two addresses"};
}

void amend(const SessionFacts& facts, Report& report) {
  amend_key(facts, report);
  amend_send(facts, report);
  amend_icmp(facts, report);
}

}  // namespace wgscope::diagnosis
