// What a failed expectation shows: all that was seen, and what was made of it.

#include <optional>
#include <ostream>
#include <string>
#include <type_traits>

#include <fmt/core.h>

#include "wgscope/diagnosis/finding.hpp"
#include "wgscope/diagnosis/handshake.hpp"
#include "wgscope/diagnosis/report.hpp"
#include "wgscope/diagnosis/text.hpp"

#include "scenario.hpp"

namespace wgscope::test {
namespace {

using diagnosis::format_duration;

std::string text_of(const diagnosis::IcmpReport& icmp) {
  return fmt::format("ICMP {}/{} from {} x{}", icmp.type, icmp.code, icmp.from.to_string(),
                     icmp.count);
}

template <class T>
std::string text_of(const std::optional<T>& maybe) {
  if (!maybe) return "-";
  if constexpr (std::is_same_v<T, Nanoseconds>)
    return format_duration(*maybe);
  else if constexpr (std::is_arithmetic_v<T>)
    return std::to_string(*maybe);
  else if constexpr (std::is_same_v<T, diagnosis::IcmpReport>)
    return text_of(*maybe);
  else
    return maybe->to_string();
}

std::string text_of(const diagnosis::Knock& knock) {
  return fmt::format("{} sent, {}{}", knock.sent, text_of(knock.answer),
                     knock.datagram ? ", a datagram" : "");
}

void print(std::ostream& out, const diagnosis::SilenceFacts& silence) {
  out << fmt::format(
      "    plain to a neighbour: {}\n    WireGuard to a neighbour: {}\n"
      "    plain to the port: {}\n    hops:",
      text_of(silence.plain_neighbour), text_of(silence.wireguard_neighbour),
      text_of(silence.plain_same_port));
  for (const diagnosis::Hop& hop : silence.hops)
    out << fmt::format(" {}={}{}", hop.limit, text_of(hop.from), hop.arrived ? " (arrived)" : "");
  out << '\n';
}

void print(std::ostream& out, const diagnosis::DataFacts& data) {
  out << fmt::format(
      "    data to {}: {} of {} echoes, {}, keepalive {}, initiation {}, watched {}, held {}, died "
      "{}, handshake again {}, other port {}\n",
      text_of(data.target), data.round_trips.size(), data.echoes_sent, text_of(data.icmp),
      text_of(data.keepalive_after), text_of(data.initiation_after),
      text_of(data.witnesses_watched), text_of(data.held), text_of(data.died_after),
      text_of(data.new_handshake), text_of(data.other_port_carries));
}

void print(std::ostream& out, const diagnosis::AttemptFacts& attempt) {
  out << fmt::format(
      "  at {}: {} initiations, errno {}, {} cookies, {} forged, response {} to initiation {} from "
      "{}{}\n",
      attempt.endpoint.to_string(), attempt.initiations, text_of(attempt.send_errno),
      attempt.cookies, attempt.forged_cookies, text_of(attempt.response_after),
      attempt.answered_initiation, text_of(attempt.responder),
      attempt.given_up ? ", given up" : "");
  for (const diagnosis::IcmpReport& icmp : attempt.icmp) out << "    " << text_of(icmp) << '\n';
  if (const auto& trials = attempt.preshared_key)
    out << fmt::format("    preshared key: none {}, given {} of {}\n", trials->none_fits,
                       trials->given.value_or("-"), trials->tried);
  if (attempt.silence) print(out, *attempt.silence);
  if (attempt.data) print(out, *attempt.data);
}

}  // namespace

std::string text_of(const diagnosis::Finding& finding) {
  std::string text = finding.cause.plain() + '\n';
  for (const auto& line : finding.evidence) text += "    saw: " + line.plain() + '\n';
  for (const auto& one : finding.hypotheses)
    text += fmt::format("    maybe: {} (check: {})\n", one.cause.plain(), one.check.plain());
  for (const auto& line : finding.fix) text += "    fix: " + line.plain() + '\n';
  return text;
}

std::ostream& operator<<(std::ostream& out, const Outcome& outcome) {
  out << fmt::format("after {}: {}\n", format_duration(outcome.took),
                     verdict(outcome.report).plain());
  for (const diagnosis::Check& check : outcome.report.checks) {
    out << fmt::format("  {} {}: {}\n", to_string(check.status), check.name, check.summary.plain());
    if (check.skipped_because)
      out << fmt::format("    because {}\n", kind_of(*check.skipped_because).id);
    if (check.finding)
      out << fmt::format("    {} {}", kind_of(check.finding->id).id, text_of(*check.finding));
  }
  if (outcome.facts.resolve_error) out << "  " << outcome.facts.resolve_error->context << '\n';
  for (const diagnosis::AttemptFacts& attempt : outcome.facts.attempts) print(out, attempt);
  return out;
}

}  // namespace wgscope::test
