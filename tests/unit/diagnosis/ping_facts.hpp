#pragma once

#include <chrono>
#include <cstddef>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include <gmock/gmock.h>

#include "wgscope/diagnosis/finding.hpp"
#include "wgscope/diagnosis/ping.hpp"
#include "wgscope/diagnosis/report.hpp"
#include "wgscope/diagnosis/text.hpp"
#include "wgscope/model/address.hpp"

namespace wgscope::diagnosis {

/// So many pings, of which so many were answered; the gateway lost none of its packets.
inline PingFacts pinged(std::size_t sent, std::size_t answered) {
  PingFacts facts;
  facts.gateway = Endpoint::parse("192.0.2.1:51820").value();
  facts.target = IpAddress::parse("10.9.0.1").value();
  facts.payload_size = 56;
  facts.mtu = 1420;
  facts.inner.sent = sent;
  facts.inner.round_trips.assign(answered, std::chrono::milliseconds{12});
  facts.back.received = answered;
  facts.outer.sent = sent;
  facts.outer.round_trips.assign(sent, std::chrono::milliseconds{10});
  facts.initiations = 1;
  facts.session.gateway = facts.gateway;
  facts.session.sessions = 1;
  return facts;
}

inline const Check& find(const std::vector<Check>& checks, std::string_view name) {
  for (const Check& check : checks)
    if (check.name == name) return check;
  throw std::out_of_range(std::string(name));
}

/// A copy, which outlives the checks.
inline std::vector<Hypothesis> causes_in(const PingFacts& facts, std::string_view name) {
  const auto checks = diagnose(facts);
  const Check& check = find(checks, name);
  return check.finding ? check.finding->hypotheses : std::vector<Hypothesis>{};
}

inline std::vector<FindingId> findings(const std::vector<Check>& checks) {
  std::vector<FindingId> ids;
  for (const Check& check : checks)
    if (check.finding) ids.push_back(check.finding->id);
  return ids;
}

inline Report report_of(const PingFacts& facts) {
  Report report;
  report.verb = "ping";
  report.checks = diagnose(facts);
  report.success = success(facts);
  measure(facts, report);
  return report;
}

inline std::string plain(const Text& text) { return text.plain(); }
inline auto has_text(const std::string& part) {
  return testing::ResultOf(plain, testing::HasSubstr(part));
}

}  // namespace wgscope::diagnosis
