#pragma once

#include <cstdlib>
#include <filesystem>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "files.hpp"
#include "paths.hpp"

namespace wgscope::test {

/// Compares `made` with a file of the repository. With WGSCOPE_UPDATE_GOLDEN=1 in the environment
/// the file is written instead: look at the difference before it is committed.
inline void expect_as_recorded(std::string_view made, const std::string& path) {
  const std::filesystem::path file = source_dir() / path;
  const char* update = std::getenv("WGSCOPE_UPDATE_GOLDEN");
  if (update != nullptr && std::string_view(update) == "1") return write_file(file, made);
  ASSERT_TRUE(std::filesystem::exists(file))
      << path << " is missing: run this with WGSCOPE_UPDATE_GOLDEN=1";
  EXPECT_EQ(made, read_file(file))
      << path << " differs: if that is meant, run this with WGSCOPE_UPDATE_GOLDEN=1";
}

}  // namespace wgscope::test
