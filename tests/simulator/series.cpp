#include "series.hpp"

#include <iterator>

#include <fmt/format.h>

namespace wgscope::simulator {

void Series::skip_to(std::int64_t slot) {
  if (!text_.empty()) text_ += ' ';
  if (slot > next_) fmt::format_to(std::back_inserter(text_), "_x{} ", slot - next_);
  next_ = slot + 1;
}

void Series::sample(std::int64_t slot, double value) {
  skip_to(slot);
  fmt::format_to(std::back_inserter(text_), "{}", value);
  present_ = true;
}

void Series::stale(std::int64_t slot) {
  skip_to(slot);
  text_ += "stale";
  present_ = false;
}

Series& Target::series(std::string_view name, std::string_view labels) {
  return series_[fmt::format("{}{{job=\"wireguard\",instance=\"{}\"{}{}}}", name, instance_,
                             labels.empty() ? "" : ",", labels)];
}

void Target::end_scrape(std::int64_t slot) {
  for (auto& [id, series] : series_)
    if (series.present() && series.last_slot() != slot) series.stale(slot);
}

}  // namespace wgscope::simulator
