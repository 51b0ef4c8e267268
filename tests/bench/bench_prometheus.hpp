#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "process.hpp"
#include "remote_write.hpp"
#include "temp_dir.hpp"

namespace wgscope::bench {

/// A Prometheus on one processor that scrapes nothing and is filled by remote write.
class BenchPrometheus {
 public:
  BenchPrometheus();

  /// Series with their history. Throws when Prometheus refuses anything.
  void write(std::span<const test::TimeSeries> series) const;
  void load_rules(const std::vector<std::filesystem::path>& rules);
  /// Until every group was evaluated once more.
  void wait_for_evaluations() const;
  [[nodiscard]] nlohmann::json get(const std::string& path) const;
  /// Seconds until the answer was there.
  [[nodiscard]] double time_of(const std::string& query) const;
  [[nodiscard]] double time_of_range(const std::string& query, std::int64_t from, std::int64_t to,
                                     int step) const;
  /// CPU time it has used so far.
  [[nodiscard]] double cpu_seconds() const;
  /// Series and resident memory, in words.
  [[nodiscard]] std::string memory() const;

 private:
  [[nodiscard]] double own_metric(const std::string& name) const;

  test::TempDir folder_;
  std::uint16_t port_;
  std::optional<test::Process> process_;
};

}  // namespace wgscope::bench
