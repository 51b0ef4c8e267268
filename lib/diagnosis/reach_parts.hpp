#pragma once

#include <cstddef>
#include <string_view>

#include "wgscope/diagnosis/reach.hpp"
#include "wgscope/diagnosis/report.hpp"
#include "wgscope/diagnosis/text.hpp"

namespace wgscope::diagnosis {

/// One target's result, and what all have in common.
struct ReachScene {
  const ReachFacts& all;
  const ReachResult& one;
};

Check make_reach_check(const config::Expectation& expectation, Status status, Text summary);
Check make_reach_check(const ReachScene& scene, Status status, Text summary, Finding finding);

/// The check of a target that should answer.
Check check_open(const ReachScene& scene);
/// The check of a target that must not answer.
Check check_closed(const ReachScene& scene);

/// Addresses that were pinged beside the targets and did not answer, each once.
std::vector<IpAddress> silent_pings(const ReachFacts& facts);

/// The target without its kind: "10.9.0.1:22", "http://intranet.example/".
Text target_of(const config::Expectation& expectation);
Words words_of(config::ReachKind kind);  ///< the kind's name, as config::to_string() has it
Text rcode_of(const DnsFacts& dns);
/// How often, in words: "once", "3 times".
Text times(std::size_t count);
std::size_t count_of(const ReachResult& result, ReachOutcome outcome);
const ReachTry* first_of(const ReachResult& result, ReachOutcome outcome);
/// Whether the target answered, and with what was expected.
bool is_as_wanted(const config::Expectation& expectation, const ReachTry& tried);
/// The outcome of an attempt, as a line of evidence.
Text describe(const config::Expectation& expectation, const ReachTry& tried);
/// The outcomes of all attempts as evidence, one line for those that ended alike.
std::vector<Text> evidence_of(const ReachResult& result);

}  // namespace wgscope::diagnosis
