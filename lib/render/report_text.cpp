#include <algorithm>
#include <array>
#include <cctype>
#include <cmath>
#include <cstddef>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/core.h>

#include "wgscope/base/time.hpp"
#include "wgscope/diagnosis/check_kinds.hpp"
#include "wgscope/diagnosis/finding.hpp"
#include "wgscope/diagnosis/probe_metrics.hpp"
#include "wgscope/diagnosis/report.hpp"
#include "wgscope/diagnosis/statistics.hpp"
#include "wgscope/diagnosis/text.hpp"
#include "wgscope/render/findings.hpp"
#include "wgscope/render/layout.hpp"
#include "wgscope/render/redaction.hpp"
#include "wgscope/render/report.hpp"

// A report for people. The first line can be read alone, on a pager at night; then, layer by layer,
// what was looked at. The details of what decides stand first, whatever layer they are of:
//
//     CRITICAL: the host is up, its WireGuard is silent (WGS-HS-005)
//     wgscope handshake gw.example.net:51820, 2026-11-25T13:30:01.250Z, took 20.0 s
//
//     main finding
//       × handshake response 192.0.2.1:51820: no response to 4 initiations
//           cause:   …
//           seen:    …
//           may be:  1. …
//                       to tell: …
//           fix:     …
//           more:    wgscope explain WGS-HS-005, or docs/findings.md#wgs-hs-005
//
//     handshake
//       × handshake response 192.0.2.1:51820: see main finding
//     tunnel
//       – data: skipped (because WGS-HS-005)
//
// What is to be copied is never folded.

namespace wgscope::render {
namespace {

using diagnosis::Check;
using diagnosis::Finding;
using diagnosis::Status;
using diagnosis::Text;

constexpr std::string_view kBold = "\x1b[1m";
constexpr std::string_view kDim = "\x1b[2m";
constexpr std::string_view kReset = "\x1b[0m";

constexpr std::size_t kCheckIndent = 4;  // two blanks, the sign, a blank
constexpr std::size_t kFieldIndent = 6;
constexpr std::size_t kTextIndent = 15;  // of what stands behind a field's label
constexpr std::size_t kBarWidth = 40;
constexpr std::string_view kFix = "fix:";  // what whoever is called at night looks for

struct StatusLook {
  std::string_view sign;
  std::string_view colour;
};

StatusLook look_of(Status status) {
  switch (status) {
    case Status::ok: return {"✓", "\x1b[32m"};
    case Status::warning: return {"‼", "\x1b[33m"};
    case Status::critical: return {"×", "\x1b[31m"};
    case Status::unknown: return {"?", "\x1b[35m"};
    case Status::skipped: break;
  }
  return {"–", kDim};
}

std::string capitals(std::string_view word) {
  std::string made(word);
  std::ranges::transform(made, made.begin(),
                         [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  return made;
}

/// "wireguard_probe_loss_ratio" -> "packet loss".
std::string_view title_of(std::string_view metric) {
  const diagnosis::ProbeMetric* const row = diagnosis::find_probe_metric(metric);
  return row == nullptr ? metric : row->title;
}

/// A label's value as people say it; empty: as it is, with the label's name.
std::string_view words_of(const diagnosis::Label& label) {
  struct Known {
    std::string_view name, value, words;
  };
  static constexpr Known kKnown[] = {
      {"layer", "inner", "inside the tunnel"},
      {"layer", "outer", "outside the tunnel"},
      {"direction", "forward", "forward path"},
      {"direction", "backward", "reverse path"},
      {"direction", "round_trip", "both directions together"},
      {"state", "stream", "packets in both directions"},
      {"state", "one_way", "outbound packets only"},
  };
  const std::string value = label.value.plain();
  for (const Known& known : kKnown)
    if (known.name == label.name && known.value == value) return known.words;
  return {};
}

std::string plain_value(const diagnosis::Measurement& measurement) {
  constexpr double kLongest = 9e9;  // seconds that nanoseconds can count, nearly
  const double value = measurement.value;
  if (measurement.name.ends_with("_seconds") && std::abs(value) < kLongest)
    return diagnosis::format_duration(Nanoseconds{std::llround(value * 1e9)});
  if (measurement.name.ends_with("_ratio")) return fmt::format("{:.4g} %", value * 100);
  if (measurement.name.ends_with("_bytes")) return fmt::format("{} bytes", value);
  return fmt::format("{}", value);
}

/// Percentiles that are not the longest anyway.
std::string plain_statistics(const diagnosis::Statistics& told) {
  using diagnosis::format_duration;
  if (told.count == 1) return format_duration(told.max);
  std::string words = fmt::format("{} samples, min {}, median {}", told.count,
                                  format_duration(told.min), format_duration(told.median));
  if (told.count >= 20) words += ", p95 " + format_duration(told.p95);
  if (told.count >= 100) words += ", p99 " + format_duration(told.p99);
  return words + ", max " + format_duration(told.max);
}

class Page {
 public:
  Page(const diagnosis::Report& report, const TextStyle& style)
      : report_(report), style_(style), redaction_(style.redact, report) {
    const Check* deciding = deciding_check(report, style.fail_on);
    if (deciding != nullptr && deciding->finding) main_ = deciding;
  }

  std::string write() && {
    head();
    main_finding();
    constexpr std::array kLayers{diagnosis::Layer::configuration, diagnosis::Layer::host,
                                 diagnosis::Layer::name,          diagnosis::Layer::path,
                                 diagnosis::Layer::handshake,     diagnosis::Layer::tunnel,
                                 diagnosis::Layer::service};
    for (const diagnosis::Layer layer : kLayers) section(layer);
    figures();
    sent();
    further();
    return std::move(page_);
  }

  std::string write_line() && {
    page_ += painted(kDim, timestamp(report_.started)) + "  ";
    first_line();
    return std::move(page_);
  }

 private:
  void first_line() {
    const Status status = overall(report_, style_.fail_on);
    page_ += painted(std::string(kBold) + std::string(look_of(status).colour),
                     capitals(to_string(status)));
    page_ += ": " + redaction_.show(verdict(report_, style_.fail_on));
    if (const Finding* worst = worst_finding(report_, style_.fail_on))
      page_ += fmt::format(" ({})", kind_of(worst->id).id);
    page_ += '\n';
  }

  void head() {
    first_line();
    std::string about = fmt::format("wgscope {}", report_.verb);
    if (!report_.target.empty()) about += ' ' + redaction_.show(report_.target);
    about += fmt::format(", {}, took {}", timestamp(report_.started),
                         diagnosis::format_duration(report_.duration));
    if (report_.interrupted) about += ", interrupted: this is what is known so far";
    page_ += painted(kDim, about) + '\n';
  }

  /// Nobody should have to look for it below what is only worth a warning.
  void main_finding() {
    if (main_ == nullptr) return;
    heading("main finding");
    show_line(*main_, summary_of(*main_));
    show(*main_->finding, *main_);
  }

  void section(diagnosis::Layer layer) {
    const auto of_layer = [&](const Check& check) { return check.layer == layer; };
    if (std::ranges::none_of(report_.checks, of_layer)) return;
    heading(to_string(layer));
    std::map<std::string_view, std::string> skipped;  // by the finding that explains it
    for (const Check& check : report_.checks) {
      if (!of_layer(check)) continue;
      if (!style_.verbose && is_only_skipped(check))
        add_to(skipped[kind_of(*check.skipped_because).id], label_of(check));
      else
        show(check);
    }
    for (const auto& [id, names] : skipped)
      page_ +=
          fmt::format("  {} {}\n", painted(kDim, look_of(Status::skipped).sign),
                      folded(fmt::format("{}: skipped (because {})", names, id), kCheckIndent));
  }

  /// Such checks share one line.
  static bool is_only_skipped(const Check& check) {
    return check.status == Status::skipped && check.skipped_because && check.target.empty() &&
           check.summary.empty();
  }
  static void add_to(std::string& list, std::string_view label) {
    if (!list.empty()) list += ", ";
    list += label;
  }

  void show_line(const Check& check, std::string line) {
    const StatusLook look = look_of(check.status);
    // Somebody who looks for the check in JSON or JUnit finds it by that name.
    if (style_.verbose) line += fmt::format("  [{}]", check.name);
    page_ += fmt::format("  {} {}\n", painted(look.colour, look.sign), folded(line, kCheckIndent));
  }

  void show(const Check& check) {
    if (&check == main_) return show_line(check, label_and_target(check) + " see main finding");
    show_line(check, summary_of(check));
    if (!check.finding) return;
    if (check.status != Status::ok || style_.verbose) show(*check.finding, check);
  }

  std::string label_and_target(const Check& check) {
    std::string line(label_of(check));
    if (!check.target.empty()) line += " " + redaction_.show(check.target);
    return line + ":";
  }

  std::string summary_of(const Check& check) {
    std::string line = label_and_target(check);
    if (check.status == Status::unknown) line += " unknown:";
    if (check.status == Status::skipped) {
      line += " skipped";
      if (check.skipped_because)
        line += fmt::format(" (because {})", kind_of(*check.skipped_because).id);
      if (!check.summary.empty()) line += ":";
    }
    if (!check.summary.empty()) line += " " + redaction_.show(check.summary);
    const bool is_folded_away = check.status == Status::ok && check.finding && !style_.verbose;
    if (is_folded_away) line += fmt::format(" ({})", kind_of(check.finding->id).id);
    return line;
  }

  void show(const Finding& finding, const Check& check) {
    if (finding.cause != check.summary) field("cause:", redaction_.show(finding.cause));
    list("seen:", finding.evidence);
    for (std::size_t i = 0; i < finding.hypotheses.size(); ++i)
      hypothesis(finding.hypotheses[i], i + 1, finding.hypotheses.size());
    show_fix(finding);
    const std::string_view id = kind_of(finding.id).id;
    unfolded("more:", fmt::format("wgscope explain {}, or {}", id, findings_link(id)));
  }

  /// What mends several findings is shown once.
  void show_fix(const Finding& finding) {
    const auto same = [&](const Finding* other) { return other->fix == finding.fix; };
    const auto before = std::ranges::find_if(shown_, same);
    if (!finding.fix.empty() && before != shown_.end())
      return unfolded(kFix, fmt::format("the same as for {}", kind_of((*before)->id).id));
    std::string_view label = kFix;
    for (const Text& line : finding.fix) {
      unfolded(label, redaction_.show(line));
      label = "";
    }
    shown_.push_back(&finding);
  }

  void hypothesis(const diagnosis::Hypothesis& hypothesis, std::size_t number, std::size_t count) {
    const std::string rank = count > 1 ? fmt::format("{}. ", number) : "";
    field(number == 1 ? "may be:" : "", rank + redaction_.show(hypothesis.cause), rank.size());
    if (hypothesis.check.empty()) return;
    page_ += std::string(kTextIndent + rank.size(), ' ');
    page_ += painted(kDim, "to tell:") + ' ' + redaction_.show(hypothesis.check) + '\n';
  }

  void list(std::string_view label, std::span<const Text> lines) {
    for (const Text& line : lines) {
      if (line.empty()) continue;
      field(label, redaction_.show(line), 2);
      label = "";
    }
  }

  /// @param hang  how much further in the lines behind the first are.
  void field(std::string_view label, std::string_view text, std::size_t hang = 0) {
    unfolded(label, folded(text, kTextIndent + hang, hang));
  }

  void unfolded(std::string_view label, std::string_view text) {
    page_ += std::string(kFieldIndent, ' ') + painted(label == kFix ? kBold : kDim, label);
    page_ += std::string(kTextIndent - kFieldIndent - label.size(), ' ');
    page_ += fmt::format("{}\n", text);
  }

  void figures() {
    const bool any_samples = std::ranges::any_of(
        report_.distributions, [](const auto& figures) { return !figures.samples.empty(); });
    if (!any_samples && (!style_.verbose || report_.measurements.empty())) return;
    heading("figures");
    if (style_.verbose) {
      for (const diagnosis::Measurement& measurement : report_.measurements)
        if (std::isfinite(measurement.value))
          page_ += fmt::format("  {}{}: {}\n", title_of(measurement.name),
                               labels(measurement.labels), plain_value(measurement));
    }
    for (const diagnosis::Distribution& distribution : report_.distributions) show(distribution);
  }

  void show(const diagnosis::Distribution& distribution) {
    const auto told = diagnosis::statistics(distribution.samples);
    if (!told) return;
    std::string line =
        fmt::format("{}{}: ", title_of(distribution.name), labels(distribution.labels));
    line += plain_statistics(*told);
    if (const auto jitter = diagnosis::jitter(distribution.samples))
      line += ", jitter " + diagnosis::format_duration(*jitter);
    page_ += "  " + folded(line, kCheckIndent, 2) + '\n';
    if (style_.verbose && told->count > 1) page_ += histogram_lines(distribution.samples);
  }

  void sent() {
    if (!style_.verbose || report_.sent.empty()) return;
    heading("sent by this run");
    for (const diagnosis::Sent& one : report_.sent)
      page_ += "  " + folded(redaction_.show(one.line), kCheckIndent, 2) + '\n';
  }

  /// Each command has a line of its own, which is not folded: it is to be copied.
  void further() {
    if (report_.further.empty()) return;
    heading("not part of this run");
    for (const diagnosis::Further& one : report_.further) {
      page_ += fmt::format("  {}:\n", redaction_.show(one.about));
      page_ += std::string(kFieldIndent, ' ') + redaction_.show(one.command) + '\n';
    }
  }

  void heading(std::string_view words) { page_ += fmt::format("\n{}\n", painted(kBold, words)); }

  std::string labels(std::span<const diagnosis::Label> all) {
    std::string shown;
    for (const diagnosis::Label& label : all) {
      shown += shown.empty() ? " (" : ", ";
      const std::string_view words = words_of(label);
      shown += words.empty() ? fmt::format("{} {}", label.name, redaction_.show(label.value))
                             : std::string(words);
    }
    return shown.empty() ? shown : shown + ")";
  }

  [[nodiscard]] std::string painted(std::string_view colour, std::string_view words) const {
    if (!style_.colour || words.empty()) return std::string(words);
    return fmt::format("{}{}{}", colour, words, kReset);
  }

  /// @param column  where it begins. @param hang  of that, what only the next lines have.
  [[nodiscard]] std::string folded(std::string_view text, std::size_t column,
                                   std::size_t hang = 0) const {
    return fold(text, {.width = style_.width, .first = column - hang, .rest = column});
  }

  const diagnosis::Report& report_;
  TextStyle style_;
  Redaction redaction_;
  const Check* main_ = nullptr;        ///< what decides, if a finding says why
  std::vector<const Finding*> shown_;  ///< the findings whose fix is on the page
  std::string page_;
};

}  // namespace

std::string histogram_lines(std::span<const Nanoseconds> samples) {
  const std::vector<diagnosis::Bucket> buckets = diagnosis::histogram(samples);
  std::size_t most = 0;
  for (const diagnosis::Bucket& bucket : buckets) most = std::max(most, bucket.count);
  std::string lines;
  for (const diagnosis::Bucket& bucket : buckets) {
    std::size_t length = (bucket.count * kBarWidth + most - 1) / most;
    std::string bar;
    while (length-- > 0) bar += "█";
    if (!bar.empty()) bar += ' ';
    // fmt counts characters, not bytes: µs stays in its column.
    lines += fmt::format("    ≤ {:>8}  {}{}\n", diagnosis::format_duration(bucket.upto), bar,
                         bucket.count);
  }
  return lines;
}

std::string to_text(const diagnosis::Report& report, const TextStyle& style) {
  return Page(report, style).write();
}

std::string to_line(const diagnosis::Report& report, const TextStyle& style) {
  return Page(report, style).write_line();
}

}  // namespace wgscope::render
