#include "wgscope/diagnosis/reach.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "wgscope/base/time.hpp"
#include "wgscope/config/expectations.hpp"
#include "wgscope/config/wg_quick.hpp"
#include "wgscope/diagnosis/check_kinds.hpp"
#include "wgscope/diagnosis/finding.hpp"
#include "wgscope/diagnosis/icmp.hpp"
#include "wgscope/diagnosis/report.hpp"
#include "wgscope/diagnosis/text.hpp"
#include "wgscope/model/address.hpp"

#include "reach_parts.hpp"

namespace wgscope::diagnosis {
namespace {

using enum CheckKind;

using config::Expectation;
using config::ReachKind;
using std::chrono::duration;

CheckKind check_kind(ReachKind kind) {
  switch (kind) {
    case ReachKind::icmp: return reach_icmp;
    case ReachKind::tcp: return reach_tcp;
    case ReachKind::udp: return reach_udp;
    case ReachKind::dns: return reach_dns;
    case ReachKind::http: break;
  }
  return reach_http;
}

/// With a port, but for the one that goes without saying.
Text host_text(const config::EndpointName& where, std::uint16_t usual_port) {
  const bool bare = where.port == usual_port;
  if (const auto address = IpAddress::parse(where.host)) {
    if (bare) return Text().add(*address);
    return Text().add(Endpoint{*address, 0, where.port});
  }
  const Text name = Text().add(Name{where.host});
  return bare ? name : text("{}:{}", name, where.port);
}

std::size_t count_tries(const ReachFacts& facts) {
  std::size_t count = 0;
  for (const ReachResult& result : facts.results)
    count +=
        static_cast<std::size_t>(std::ranges::count_if(result.tries, [](const ReachTry& tried) {
          return tried.outcome != ReachOutcome::not_sent;
        }));
  return count;
}

/// Whether anything inside answers at all: not what was asked, but what the answers hang on.
std::optional<Check> check_tunnel(const ReachFacts& facts) {
  if (facts.heard)
    return make_check(reach_tunnel, Status::ok,
                      text("the tunnel works: {} answered", *facts.heard));
  const std::size_t tries = count_tries(facts);
  if (tries == 0) return std::nullopt;
  Finding finding{.id = FindingId::data_unanswered,
                  .cause = "nothing inside the tunnel answered",
                  .evidence = {text("{} packets or connection attempts, no answer", tries)}};
  for (const IpAddress& silent : silent_pings(facts))
    finding.evidence.push_back(text("{} does not answer pings", silent));
  finding.hypotheses = {{"the tunnel does not carry data",
                         "wgscope handshake --config FILE shows whether it does, and why not"},
                        {"no host has these addresses, or none of them answers what was asked",
                         "name a target that is known to answer, with --icmp or --tcp"}};
  finding.fix = {"find out why data does not cross: wgscope handshake --config FILE"};
  return make_check(reach_tunnel, Status::unknown, "nothing inside the tunnel answered",
                    std::move(finding));
}

Check check_one(const ReachScene& scene) {
  const ReachResult& one = scene.one;
  const bool asked = one.resolve_error || one.not_allowed || !one.tries.empty();
  if (one.given_up || !asked)
    return make_reach_check(one.expectation, Status::unknown,
                            one.tries.empty() ? text("not settled before the end")
                                              : text("not settled before the end; last: {}",
                                                     describe(one.expectation, one.tries.back())));
  return one.expectation.closed ? check_closed(scene) : check_open(scene);
}

std::optional<Nanoseconds> median_of(const ReachResult& result) {
  std::vector<Nanoseconds> times;
  for (const ReachTry& tried : result.tries)
    if (is_as_wanted(result.expectation, tried)) times.push_back(tried.after);
  if (times.empty()) return std::nullopt;
  std::ranges::sort(times);
  return times[times.size() / 2];
}

/// 1 or 0 for what is as expected or is not, nothing for what could not be told.
void measure(const ReachResult& result, Status status, Report& report) {
  const std::vector<Label> labels{
      {"kind", words_of(result.expectation.kind)},
      {"inner_target", target_of(result.expectation)},
      {"expect", either(result.expectation.closed, "closed", "open")},
  };
  const auto add = [&](std::string_view name, double value) {
    const auto same = [&](const Measurement& other) {
      return other.name == name && std::ranges::equal(other.labels, labels, [](auto& a, auto& b) {
               return a.name == b.name && a.value == b.value;
             });
    };
    if (std::ranges::none_of(report.measurements, same))
      report.measurements.push_back({.name = name, .labels = labels, .value = value});
  };
  if (status != Status::unknown)
    add("wireguard_probe_target_success", status == Status::critical ? 0 : 1);
  if (const auto median = median_of(result))
    add("wireguard_probe_target_duration_seconds", duration<double>(*median).count());
}

}  // namespace

std::vector<IpAddress> silent_pings(const ReachFacts& facts) {
  std::vector<IpAddress> silent = facts.controls;
  std::vector<IpAddress> answered;
  if (facts.heard) answered.push_back(*facts.heard);
  for (const ReachResult& ping : facts.pings) {
    const bool heard = std::ranges::any_of(ping.tries, [](const ReachTry& tried) {
      return tried.outcome != ReachOutcome::silent && tried.outcome != ReachOutcome::not_sent;
    });
    (heard ? answered : silent).push_back(*ping.address);
  }
  std::ranges::sort(silent);
  const auto repeated = std::ranges::unique(silent);
  silent.erase(repeated.begin(), repeated.end());
  std::erase_if(silent, [&](const IpAddress& one) {
    return std::ranges::find(answered, one) != answered.end();
  });
  return silent;
}

Check make_reach_check(const Expectation& expectation, Status status, Text summary) {
  Check check = make_check(check_kind(expectation.kind), status, std::move(summary));
  check.target = target_of(expectation);
  return check;
}

Check make_reach_check(const ReachScene& scene, Status status, Text summary, Finding finding) {
  Check check = make_reach_check(scene.one.expectation, status, std::move(summary));
  if (scene.one.expectation.line != 0)
    finding.evidence.push_back(text("expected in line {}", scene.one.expectation.line));
  check.finding = std::move(finding);
  return check;
}

Text target_of(const Expectation& expectation) {
  const config::EndpointName& where = expectation.where;
  switch (expectation.kind) {
    case ReachKind::icmp:
    case ReachKind::tcp:
    case ReachKind::udp: return host_text(where, 0);
    case ReachKind::dns:
      return text("{} at {}", Name{expectation.question}, host_text(where, config::kDnsPort));
    case ReachKind::http:
      return text("http://{}{}", host_text(where, config::kHttpPort), Name{expectation.path});
  }
  return {};
}

Text describe(const Expectation& expectation) {
  return text("{} {}", words_of(expectation.kind), target_of(expectation));
}

Words words_of(ReachKind kind) {
  switch (kind) {
    case ReachKind::icmp: return "icmp";
    case ReachKind::tcp: return "tcp";
    case ReachKind::udp: return "udp";
    case ReachKind::dns: return "dns";
    case ReachKind::http: break;
  }
  return "http";
}

/// It is a word of wire::to_string(), whatever the server sent.
Text rcode_of(const DnsFacts& dns) { return vouched(dns.rcode); }

Text times(std::size_t count) { return count == 1 ? text("once") : text("{} times", count); }

std::size_t count_of(const ReachResult& result, ReachOutcome outcome) {
  return static_cast<std::size_t>(std::ranges::count(result.tries, outcome, &ReachTry::outcome));
}

const ReachTry* first_of(const ReachResult& result, ReachOutcome outcome) {
  const auto found = std::ranges::find(result.tries, outcome, &ReachTry::outcome);
  return found == result.tries.end() ? nullptr : &*found;
}

bool is_as_wanted(const Expectation& expectation, const ReachTry& tried) {
  if (tried.outcome != ReachOutcome::answered) return false;
  if (expectation.kind == ReachKind::http && tried.http_status)
    return expectation.status ? *tried.http_status == *expectation.status
                              : *tried.http_status < 400;
  if (expectation.kind == ReachKind::dns && tried.dns && !expectation.closed) {
    if (tried.dns->rcode != "NOERROR" || tried.dns->addresses.empty()) return false;
    return expectation.answers.empty() ||
           std::ranges::is_permutation(tried.dns->addresses, expectation.answers);
  }
  return true;
}

Text describe(const Expectation& expectation, const ReachTry& tried) {
  switch (tried.outcome) {
    case ReachOutcome::answered:
      if (tried.http_status)
        return text("HTTP status {} after {}", *tried.http_status, tried.after);
      if (tried.dns) {
        Text made = text("{} after {}", rcode_of(*tried.dns), tried.after);
        for (const IpAddress& address : tried.dns->addresses) made.add(", ").add(address);
        return made;
      }
      return text("{} after {}",
                  either(expectation.kind == ReachKind::tcp, "connected", "answered"), tried.after);
    case ReachOutcome::refused: return text("refused after {}", tried.after);
    case ReachOutcome::rejected: return describe(*tried.icmp);
    case ReachOutcome::broken: return text("{}, after {}", tried.why, tried.after);
    case ReachOutcome::silent: return text("no answer for {}", tried.after);
    case ReachOutcome::stalled: return text("connected, then no answer for {}", tried.after);
    case ReachOutcome::not_sent: return text("not sent: {}", tried.why);
  }
  return {};
}

std::vector<Text> evidence_of(const ReachResult& result) {
  std::vector<Text> lines;
  std::vector<ReachOutcome> seen;
  for (const ReachTry& tried : result.tries) {
    if (std::ranges::find(seen, tried.outcome) != seen.end()) continue;
    seen.push_back(tried.outcome);
    lines.push_back(text("{} of {} {}: {}", count_of(result, tried.outcome), result.tries.size(),
                         either(result.tries.size() == 1, "try", "tries"),
                         describe(result.expectation, tried)));
  }
  return lines;
}

std::vector<Check> diagnose(const ReachFacts& facts) {
  std::vector<Check> checks;
  if (auto tunnel = check_tunnel(facts)) checks.push_back(std::move(*tunnel));
  for (const ReachResult& result : facts.results) checks.push_back(check_one({facts, result}));
  return checks;
}

void measure(const ReachFacts& facts, Report& report) {
  if (facts.resolve_time)
    report.measurements.push_back({.name = "wireguard_probe_phase_duration_seconds",
                                   .labels = {{"phase", "inner_resolve"}},
                                   .value = duration<double>(*facts.resolve_time).count()});
  for (const ReachResult& result : facts.results)
    measure(result, check_one({facts, result}).status, report);
}

Text success(const ReachFacts& facts) {
  if (facts.results.size() != 1)
    return text("all {} targets inside the tunnel are as expected", facts.results.size());
  const Expectation& expectation = facts.results.front().expectation;
  return text("{} {}", describe(expectation),
              either(expectation.closed, "is closed, as expected", "is reachable"));
}

void skip(std::span<const Expectation> expectations, std::optional<FindingId> because,
          Report& report) {
  for (const Expectation& one : expectations) {
    Check check = skipped_check(check_kind(one.kind), because, report);
    check.target = target_of(one);
    report.checks.push_back(std::move(check));
  }
}

}  // namespace wgscope::diagnosis
