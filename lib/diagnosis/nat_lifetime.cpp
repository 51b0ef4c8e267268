#include <algorithm>
#include <chrono>
#include <optional>
#include <string_view>
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

#include "nat_parts.hpp"

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

constexpr seconds kSlack{1};  // keepalives may come so much late

Check check_one(CheckKind name, const NatFacts& facts,
                const std::optional<MappingLifetimeResult>& result) {
  if (result && result->alive_after)
    return make_check(name, Status::ok, describe_lifetime(*result));
  if (result && result->gone_after)
    return make_check(name, Status::ok, text("less than {} s", result->gone_after->count()));
  if (facts.interrupted) return interrupted(name);
  Finding finding{.id = FindingId::nat_lifetime_not_told,
                  .cause = "no server could be had to answer to another port of ours",
                  .evidence = {text("asked: {}", facts.lifetime->server)},
                  .fix = {"name a server with RESPONSE-PORT (RFC 5780), first: such as coturn with "
                          "two addresses"}};
  if (facts.lifetime->error)
    finding.evidence.push_back(text("{}", Name{facts.lifetime->error->context}));
  if (result && result->lanes_without_service > 0)
    finding.evidence.push_back(
        text("{} requests to answer elsewhere came to nothing", result->lanes_without_service));
  return make_check(name, Status::unknown, "could not be measured", std::move(finding));
}

/// The shorter silence that is survived in both states; nothing: not known of any.
std::optional<seconds> safe_silence(const LifetimeFacts& facts) {
  std::optional<seconds> shortest;
  for (const auto& result : {facts.one_way, facts.stream}) {
    if (!result || (!result->alive_after && !result->gone_after)) continue;
    const seconds alive = result->alive_after.value_or(seconds(0));
    shortest = std::min(shortest.value_or(alive), alive);
  }
  return shortest;
}

std::vector<Text> lifetime_evidence(const LifetimeFacts& facts) {
  std::vector<Text> lines;
  if (facts.stream && facts.stream->alive_after)
    lines.push_back(text("both ways: {}", describe_lifetime(*facts.stream)));
  if (facts.one_way && facts.one_way->alive_after)
    lines.push_back(text("one way only: {}", describe_lifetime(*facts.one_way)));
  return lines;
}

/// Whether silence of that length is known to be too long, as far as one state goes.
bool is_too_long(seconds silence, const std::optional<MappingLifetimeResult>& result) {
  return result && result->gone_after && silence >= *result->gone_after;
}
bool is_survived(seconds silence, const std::optional<MappingLifetimeResult>& result) {
  return result && result->alive_after && silence <= *result->alive_after;
}

Check check_keepalive(const NatFacts& facts) {
  const seconds interval = *facts.keepalive;
  const LifetimeFacts& lifetime = *facts.lifetime;
  const auto safe = safe_silence(lifetime);
  const path::KeepaliveAdvice advice = path::advise_keepalive(interval, safe);
  Finding finding{.id = FindingId::keepalive_not_enough,
                  .cause = "",
                  .evidence = lifetime_evidence(lifetime),
                  .fix = what_to_set(advice.set_to)};
  if (interval == seconds(0)) {
    finding.id = FindingId::keepalive_missing;
    finding.cause =
        "behind a NAT and without PersistentKeepalive: once silent, the tunnel is not "
        "reached from the gateway any more";
    return make_check(nat_keepalive, Status::warning, "off, behind a NAT", std::move(finding));
  }
  const auto& trials = lifetime.keepalive;
  if (trials && trials->succeeded > 0)
    finding.evidence.push_back(text("{} of 3 trials with {} s of silence succeeded",
                                    trials->succeeded, (interval + kSlack).count()));
  const bool failed = trials && trials->verdict == path::KeepaliveVerdict::not_enough;
  const bool succeeded = trials && trials->verdict == path::KeepaliveVerdict::enough;
  if (failed)
    finding.evidence.push_back(
        text("nothing came in after {} s of silence, and again once something was sent",
             (interval + kSlack).count()));
  if (failed || (!succeeded && is_too_long(interval + kSlack, lifetime.stream))) {
    finding.cause = text("PersistentKeepalive of {} s is too long for the NAT{}", interval.count(),
                         advice.set_to ? text(": set {}", advice.set_to->count()) : Text());
    return make_check(nat_keepalive, Status::critical,
                      text("{} s: the mapping is gone before the next one", interval.count()),
                      std::move(finding));
  }
  if (!advice.margin || (!succeeded && !is_survived(interval + kSlack, lifetime.stream)))
    return make_check(nat_keepalive, Status::unknown,
                      text("{} s: not known whether that is often enough", interval.count()));
  const auto percent = static_cast<long>(*advice.margin * 100);
  if (*advice.margin < path::kEnoughMargin) {
    finding.id = FindingId::keepalive_tight;
    finding.cause = text("PersistentKeepalive of {} s has little margin", interval.count());
    finding.evidence.push_back(text("shorter lifetime / interval = {} %, wanted: 150 %", percent));
    return make_check(nat_keepalive, Status::warning,
                      text("{} s: enough, with little margin", interval.count()),
                      std::move(finding));
  }
  return make_check(
      nat_keepalive, Status::ok,
      text("{} s: often enough; the shorter lifetime is {} % of it", interval.count(), percent));
}

}  // namespace

std::vector<Text> what_to_set(std::optional<seconds> set_to) {
  if (!set_to) return {"no interval is short enough to be sensible: look at the NAT"};
  return {text("PersistentKeepalive = {}", set_to->count()),
          text("wg set INTERFACE peer PUBLIC-KEY persistent-keepalive {}", set_to->count())};
}

Text describe_lifetime(const MappingLifetimeResult& result) {
  if (!result.gone_after)
    return text("silent mappings live for more than {} s", result.alive_after->count());
  return text("silent mappings live for {} to {} s", result.alive_after->count(),
              result.gone_after->count());
}

void measure(const NatFacts& facts, Report& report) {
  if (!facts.lifetime) return;
  const auto add = [&](const std::optional<MappingLifetimeResult>& result, const char* state) {
    if (!result || !result->alive_after || (facts.interrupted && !result->gone_after)) return;
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
                                    ? text("what comes in keeps a mapping alive too")
                                    : text("only what goes out keeps a mapping alive")));
  }
  const bool natted = facts.behaviour && facts.behaviour->mapping != path::NatMapping::none;
  if (facts.keepalive && (natted || *facts.keepalive != seconds(0)))
    checks.push_back(check_keepalive(facts));
  return checks;
}

}  // namespace wgscope::diagnosis
