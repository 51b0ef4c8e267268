#pragma once

#include <chrono>
#include <filesystem>
#include <string_view>

#include "files.hpp"

namespace wgscope::exporter {

/// Writes a file whose stamp differs from any before: within one tick of the clock, two writes of
/// one size would not.
inline void write_later(const std::filesystem::path& path, std::string_view content) {
  static int ticks = 0;
  test::write_file(path, content);
  std::filesystem::last_write_time(
      path, std::filesystem::last_write_time(path) + std::chrono::seconds(++ticks));
}

}  // namespace wgscope::exporter
