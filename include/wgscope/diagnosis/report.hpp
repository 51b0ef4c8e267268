#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
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
  unknown,  ///< it ran and cannot tell
  skipped,  ///< it could not run: Check::because
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
};

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

/// The first line: what is the matter, in one sentence without a full stop: the worst finding's
/// cause, or `success`. Of what is unknown as a whole, what is not known: warnings beside it are
/// not the matter.
Text verdict(const Report& report);
/// The finding that the verdict is about; nullptr where it is about none.
const Finding* worst_finding(const Report& report);

}  // namespace wgscope::diagnosis
