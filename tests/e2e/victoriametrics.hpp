#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "process.hpp"
#include "remote_write.hpp"
#include "temp_dir.hpp"

namespace wgscope::test {

/// For WGSCOPE_NEED.
std::optional<std::string> why_no_victoriametrics();

/// A real VictoriaMetrics, of one node. What is younger than a second it does not show yet.
class VictoriaMetrics {
 public:
  /// Returns once it answers; throws with its log when it does not.
  VictoriaMetrics();

  [[nodiscard]] std::string url() const;  ///< without a path
  /// Stores these, where queries see them.
  void write(std::span<const TimeSeries> series) const;
  /// `result` of an instant query as vmalert asks, at that Unix time or now.
  [[nodiscard]] nlohmann::json query(const std::string& expression,
                                     std::optional<std::int64_t> time = {}) const;

 private:
  TempDir folder_;
  std::uint16_t port_;
  Process process_;
};

/// A real vmalert that evaluates the rules of a file on what a VictoriaMetrics has, and stores there
/// what it records, with the flags that docs/scale-out.md gives.
class Vmalert {
 public:
  Vmalert(const VictoriaMetrics& store, const std::string& rules);

  /// The alerts that it knows, pending or firing: with `name`, `state`, `labels`, `annotations`.
  [[nodiscard]] nlohmann::json alerts() const;

 private:
  std::uint16_t port_;
  Process process_;
};

}  // namespace wgscope::test
