#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "clock.hpp"

namespace wgscope::simulator {

/// One series in the notation of promtool's rule tests, a slot after the other: numbers, `_` for no
/// sample, `stale` for the marker that Prometheus writes when a series is no longer scraped.
class Series {
 public:
  void sample(std::int64_t slot, double value);
  void stale(std::int64_t slot);
  [[nodiscard]] bool present() const { return present_; }
  [[nodiscard]] std::int64_t last_slot() const { return next_ - 1; }
  [[nodiscard]] const std::string& values() const { return text_; }

 private:
  void skip_to(std::int64_t slot);

  std::string text_;
  std::int64_t next_ = 0;
  bool present_ = false;
};

/// All series of one target.
class Target {
 public:
  explicit Target(std::string instance) : instance_(std::move(instance)) {}

  /// `labels` as between braces and without job and instance, such as `interface="wg0"`.
  Series& series(std::string_view name, std::string_view labels = {});
  /// Marks what the scrape of that slot did not have.
  void end_scrape(std::int64_t slot);

  [[nodiscard]] const std::map<std::string, Series>& all() const { return series_; }

 private:
  std::string instance_;
  std::map<std::string, Series> series_;
};

}  // namespace wgscope::simulator
