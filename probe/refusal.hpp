#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "wgscope/base/result.hpp"
#include "wgscope/diagnosis/report.hpp"

#include "probe/options/output_options.hpp"
#include "probe/verbs.hpp"

// What the program says where it does not run: to people on standard error, and as a report to the
// programs that wait for one.

namespace wgscope::probe {

/// How the program was called.
struct Call {
  std::string_view verb;
  OutputOptions output;
  bool plan = false;               ///< --plan: reports are for standard output alone
  std::vector<std::string> given;  ///< values that may be somebody's: --redact hides them
};

/// The values among the arguments, and those of the variables that name directories. Numbers and
/// options are not among them.
std::vector<std::string> given_values(std::span<const std::string> arguments);

/// A call whose arguments may be wrong: the outputs among them are taken as they are written.
Call call_as_written(std::string_view verb, std::span<const std::string> arguments);

/// Why an error keeps a verb from running.
diagnosis::Reason reason_of(const Error& error);

/// A line on standard error, redacted if the user wants that.
void complain(const Call& call, std::string_view sentence);

/// Says it, to everybody who asked. @returns what the program is to end with.
Exit refuse(const Call& call, std::string_view sentence, diagnosis::Reason reason);

}  // namespace wgscope::probe
