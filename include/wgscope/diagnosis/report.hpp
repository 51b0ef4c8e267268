#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "wgscope/base/time.hpp"
#include "wgscope/diagnosis/finding.hpp"
#include "wgscope/diagnosis/text.hpp"
#include "wgscope/model/address.hpp"

namespace wgscope::diagnosis {

/// Where a check belongs, in the order of a report's sections: from the configuration file to the
/// service behind the tunnel.
enum class Layer : std::uint8_t { configuration, host, name, path, handshake, tunnel, service };
std::string_view to_string(Layer layer);

enum class Status : std::uint8_t {
  ok,
  warning,
  critical,
  unknown,  ///< the check ran and cannot tell, or was interrupted before it could
  skipped,  ///< the check did not run: Check::skipped_because, or else the summary, says why
};
std::string_view to_string(Status status);

/// The answer to one question about a tunnel or a path.
struct Check {
  std::string_view name;  ///< "handshake.response"; never renamed, and points to a literal
  Layer layer = Layer::handshake;
  Status status = Status::ok;
  Text summary;  ///< what was found, in half a sentence
  /// Which of several things the check is about, such as an address; empty: the only one.
  Text target = {};
  /// What is not as it should be, with evidence and a fix; nothing: no finding.
  std::optional<Finding> finding = {};
  /// Which finding is the reason for Status::skipped.
  std::optional<FindingId> skipped_because = {};
  /// The verb's question depends on this check. Other checks do not change the verdict where they
  /// are unknown or skipped.
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
  std::vector<Nanoseconds> samples;  ///< one for each measurement, in the order of measuring
};

/// A command that finds out something that this run left out.
struct Further {
  Text about;    ///< what the command finds out: "the exact path MTU in both directions"
  Text command;  ///< the command as a user would type it in a shell
};

/// Datagrams that the probe sent, and what a gateway's log has of them.
struct Sent {
  Text target;            ///< to whom: the gateway's endpoint, or a host
  std::string_view what;  ///< "initiations": one such line for each target; never renamed
  /// How many; nothing: another program sends them on the probe's behalf, and does not count.
  std::optional<std::size_t> count;
  Text line;  ///< "2 handshake initiations of 148 bytes to …"
};

/// How many datagrams of a measurement's own sockets left for one address.
struct SentTo {
  Endpoint to;
  std::size_t count = 0;
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
  Text target;  ///< such as "gw.example.net:51820"
  WallTime started;
  Nanoseconds duration{};
  bool interrupted = false;  ///< the user ended the run early: the report has what was known then
  Text success;  ///< a sentence without a full stop, for the case that every check is ok
  std::vector<Check> checks;
  std::vector<Measurement> measurements = {};
  std::vector<Distribution> distributions = {};
  std::vector<Further> further = {};
  std::vector<Sent> sent = {};
  std::optional<Reason> refused = {};  ///< nothing was looked at, because of this
};

/// Adds what was sent, in place of what was said of the same before.
void add_sent(Sent sent, Report& report);

/// Adds one part's success to the sentence Report::success; an empty one adds nothing.
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

/// Adds the checks and figures that follow from the facts. For what is only a step towards an
/// answer, as the handshake is for a ping: its success goes without saying.
template <IsFacts Facts>
void add_step(const Facts& facts, Report& report) {
  for (Check& check : diagnose(facts)) report.checks.push_back(std::move(check));
  measure(facts, report);
  report.interrupted = report.interrupted || facts.interrupted;
}

/// As add_step(), for the question that the user asked: its success becomes a part of
/// Report::success.
template <IsFacts Facts>
void add(const Facts& facts, Report& report) {
  add_step(facts, report);
  add_success(success(facts), report);
}

/// What makes a run fail, from lenient to strict.
enum class FailOn : std::uint8_t {
  critical,  ///< warnings do not make the run fail
  warning,
  unknown,  ///< what is unknown or skipped makes the run fail, even if it is not essential
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
