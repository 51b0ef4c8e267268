#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "wgscope/os/clock.hpp"

#include "exporter/collectors/collectors.hpp"
#include "exporter/exposition/output.hpp"
#include "exporter/exposition/writer.hpp"
#include "exporter/metrics.hpp"
#include "files.hpp"
#include "metrics.hpp"
#include "paths.hpp"
#include "sample_collection.hpp"

namespace wgscope::exporter {
namespace {

using ::testing::Contains;
using ::testing::IsEmpty;
using ::testing::IsSupersetOf;
using ::testing::Not;

const MetricDesc* find(std::string_view name) {
  const auto found = std::find_if(all_metrics().begin(), all_metrics().end(),
                                  [&](const MetricDesc& m) { return m.name == name; });
  return found == all_metrics().end() ? nullptr : &*found;
}

std::vector<std::string> labels_of(const MetricDesc& metric) {
  std::vector<std::string> labels;
  for (std::string_view rest = metric.labels; !rest.empty();) {
    const std::size_t size = std::min(rest.find(", "), rest.size());
    labels.emplace_back(rest.substr(0, size));
    rest.remove_prefix(std::min(size + 2, rest.size()));
  }
  return labels;
}

bool is_process(std::string_view name) { return name.starts_with("process_"); }

/// The HTTP server's own come from a registry, with the answers that were given.
bool is_http(std::string_view name) {
  return name.starts_with("wireguard_exporter_http_") ||
         name.starts_with("wireguard_exporter_connections") ||
         name == "wireguard_exporter_web_config_last_reload_success" ||
         name == "wireguard_exporter_scrapes_in_flight";
}

struct Promise {
  std::string_view name;
  MetricType type;
  std::vector<std::string> labels;
};

using enum MetricType;

/// What alerts, dashboards and users build on. Rows may be added; to change one breaks theirs.
const std::vector<Promise> kContract{
    {"wireguard_exporter_build_info", info, {"version", "revision", "compiler"}},
    {"wireguard_exporter_collector_success", gauge, {"collector"}},
    {"wireguard_exporter_collector_duration_seconds", gauge, {"collector"}},
    {"wireguard_exporter_interface_failures", gauge, {"interface", "reason"}},
    {"wireguard_exporter_scrapes_in_flight", gauge, {}},
    {"wireguard_exporter_http_requests_total", counter, {"code", "path"}},
    {"wireguard_exporter_http_request_duration_seconds", histogram, {}},
    {"wireguard_exporter_connections", gauge, {}},
    {"wireguard_exporter_connections_refused_total", counter, {"reason"}},
    {"wireguard_exporter_web_config_last_reload_success", gauge, {}},
    {"wireguard_exporter_clock_steps_total", counter, {}},
    {"wireguard_exporter_state_success", gauge, {}},
    {"wireguard_exporter_journal_success", gauge, {}},
    {"wireguard_exporter_journal_events_total", counter, {}},
    {"wireguard_exporter_journal_dropped_events_total", counter, {}},
    {"process_cpu_seconds_total", counter, {}},
    {"process_resident_memory_bytes", gauge, {}},
    {"process_open_fds", gauge, {}},
    {"process_start_time_seconds", gauge, {}},

    {"wireguard_interface_info",
     info,
     {"interface", "netns", "public_key", "listen_port", "fwmark", "implementation", "ifindex"}},
    {"wireguard_interface_up", gauge, {"interface", "netns"}},
    {"wireguard_interface_mtu_bytes", gauge, {"interface", "netns"}},
    {"wireguard_interface_created_timestamp_seconds", gauge, {"interface", "netns"}},
    {"wireguard_interface_peers", gauge, {"interface", "netns"}},
    {"wireguard_interface_peers_aggregated", gauge, {"interface", "netns"}},
    {"wireguard_interface_peers_by_state", gauge, {"interface", "netns", "state"}},
    {"wireguard_interface_receive_bytes_total", counter, {"interface", "netns"}},
    {"wireguard_interface_transmit_bytes_total", counter, {"interface", "netns"}},
    {"wireguard_interface_receive_packets_total", counter, {"interface", "netns"}},
    {"wireguard_interface_transmit_packets_total", counter, {"interface", "netns"}},
    {"wireguard_interface_receive_errors_total", counter, {"interface", "netns"}},
    {"wireguard_interface_transmit_errors_total", counter, {"interface", "netns"}},
    {"wireguard_interface_receive_dropped_total", counter, {"interface", "netns"}},
    {"wireguard_interface_transmit_dropped_total", counter, {"interface", "netns"}},
    {"wireguard_interface_receive_frame_errors_total", counter, {"interface", "netns"}},
    {"wireguard_interface_receive_length_errors_total", counter, {"interface", "netns"}},
    {"wireguard_interface_socket_receive_drops_total", counter, {"interface", "netns"}},

    {"wireguard_peer_info",
     info,
     {"interface", "netns", "public_key", "name", "preshared_key", "protocol_version", "endpoint"}},
    {"wireguard_peer_last_handshake_timestamp_seconds",
     gauge,
     {"interface", "netns", "public_key"}},
    {"wireguard_peer_handshake_age_seconds", gauge, {"interface", "netns", "public_key"}},
    {"wireguard_peer_session_live", gauge, {"interface", "netns", "public_key"}},
    {"wireguard_peer_receive_bytes_total", counter, {"interface", "netns", "public_key"}},
    {"wireguard_peer_transmit_bytes_total", counter, {"interface", "netns", "public_key"}},
    {"wireguard_peer_persistent_keepalive_seconds", gauge, {"interface", "netns", "public_key"}},
    {"wireguard_peer_allowed_ips", gauge, {"interface", "netns", "public_key"}},
    {"wireguard_peer_allowed_ip_info",
     info,
     {"interface", "netns", "public_key", "allowed_ip", "family"}},
    {"wireguard_peer_first_seen_timestamp_seconds", gauge, {"interface", "netns", "public_key"}},
    {"wireguard_peer_handshakes_total", counter, {"interface", "netns", "public_key"}},
    {"wireguard_peer_endpoint_changes_total", counter, {"interface", "netns", "public_key"}},
    {"wireguard_peer_endpoint_alternations_total", counter, {"interface", "netns", "public_key"}},

    {"wireguard_peer_expected_online", gauge, {"interface", "netns", "public_key"}},
    {"wireguard_peer_declared", gauge, {"interface", "netns", "public_key", "name"}},
    {"wireguard_peer_undeclared", gauge, {"interface", "netns", "public_key"}},
    {"wireguard_peer_drift", gauge, {"interface", "netns", "public_key", "field"}},
    {"wireguard_peer_allowed_ips_conflict", gauge, {"interface", "netns", "public_key"}},
    {"wireguard_peer_allowed_ips_too_broad", gauge, {"interface", "netns", "public_key"}},
    {"wireguard_peer_key_created_timestamp_seconds", gauge, {"interface", "netns", "public_key"}},
    {"wireguard_peer_key_rotation_due_timestamp_seconds",
     gauge,
     {"interface", "netns", "public_key"}},
    {"wireguard_interface_declared", gauge, {"interface", "netns"}},
    {"wireguard_interface_undeclared", gauge, {"interface", "netns"}},
    {"wireguard_inventory_last_reload_success", gauge, {}},
    {"wireguard_inventory_last_reload_timestamp_seconds", gauge, {}},
    {"wireguard_findings", gauge, {"id", "severity", "interface"}},
    {"wireguard_inventory_name_resolution_age_seconds", gauge, {}},
};

TEST(MetricTable, KeepsWhatWasPromised) {
  for (const Promise& promise : kContract) {
    const MetricDesc* metric = find(promise.name);
    ASSERT_NE(metric, nullptr) << promise.name;
    EXPECT_EQ(metric->type, promise.type) << promise.name;
    EXPECT_THAT(labels_of(*metric), IsSupersetOf(promise.labels)) << promise.name;
  }
}

TEST(MetricTable, NamesMetricsAsPrometheusWants) {
  std::set<std::string_view> names;
  for (const MetricDesc& metric : all_metrics()) {
    EXPECT_TRUE(names.insert(metric.name).second) << metric.name << " stands twice";
    EXPECT_EQ(metric.type == counter, metric.name.ends_with("_total")) << metric.name;
    EXPECT_EQ(metric.type == info, metric.name.ends_with("_info")) << metric.name;
    std::string_view family = metric.name;
    if (metric.type == counter) family.remove_suffix(std::string_view("_total").size());
    if (!metric.unit.empty()) {
      EXPECT_TRUE(family.ends_with("_" + std::string(metric.unit))) << metric.name;
    }
    for (const char* unit : {"seconds", "bytes"})
      if (family.ends_with(std::string("_") + unit)) {
        EXPECT_EQ(metric.unit, unit) << metric.name;
      }
    EXPECT_TRUE(metric.help.ends_with('.')) << metric.name;
    EXPECT_FALSE(metric.source.empty()) << metric.name;
  }
}

/// Samples of every recorded exposition in the text format.
std::vector<test::Sample> recorded_samples() {
  std::vector<test::Sample> all;
  for (const auto& file :
       std::filesystem::directory_iterator(test::source_dir() / "tests/golden")) {
    const auto samples = test::Metrics::parse(test::read_file(file.path())).samples();
    all.insert(all.end(), samples.begin(), samples.end());
  }
  return all;
}

TEST(MetricTable, HasEveryMetricThatIsWritten) {
  const auto samples = recorded_samples();
  EXPECT_THAT(samples, Not(IsEmpty()));
  for (const test::Sample& sample : samples) EXPECT_NE(find(sample.name), nullptr) << sample.name;
}

TEST(MetricTable, HasNoMetricThatIsNotWritten) {
  std::set<std::string> written;
  for (const test::Sample& sample : recorded_samples()) written.insert(sample.name);
  for (const MetricDesc& metric : all_metrics())
    if (!is_process(metric.name) && !is_http(metric.name)) {
      EXPECT_THAT(written, Contains(metric.name));
    }
}

TEST(MetricTable, HasTheLabelsThatAreWritten) {
  std::map<std::string, std::set<std::string>> written;
  for (const test::Sample& sample : recorded_samples())
    for (const auto& [label, value] : sample.labels) written[sample.name].insert(label);
  for (auto& [name, labels] : written) {
    const MetricDesc* metric = find(name);
    ASSERT_NE(metric, nullptr) << name;
    const auto documented = labels_of(*metric);
    if (name.starts_with("wireguard_peer_")) {
      if (std::ranges::find(documented, "name") == documented.end())
        labels.erase("name");  // --peer-label=name
      labels.erase("team");    // --peer-label=team
      labels.erase("site");    // declared, on the info
    }
    // Absent for userspace implementations, and the sample has the kernel's WireGuard only in the
    // exporter's own namespace, which has no name.
    if (name == "wireguard_interface_receive_frame_errors_total" ||
        name == "wireguard_interface_receive_length_errors_total")
      labels.insert("netns");
    EXPECT_THAT(documented, ::testing::UnorderedElementsAreArray(labels)) << name;
  }
}

TEST(MetricTable, IsTheOrderOfTheExposition) {
  std::vector<std::string> written;
  Collection collection = declared_sample_collection();
  collection.peers_limited = true;
  const auto metrics =
      test::Metrics::parse(render(collection, {.allowed_ip_info = true}, Format::text));
  for (const test::Sample& sample : metrics.samples())
    if (written.empty() || written.back() != sample.name) written.push_back(sample.name);
  std::vector<std::string> table;
  for (const MetricDesc& metric : all_metrics())
    if (!is_process(metric.name) && !is_http(metric.name)) table.emplace_back(metric.name);
  EXPECT_EQ(written, table);
}

TEST(ProcessMetrics, AreThoseOfTheTableWithLikelyValues) {
  StringSink sink;
  Output output(sink);
  Writer writer(Format::text, output);
  write_process(writer);
  writer.finish();
  const auto metrics = test::Metrics::parse(sink.text);
  for (const MetricDesc& metric : all_metrics())
    if (is_process(metric.name)) {
      EXPECT_TRUE(metrics.value(metric.name)) << metric.name;
    }
  EXPECT_GT(metrics.value("process_resident_memory_bytes"), 100'000);
  EXPECT_GE(metrics.value("process_virtual_memory_bytes"),
            metrics.value("process_resident_memory_bytes"));
  EXPECT_GE(metrics.value("process_open_fds"), 3);
  EXPECT_GE(metrics.value("process_max_fds"), metrics.value("process_open_fds"));
  const auto now = std::chrono::duration<double>(os::now().wall.since_epoch).count();
  EXPECT_LE(metrics.value("process_start_time_seconds"), now);
  EXPECT_GE(metrics.value("process_start_time_seconds"), now - 3600)
      << "this test has not run for an hour";
}

}  // namespace
}  // namespace wgscope::exporter
