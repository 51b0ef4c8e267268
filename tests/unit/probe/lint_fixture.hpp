#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <sys/stat.h>

#include <gtest/gtest.h>

#include "files.hpp"
#include "temp_dir.hpp"

namespace wgscope::probe {

// Of RFC 7748 §6.1: Alice's keys, and Bob's.
inline constexpr std::string_view kAlice = "dwdtCnMYpX08FsFyUbJmRd9ML4frwJkqsXf7pR25LCo=";
inline constexpr std::string_view kAlicePublic = "hSDwCYkwp1R0i33ctD73Wg2/Og0mOBr066SpjqqbTmo=";
inline constexpr std::string_view kBob = "XasIfmJKikt54X+Lg4AO5m87sSkmGLb9HC+LJ/+I4Os=";
inline constexpr std::string_view kBobPublic = "3p7bfXt9wbTTW2HC7OQ1Nz+DQ8hbeGdNrfx+FG+IK08=";

/// A directory with files that nobody else can read.
class LintTest : public testing::Test {
 protected:
  /// @returns its path.
  std::string write(const std::string& name, const std::string& text) {
    const std::filesystem::path path = std::filesystem::path(folder_.path()) / name;
    std::filesystem::create_directories(path.parent_path());
    test::write_file(path, text);
    chmod(path.c_str(), 0600);
    return path.string();
  }
  [[nodiscard]] std::string at(const std::string& name) const { return folder_ / name; }

  test::TempDir folder_;
};

}  // namespace wgscope::probe
