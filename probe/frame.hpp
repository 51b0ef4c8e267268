#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "wgscope/base/keys.hpp"
#include "wgscope/base/result.hpp"
#include "wgscope/base/time.hpp"
#include "wgscope/checks/handshake.hpp"
#include "wgscope/checks/prepare.hpp"
#include "wgscope/checks/run.hpp"
#include "wgscope/checks/target.hpp"
#include "wgscope/diagnosis/report.hpp"
#include "wgscope/model/address.hpp"

#include "probe/options/output_options.hpp"
#include "probe/verbs.hpp"

// What all verbs that check a gateway have in common: whose tunnel it is, where the report goes,
// what a signal does. A verb adds its own options, and a function that checks.

namespace wgscope::probe {

class CommandLine;

using checks::Prepared;
using checks::TargetOptions;

struct CheckOptions {
  TargetOptions target;
  OutputOptions output;
  std::chrono::nanoseconds timeout = std::chrono::seconds{20};
  bool timeout_given = false;
  bool quick = false;
  bool plan = false;
  bool ipv4 = false;  ///< only the endpoint's addresses of that family
  bool ipv6 = false;
};

/// Adds --config, --timeout, --json, … to a verb. @param options  outlives the parsing.
void add_check_options(CommandLine& line, CheckOptions& options);

/// How a verb with those options handshakes.
checks::HandshakeOptions handshake_options(const CheckOptions& options);

/// When all has to be over, counted from now, for a verb that otherwise takes its time: with a
/// --timeout that was given, or --quick.
std::optional<Instant> deadline_of(const CheckOptions& options);

/// An address inside the tunnel, as an argument names it. @returns bad_value for what is none, or
/// what the peer's AllowedIPs do not let into the tunnel.
Result<IpAddress> parse_inner_address(const std::string& written, const checks::Target& target);

/// An option that is a span of time: "30" (seconds), "500ms", "2m".
void add_duration_option(CommandLine& line, const std::string& name,
                         std::function<void(std::chrono::nanoseconds)> take,
                         const std::string& description);

/// What --plan prints: what would be sent, and to whom, and what that changes there.
struct Plan {
  std::vector<diagnosis::Text> lines;
};

/// A verb's own part.
struct CheckBody {
  std::string_view verb;
  /// Looks at the verb's own options now that the target is known; may be empty. @returns what is
  /// wrong with them.
  std::function<Result<>(const Prepared&)> check = {};
  std::function<Plan(const Prepared&)> plan;
  /// Adds to the report, whose verb, target and times are filled in around it.
  std::function<void(checks::Run&, Prepared&, diagnosis::Report&)> run;
  /// Does it all again, so long after the end of each run, until a signal; absent: once.
  std::optional<Nanoseconds> again = {};
};

/// A verb that needs no tunnel of its own.
struct ReportBody {
  std::string_view verb;
  diagnosis::Text target;
  /// Adds to the report, whose verb, target and times are filled in around it.
  std::function<void(checks::Run&, diagnosis::Report&)> run;
  std::optional<Nanoseconds> again = {};  ///< as CheckBody::again
};

/// What keeps a check from beginning, for people; and, unless it is a plan that was asked for, as a
/// report for the program that waits for one (--json, --junit, --prometheus).
Exit refuse(const CheckOptions& options, std::string_view verb, const Error& error);

/// Runs until done or SIGINT or SIGTERM, and shows what is known then. What runs again and again is
/// shown again and again (Watching), and ends as its last run did.
Exit run_report(const OutputOptions& output, const ReportBody& body);

/// What a verb does with --plan.
void print_plan(const Plan& plan, const OutputOptions& output);

/// Prepares, runs until done or SIGINT or SIGTERM, and shows what is known then.
Exit run_check(const CheckOptions& options, const CheckBody& body);

}  // namespace wgscope::probe
