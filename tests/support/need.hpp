#pragma once

#include <cstdlib>
#include <string_view>

#include <gtest/gtest.h>

namespace wgscope::test {

/// Whether this is a run in which nothing may be skipped (script/test, .ci/run).
inline bool skipping_is_failing() {
  const char* ci = std::getenv("CI");
  return ci != nullptr && std::string_view(ci) != "" && std::string_view(ci) != "false";
}

}  // namespace wgscope::test

/// Ends a test that lacks what it needs, a std::optional<std::string>: as skipped, in CI as failed.
#define WGSCOPE_NEED(missing)                                                 \
  do {                                                                        \
    if (const auto wgscope_missing = (missing)) {                             \
      if (::wgscope::test::skipping_is_failing()) FAIL() << *wgscope_missing; \
      GTEST_SKIP() << *wgscope_missing;                                       \
    }                                                                         \
  } while (false)
