#include <chrono>
#include <cstddef>
#include <optional>
#include <utility>
#include <vector>

#include "wgscope/diagnosis/check_kinds.hpp"
#include "wgscope/diagnosis/finding.hpp"
#include "wgscope/diagnosis/nat.hpp"
#include "wgscope/diagnosis/report.hpp"
#include "wgscope/diagnosis/text.hpp"
#include "wgscope/path/keepalive.hpp"
#include "wgscope/path/mapping_lifetime.hpp"
#include "wgscope/path/nat_behaviour.hpp"

#include "keepalive.hpp"
#include "nat_parts.hpp"
#include "sent.hpp"

// How long mappings live, and whether a PersistentKeepalive is often enough for that.
//
// A tunnel that has run is a stream. But after the NAT was restarted, or the mapping was lost, the
// next keepalive begins a flow that nobody answers, for an empty packet has no answer: until the
// gateway has something to say it is as one-way as a flow can be. So an interval is safe only below
// both lifetimes, and what is to be set is counted from the shorter one.

namespace wgscope::diagnosis {
namespace {

using enum CheckKind;

using path::MappingLifetimeResult;
using std::chrono::seconds;

/// Servers see what this host sends from, or none was asked. An unknown mapping is neither this nor
/// is_behind_nat().
bool is_without_nat(const NatFacts& facts) {
  return !facts.behaviour || facts.behaviour->mapping == path::NatMapping::none;
}

Check check_one(CheckKind name, const NatFacts& facts,
                const std::optional<MappingLifetimeResult>& result) {
  if (result && result->alive_after)
    return make_check(name, Status::ok, describe_lifetime(*result));
  if (result && result->gone_after)
    return make_check(name, Status::ok,
                      text("silent mappings live for less than {} s", result->gone_after->count()));
  if (facts.interrupted) return interrupted(name);
  Finding finding{.id = FindingId::nat_lifetime_not_told,
                  .cause = "no STUN server answered to a different port of this host",
                  .evidence = {text("asked: {}", facts.lifetime->server)},
                  .fix = {"name a server that supports RESPONSE-PORT (RFC 5780) as the first one, "
                          "such as coturn with two addresses"}};
  if (facts.lifetime->error)
    finding.evidence.push_back(text("{}", Name{facts.lifetime->error->context}));
  if (result && result->lanes_without_service > 0)
    finding.evidence.push_back(text("{} requests to answer to a different port got no answer",
                                    result->lanes_without_service));
  return make_check(name, Status::unknown, "could not be measured", std::move(finding));
}

LifetimeBracket bracket_of(const std::optional<MappingLifetimeResult>& result) {
  if (!result) return {};
  return {result->alive_after, result->gone_after};
}

std::vector<Text> lifetime_evidence(const LifetimeFacts& facts) {
  std::vector<Text> lines;
  if (facts.stream && facts.stream->alive_after)
    lines.push_back(
        text("flow with packets in both directions: {}", describe_lifetime(*facts.stream)));
  if (facts.one_way && facts.one_way->alive_after)
    lines.push_back(text("flow with outbound packets only: {}", describe_lifetime(*facts.one_way)));
  return lines;
}

void add_trials(const path::KeepaliveResult& trials, seconds silence, std::vector<Text>& evidence) {
  const bool failed = trials.verdict == path::KeepaliveVerdict::not_enough;
  const std::size_t tried = trials.succeeded + trials.failed;
  if (tried == 0) return;
  evidence.push_back(text("packets came in after {} of {} silences of {} s", trials.succeeded,
                          tried, silence.count()));
  if (failed)
    evidence.emplace_back("after the failure, they came in again once something was sent");
}

Words who_forgets(const NatFacts& facts) {
  if (is_behind_nat(facts)) return "the NAT";
  return either(is_without_nat(facts), "a firewall", "a NAT or firewall");
}

Check check_keepalive(const NatFacts& facts) {
  const LifetimeFacts& lifetime = *facts.lifetime;
  const path::KeepaliveResult trials = lifetime.keepalive.value_or(path::KeepaliveResult{});
  std::vector<Text> evidence = lifetime_evidence(lifetime);
  add_trials(trials, *facts.keepalive, evidence);
  return judge_keepalive(nat_keepalive, {.interval = *facts.keepalive,
                                         .verdict = trials.verdict,
                                         .survived = trials.succeeded,
                                         .own = bracket_of(lifetime.stream),
                                         .new_flow = bracket_of(lifetime.one_way),
                                         .longest_silence = lifetime.longest_silence,
                                         .finished = !facts.interrupted,
                                         .behind_nat = is_behind_nat(facts),
                                         .forgets = who_forgets(facts),
                                         .evidence = std::move(evidence)});
}

}  // namespace

Text describe_lifetime(const MappingLifetimeResult& result) {
  if (!result.gone_after && result.unproven > 0)
    return text(
        "silent mappings live for {} s and more; nothing came in after {} longer silences, "
        "but so many packets are lost that this tells nothing",
        result.alive_after->count(), result.unproven);
  if (!result.gone_after)
    return text("silent mappings live for more than {} s", result.alive_after->count());
  return text("silent mappings live for {} to {} s", result.alive_after->count(),
              result.gone_after->count());
}

void measure(const NatFacts& facts, Report& report) {
  add_sent(facts, report);
  if (!facts.lifetime) return;
  const auto add = [&](const std::optional<MappingLifetimeResult>& result, Words state) {
    if (!result || !result->alive_after || result->unproven > 0) return;
    if (facts.interrupted && !result->gone_after) return;
    report.measurements.push_back({.name = "wireguard_probe_nat_mapping_lifetime_seconds",
                                   .labels = {{"state", state}},
                                   .value = static_cast<double>(result->alive_after->count())});
  };
  add(facts.lifetime->stream, "stream");
  add(facts.lifetime->one_way, "one_way");
}

std::vector<Check> check_lifetime(const NatFacts& facts) {
  if (!facts.lifetime) return {};
  std::vector<Check> checks;
  checks.push_back(check_one(nat_lifetime, facts, facts.lifetime->stream));
  checks.push_back(check_one(nat_lifetime_one_way, facts, facts.lifetime->one_way));
  checks.back().essential = false;
  const auto& stream = facts.lifetime->stream;
  if (stream && stream->inbound_refreshes) {
    checks.push_back(make_check(nat_refresh, Status::ok,
                                *stream->inbound_refreshes
                                    ? text("inbound packets keep a mapping alive too")
                                    : text("only outbound packets keep a mapping alive")));
  }
  if (facts.keepalive && (!is_without_nat(facts) || *facts.keepalive != seconds(0)))
    checks.push_back(check_keepalive(facts));
  return checks;
}

}  // namespace wgscope::diagnosis
