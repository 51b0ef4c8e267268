#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "wgscope/base/result.hpp"
#include "wgscope/config/inventory_file.hpp"

#include "keys.hpp"

namespace wgscope::config {

/// Puts keys into a text: "<1>" becomes key_text(1), up to 9.
inline std::string with_keys(std::string text) {
  for (std::uint32_t i = 1; i <= 9; ++i) {
    const std::string mark = fmt::format("<{}>", i);
    for (auto at = text.find(mark); at != std::string::npos; at = text.find(mark))
      text.replace(at, mark.size(), key_text(i));
  }
  return text;
}

/// Stands in for a host's time zones.
inline Result<> knows_zone(std::string_view name) {
  if (name == "UTC" || name == "Europe/Berlin") return {};
  return fail(Errc::bad_value, fmt::format("unknown time zone '{}'", name));
}

/// Reads texts as the files a.yaml, b.yaml …
inline InventoryRead read_texts(std::vector<std::string> texts) {
  static std::vector<std::string> kept;  // what InventoryText refers to
  kept = std::move(texts);
  std::vector<InventoryText> files;
  for (std::string& text : kept) {
    text = with_keys(std::move(text));
    files.push_back({fmt::format("{}.yaml", static_cast<char>('a' + files.size())), text});
  }
  return read_inventory(files, knows_zone);
}

/// What is wrong, as a user reads it.
inline std::vector<std::string> problems(const InventoryRead& read) {
  std::vector<std::string> all;
  for (const InventoryProblem& problem : read.problems)
    all.push_back(to_string(problem, read.files));
  return all;
}

/// Of a text that is as it should be.
inline Inventory read_good(std::string text) {
  const InventoryRead read = read_texts({std::move(text)});
  EXPECT_TRUE(read.complete);
  EXPECT_EQ(problems(read), std::vector<std::string>());
  return read.inventory;
}

}  // namespace wgscope::config
