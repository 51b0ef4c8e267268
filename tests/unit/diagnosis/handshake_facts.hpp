#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "wgscope/base/time.hpp"
#include "wgscope/diagnosis/finding.hpp"
#include "wgscope/diagnosis/handshake.hpp"
#include "wgscope/diagnosis/report.hpp"
#include "wgscope/diagnosis/text.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/model/public_key.hpp"

// Facts as checks::handshake() would have them, and ways to read what became of them.

namespace wgscope::diagnosis {

using namespace std::chrono_literals;

inline constexpr const char* kGateway = "192.0.2.1:51820";
inline constexpr const char* kGatewayV6 = "[2001:db8::1]:51820";

inline Endpoint endpoint(const char* text) { return Endpoint::parse(text).value(); }
inline IpAddress address(const char* text) { return IpAddress::parse(text).value(); }

inline PublicKey key_of(std::uint8_t byte) {
  PublicKey key;
  key.bytes.fill(std::byte{byte});
  return key;
}

/// An address whose initiations met nothing at all so far.
inline AttemptFacts attempt_at(const char* text = kGateway) {
  AttemptFacts attempt;
  attempt.endpoint = endpoint(text);
  attempt.initiations = 4;
  return attempt;
}

/// One with a session.
inline AttemptFacts answered_at(const char* text = kGateway, Nanoseconds after = 12ms) {
  AttemptFacts attempt = attempt_at(text);
  attempt.initiations = 1;
  attempt.response_after = after;
  attempt.answered_initiation = 1;
  attempt.responder = attempt.endpoint;
  return attempt;
}

/// One with a session that carries.
inline AttemptFacts working_at(const char* text = kGateway) {
  AttemptFacts attempt = answered_at(text);
  attempt.data =
      DataFacts{.target = address("10.9.0.1"), .echoes_sent = 3, .round_trips = {3ms, 1ms, 2ms}};
  return attempt;
}

inline IcmpReport icmp(const char* from, unsigned type, unsigned code, std::size_t count = 1) {
  return {.from = address(from),
          .type = static_cast<std::uint8_t>(type),
          .code = static_cast<std::uint8_t>(code),
          .count = count};
}

inline HandshakeFacts facts_of(std::vector<AttemptFacts> attempts) {
  HandshakeFacts facts;
  facts.wanted = {.host = "gw.example.net", .port = 51820};
  facts.attempts = std::move(attempts);
  facts.gateway = key_of(7);
  facts.ours = key_of(9);
  facts.our_addresses = {address("10.9.0.2")};
  facts.clock_synchronised = true;
  facts.timeout = 20s;
  return facts;
}

inline HandshakeFacts facts_of(AttemptFacts attempt) {
  return facts_of(std::vector{std::move(attempt)});
}

inline Report report_of(const HandshakeFacts& facts) {
  Report report;
  report.verb = "handshake";
  report.interrupted = facts.interrupted;
  report.success = success(facts);
  report.checks = diagnose(facts);
  return report;
}

inline std::string verdict_of(const HandshakeFacts& facts) {
  return verdict(report_of(facts)).plain();
}

inline Status overall_of(const HandshakeFacts& facts) { return overall(report_of(facts)); }

/// The check of that name, about `target` where there are several; nullptr: there is none.
inline const Check* find(const std::vector<Check>& checks, std::string_view name,
                         std::string_view target = {}) {
  const auto found = std::ranges::find_if(checks, [&](const Check& check) {
    return check.name == name && (target.empty() || check.target.plain() == target);
  });
  return found == checks.end() ? nullptr : &*found;
}

/// The status and the finding in one word: "critical WGS-HS-001", "skipped
/// WGS-HS-001", "ok"; "absent".
inline std::string outcome(const std::vector<Check>& checks, std::string_view name,
                           std::string_view target = {}) {
  const Check* check = find(checks, name, target);
  if (check == nullptr) return "absent";
  std::string made{to_string(check->status)};
  if (check->finding) made.append(" ").append(kind_of(check->finding->id).id);
  if (check->skipped_because) made.append(" ").append(kind_of(*check->skipped_because).id);
  return made;
}

inline std::string outcome(const HandshakeFacts& facts, std::string_view name,
                           std::string_view target = {}) {
  return outcome(diagnose(facts), name, target);
}

inline std::string summary_of(const HandshakeFacts& facts, std::string_view name) {
  const std::vector<Check> checks = diagnose(facts);
  const Check* check = find(checks, name);
  return check == nullptr ? "absent" : check->summary.plain();
}

/// All that a finding says, a line each.
inline std::string words_of(const Finding& finding) {
  std::string all = finding.cause.plain() + "\n";
  for (const Text& line : finding.evidence) all += line.plain() + "\n";
  for (const Hypothesis& reason : finding.hypotheses)
    all += reason.cause.plain() + "\n" + reason.check.plain() + "\n";
  for (const Text& line : finding.fix) all += line.plain() + "\n";
  return all;
}

inline std::string words_of(const HandshakeFacts& facts, std::string_view name) {
  const std::vector<Check> checks = diagnose(facts);
  const Check* check = find(checks, name);
  return check != nullptr && check->finding ? words_of(*check->finding) : "";
}

/// The hypotheses' causes, likeliest first.
inline std::vector<std::string> reasons(const HandshakeFacts& facts, std::string_view name) {
  std::vector<std::string> all;
  const std::vector<Check> checks = diagnose(facts);
  const Check* check = find(checks, name);
  if (check == nullptr || !check->finding) return all;
  for (const Hypothesis& reason : check->finding->hypotheses) all.push_back(reason.cause.plain());
  return all;
}

}  // namespace wgscope::diagnosis
