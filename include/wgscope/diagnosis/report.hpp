#pragma once

#include <concepts>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "wgscope/base/time.hpp"
#include "wgscope/diagnosis/finding.hpp"
#include "wgscope/diagnosis/text.hpp"

namespace wgscope::diagnosis {

/// From the file in hand to the service behind the tunnel: the order of sections.
enum class Layer : std::uint8_t { configuration, host, name, path, handshake, tunnel, service };
std::string_view to_string(Layer layer);

enum class Status : std::uint8_t {
  ok,
  warning,
  critical,
  unknown,  ///< it ran and cannot tell, or was interrupted before it was known
  skipped,  ///< something else keeps it from running: Check::because, or else the summary says what
};
std::string_view to_string(Status status);

/// One thing that was looked at.
struct Check {
  std::string_view name;  ///< stable, of a literal: "handshake.response"
  Layer layer = Layer::handshake;
  Status status = Status::ok;
  Text summary;      ///< half a sentence: what was found
  Text target = {};  ///< what it was about where there are several, such as an address
  std::optional<Finding> finding = {};    ///< why it is not ok
  std::optional<FindingId> because = {};  ///< of skipped
  /// The question of the verb hangs on it. What is unknown or skipped among the others leaves the
  /// verdict alone.
  bool essential = true;
};

/// A label of a measurement: {"direction", "forward"}.
struct Label {
  std::string_view name;
  Text value;
};

/// A figure, under its name in the metrics contract (docs/metrics.md).
struct Measurement {
  std::string_view name;  ///< "wireguard_probe_loss_ratio"; its unit is its suffix
  std::vector<Label> labels;
  double value = 0;
};

/// Many figures of one kind: a histogram for Prometheus, percentiles for people.
struct Distribution {
  std::string_view name;  ///< "wireguard_probe_rtt_seconds"
  std::vector<Label> labels;
  std::vector<Nanoseconds> samples;  ///< in the order of measuring
};

/// A command that finds out what the run left out.
struct Further {
  Text about;    ///< "the exact path MTU in both directions"
  Text command;  ///< as a shell takes it
};

/// Why a run has no answer.
enum class Reason : std::uint8_t {
  wrong_usage,  ///< an option, or a file that it names, is wrong or missing
  key_in_use,   ///< another process or an interface of this host uses the key
  cannot_run,   ///< this host does not let the probe do what it needs
  interrupted,
  cannot_tell,  ///< what was seen does not tell
};
std::string_view to_string(Reason reason);

/// What a verb found out: all that the renderers know.
struct Report {
  std::string_view verb;
  Text target;  ///< "gw.example.net:51820"
  WallTime started;
  Nanoseconds duration{};
  bool interrupted = false;  ///< by the user: what is known so far
  Text success;              ///< a sentence for the case that all is well, without a full stop
  std::vector<Check> checks;
  std::vector<Measurement> measurements = {};
  std::vector<Distribution> distributions = {};
  std::vector<Further> further = {};
  std::optional<Reason> refused = {};  ///< nothing was looked at, because of this
};

/// Adds another part's success to the sentence; nothing where it has none.
void add_success(const Text& success, Report& report);

/// What was seen of one subject, and what that means. Each of HandshakeFacts, PingFacts,
/// ReachFacts, MtuFacts, OuterFacts, NatFacts and FlowFacts answers these, and all purely.
template <class Facts>
concept IsFacts = requires(const Facts& facts, Report& report) {
  { diagnose(facts) } -> std::same_as<std::vector<Check>>;  // the same facts give the same checks
  measure(facts, report);                                   // adds figures, of what was measured
  { success(facts) } -> std::same_as<Text>;  // for the case that all is well; may be empty
  { facts.interrupted } -> std::convertible_to<bool>;
};

/// Adds what the facts mean: checks and figures. For what is only a step to something else, as the
/// handshake is to a ping, whose success goes without saying.
template <IsFacts Facts>
void add_step(const Facts& facts, Report& report) {
  for (Check& check : diagnose(facts)) report.checks.push_back(std::move(check));
  measure(facts, report);
  report.interrupted = report.interrupted || facts.interrupted;
}

/// The same for what was asked for: it has its part in Report::success.
template <IsFacts Facts>
void add(const Facts& facts, Report& report) {
  add_step(facts, report);
  add_success(success(facts), report);
}

/// What makes a run fail, from lenient to strict.
enum class FailOn : std::uint8_t {
  critical,  ///< warnings are let pass
  warning,
  unknown,  ///< also what is unknown or skipped without being essential
};
std::string_view to_string(FailOn fail_on);

/// The whole in one word: the worst of critical, then warning; unknown where a check that is
/// essential could not tell or was interrupted, unless something critical was found. Warnings are
/// ok with FailOn::critical; nothing essential that is unknown ever is.
Status overall(const Report& report, FailOn fail_on = FailOn::warning);

/// The check that decides what overall() is: the first of the worst that has a finding, or else the
/// first. Of what is unknown as a whole it is one that is unknown: warnings beside it do not decide.
/// nullptr where all is well, or the run was interrupted.
const Check* deciding_check(const Report& report, FailOn fail_on = FailOn::warning);

/// The first line behind the status: what decides, in one sentence without a full stop: a finding's
/// cause, or `success`. Where `fail_on` makes another status of the same checks, it says so. Of a
/// warning it says that the tunnel works, if a ping inside it was answered.
Text verdict(const Report& report, FailOn fail_on = FailOn::warning);
/// The finding that the verdict is about; nullptr where it is about none.
const Finding* worst_finding(const Report& report, FailOn fail_on = FailOn::warning);
/// Which that is: why what comes after it is skipped.
std::optional<FindingId> worst_finding_id(const Report& report);

/// How bad a check's finding is in this report, which may be less than its kind can be: what is a
/// warning only, as another address works, is not critical, and what is unknown is no fault.
Severity severity_of(const Check& check);

/// Why there is no answer; nothing where there is one. Also of a key that is in use, which is a
/// finding, as nothing was tried because of it.
std::optional<Reason> reason_of(const Report& report, FailOn fail_on = FailOn::warning);

}  // namespace wgscope::diagnosis
