#include <string>
#include <string_view>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "wgscope/diagnosis/probe_metrics.hpp"

#include "exporter/metrics.hpp"
#include "golden.hpp"

namespace wgscope::exporter {
namespace {

std::string_view type_name(MetricType type) {
  switch (type) {
    case MetricType::gauge: return "gauge";
    case MetricType::counter: return "counter";
    case MetricType::info: return "info";
    case MetricType::histogram: return "histogram";
  }
  return "";
}

/// Text between the bars of a Markdown table.
std::string cell(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    if (c == '|' || c == '<' || c == '*') escaped += '\\';
    escaped += c;
  }
  return escaped;
}

std::string labels_cell(std::string_view labels) {
  std::string text;
  for (const char c : labels)
    text += c == ',' ? std::string("`,") : c == ' ' ? std::string(" `") : std::string(1, c);
  return text.empty() ? "" : "`" + text + "`";
}

std::string table_of(std::string_view title, std::string_view prefix) {
  std::string text = fmt::format(
      "\n## {}\n\n| name | type | unit | labels | meaning | source |\n|---|---|---|---|---|---|\n",
      title);
  for (const MetricDesc& metric : all_metrics())
    if (metric.name.starts_with(prefix))
      text += fmt::format("| `{}` | {} | {} | {} | {} | {} |\n", metric.name,
                          type_name(metric.type), metric.unit, labels_cell(metric.labels),
                          cell(metric.help), cell(metric.source));
  return text;
}

std::string probe_table() {
  std::string text = R"(
## Probe results

`wgscope VERB --prometheus FILE` writes these metrics. Each has the labels `verb` and `gateway`, because node_exporter's textfile collector treats all files of a directory as one, in which no series may
occur twice. The table is in lib/diagnosis/probe_metrics.cpp.

| name | type | unit | labels | meaning |
|---|---|---|---|---|
)";
  for (const diagnosis::ProbeMetric& metric : diagnosis::probe_metrics())
    text +=
        fmt::format("| `{}` | {} | {} | {} | {} |\n", metric.name,
                    metric.type == diagnosis::ProbeMetricType::histogram ? "histogram" : "gauge",
                    metric.unit, labels_cell(metric.labels), cell(metric.help));
  return text;
}

constexpr std::string_view kEvents = R"(
### Handshakes and changes of endpoints

WireGuard implementations do not count these events. The exporter compares each reading of a peer with the one before. Every scrape is a reading; between scrapes the sampler reads, `--sample.interval` (5s) after the last reading, plus a random delay of up to a fifth of the interval: with a regular rhythm it would miss events that happen in the same rhythm.

- A handshake is counted when the time of the last handshake differs from the one before. A step of the clock does not change that time. Handshakes that follow each other within one interval count as one. BoringTun reports an age instead of a time: there, handshakes within 3 s count as one (not tried with BoringTun itself).
- An endpoint change leads from one known endpoint to another. An alternation is a change back to the endpoint before: A-B-A. A roaming device causes changes; two devices with one key cause alternations as long as both of them send. An endpoint that a peer had for less than an interval may be missed.
- The first reading of a peer counts nothing. The counters start from 0 when the exporter starts, when a peer returns after a reading without it, when a peer's last handshake disappears or its byte counters go back, and when an interface was recreated. `rate()` and `increase()` handle such resets.
- Without a sampler the counters are absent: with `--sample.interval=0`, and with `--once` and `--textfile`, which take a single reading.
- Between two scrapes the sampler reads at most once per interval. A scrape adds at most one reading, and none within `--collect.max-age` of the last one. So scrapes every 15, 30 or 60 s and a sampler at 5 s read every 5 to 6 s together, and with scrapes every 5 s or more often the sampler reads nothing. Scrapes every 7 s add one reading each. No two readings are closer than `--collect.max-age`, even if `--sample.interval` is shorter.

### Verdicts

`wireguard_peer_verdict` and `wireguard_interface_peers_by_verdict` summarise the readings so far: [alerts.md](alerts.md#the-verdict) lists the verdicts and how each is reached.

- The label `name` is part of `wireguard_peer_verdict`, so that an alert on a few peers needs no join with all of them.
- A verdict rests on the readings of this process. After a start, and after a gap of more than 200 s between two readings, there is no suspicion until there is new evidence.
- With `--once` and `--textfile`, which take a single reading, there are no verdicts: the series are absent. So are `wireguard_interface_peer_resets_total` and `wireguard_exporter_clock_steps_total`, which compare readings, and, without `--state.dir`, `wireguard_peer_first_seen_timestamp_seconds` and `wireguard_interface_created_timestamp_seconds`.
- Without a sampler, scrapes are the only readings, and the verdict is never `flapping`.
)";

constexpr std::string_view kAggregated = R"(
### Interfaces with too many peers

With `--peer.max NUMBER` an interface that has more peers than that has no series of single peers, which all begin with `wireguard_peer_`. What is counted for the interface stays: `wireguard_interface_peers`, `…_peers_by_state`, `…_peers_by_verdict`, `wireguard_findings`. `wireguard_interface_peers_aggregated` is then 1, and the log says so once. The series return when the interface has 9 tenths of that number or fewer, not at the number itself: peers that come and go there would end and begin all series over and over. A reading that lacks peers does not end it. The journal and `--state.dir` are about each peer as before. Alerts on single peers are silent about such an interface ([scale.md](scale.md)).
)";

constexpr std::string_view kFindings = R"(
The metrics of what is declared exist only with `--inventory` ([inventory.md](inventory.md#in-the-exporter)). `wireguard_peer_declared` and `wireguard_peer_expected_online` have a series for each declared peer. The others, such as `wireguard_peer_undeclared` and `wireguard_peer_drift`, only have series of value 1, for the few peers for which it is so: an alert on them reads no others.
)";

std::string document() {
  return R"(# Metrics

<!-- Made from exporter/metrics.hpp: run exporter_golden_test with WGSCOPE_UPDATE_GOLDEN=1 after changing it. -->

This page lists every metric of `wgscope-exporter` and, at the end, the metrics that `wgscope` writes about a probe. Names, types and labels do not change; new ones may be added. Units are base units. An unknown value is absent, never 0.

Peers are identified by `interface`, `public_key` and, for interfaces outside the exporter's own network namespace, `netns`: join on these with `job` and
`instance`. Everything that can change is a label of an info metric, whose value is always 1; `wireguard_peer_verdict` is one too, although its name does not say so. A label without a value is absent.
With `--peer-label=name` every peer series has the label `name`, and with `--peer-label=team` the label `team` that the inventory declares. `--peer.endpoint` sets how much of the endpoint is shown.

In OpenMetrics the family of a counter is named without `_total`, and that of an info metric without `_info`. Samples, and therefore queries, have the names below. The text format has
no info metrics; there their type is gauge.
)" + table_of("Peers", "wireguard_peer_") +
         std::string(kEvents) + table_of("Interfaces", "wireguard_interface_") +
         std::string(kAggregated) + table_of("The inventory", "wireguard_inventory_") +
         std::string(kFindings) + table_of("Findings", "wireguard_findings") +
         table_of("The exporter", "wireguard_exporter_") + table_of("Its process", "process_") +
         probe_table();
}

TEST(MetricsDocument, IsMadeFromTheTable) {
  test::expect_as_recorded(document(), "docs/metrics.md");
}

TEST(MetricsDocument, HasEveryMetricOnce) {
  const std::string text = document();
  for (const MetricDesc& metric : all_metrics()) {
    const std::string row = fmt::format("\n| `{}` |", metric.name);
    ASSERT_NE(text.find(row), std::string::npos) << metric.name;
    EXPECT_EQ(text.find(row), text.rfind(row)) << metric.name;
  }
  for (const diagnosis::ProbeMetric& metric : diagnosis::probe_metrics()) {
    const std::string row = fmt::format("\n| `{}` |", metric.name);
    ASSERT_NE(text.find(row), std::string::npos) << metric.name;
    EXPECT_EQ(text.find(row), text.rfind(row)) << metric.name;
    EXPECT_EQ(diagnosis::find_probe_metric(metric.name), &metric) << metric.name;
    EXPECT_TRUE(metric.name.ends_with(metric.unit)) << metric.name;
  }
}

}  // namespace
}  // namespace wgscope::exporter
