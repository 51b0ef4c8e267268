#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "wgscope/base/time.hpp"

// JUnit's XML as Jenkins and GitLab read it. There is no standard; what is written here is what all
// of them know.

namespace wgscope::render {

/// Texts are one_line() (render/redaction.hpp), details aside, which have line breaks of their own.
struct JunitCase {
  enum class Outcome : std::uint8_t { passed, failed, error, skipped };

  std::string classname;
  std::string name;
  Outcome outcome = Outcome::passed;
  std::string type;     ///< of what is not passed: a finding's ID, or its status
  std::string message;  ///< a line
  std::string details;
};

struct JunitSuite {
  std::string name;
  std::optional<WallTime> started;  ///< nothing: times would say nothing, as of files
  Nanoseconds duration{};
  std::vector<JunitCase> cases;
  std::string output;  ///< what the program said at its end
};

std::string to_junit(const JunitSuite& suite);

}  // namespace wgscope::render
