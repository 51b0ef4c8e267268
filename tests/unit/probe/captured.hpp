#pragma once

#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "probe/program.hpp"
#include "probe/verbs.hpp"

namespace wgscope::probe {

/// What a run of the program printed, and what it ended with.
struct Ended {
  Exit exit;
  std::string out;
  std::string err;
};

/// Runs the program in this process. @param arguments  the verb first.
inline Ended run_captured(std::vector<std::string> arguments) {
  testing::internal::CaptureStdout();
  testing::internal::CaptureStderr();
  const Exit exit = run_program(std::move(arguments));
  return {exit, testing::internal::GetCapturedStdout(), testing::internal::GetCapturedStderr()};
}

}  // namespace wgscope::probe
