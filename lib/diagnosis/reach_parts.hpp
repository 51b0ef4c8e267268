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

Check make_reach_check(const config::Expectation& wanted, Status status, Text summary);
Check make_reach_check(const ReachScene& scene, Status status, Text summary, Finding finding);

/// Of a target that should answer.
Check check_open(const ReachScene& scene);
/// Of a target that must not.
Check check_closed(const ReachScene& scene);

/// "10.9.0.1:22", "http://intranet.example/": without the kind.
Text target_of(const config::Expectation& expectation);
Words words_of(config::ReachKind kind);  ///< as config::to_string()
Text rcode_of(const DnsFacts& dns);
/// "once", "3 times"
Text times(std::size_t count);
std::size_t count_of(const ReachResult& result, ReachOutcome outcome);
const ReachTry* first_of(const ReachResult& result, ReachOutcome outcome);
/// Answered, and with what was wanted.
bool is_as_wanted(const config::Expectation& wanted, const ReachTry& tried);
/// A try's end in a line of evidence.
Text describe(const config::Expectation& wanted, const ReachTry& tried);
/// All tries, those that ended alike in one line.
std::vector<Text> evidence_of(const ReachResult& result);

}  // namespace wgscope::diagnosis
