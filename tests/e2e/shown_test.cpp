// What the documentation shows of the program's output is what it prints:
//
//   <!-- shown: wgscope handshake --config probe.conf -->
//   ```
//   …
//   ```
//
// Each command is run beside a gateway of `wgscope listen`, and must print the block below it, but
// for figures, keys and the state of the machine's clock. With WGSCOPE_UPDATE_GOLDEN=1 in the
// environment the block is made anew.

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <regex>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "files.hpp"
#include "masked.hpp"
#include "paths.hpp"
#include "process.hpp"
#include "temp_dir.hpp"

namespace wgscope::test {
namespace {

using namespace std::chrono_literals;

constexpr const char* kMark = "<!-- shown: ";
constexpr const char* kMarkEnd = " -->";

struct Shown {
  std::string command;
  std::size_t begin = 0;  ///< of the block's text in the document
  std::string text;
};

std::vector<Shown> shown_in(const std::string& document) {
  std::vector<Shown> all;
  const std::string fence = "```\n";
  for (std::size_t at = document.find(kMark); at != std::string::npos;
       at = document.find(kMark, at + 1)) {
    const std::size_t command = at + std::string(kMark).size();
    const std::size_t command_end = document.find(kMarkEnd, command);
    const std::size_t line_end = document.find('\n', at);
    if (command_end > line_end || document.compare(line_end + 1, fence.size(), fence) != 0)
      throw std::runtime_error("no ``` block below: " + document.substr(at, line_end - at));
    const std::size_t begin = line_end + 1 + fence.size();
    const std::size_t end = document.find("```", begin);
    if (end == std::string::npos) throw std::runtime_error("a block without an end");
    all.push_back({document.substr(command, command_end - command), begin,
                   document.substr(begin, end - begin)});
  }
  return all;
}

/// A gateway, and configurations beside it, as long as this object.
class Tunnels {
 public:
  Tunnels() {
    std::filesystem::permissions(folder_.path(), std::filesystem::perms::owner_all);
    if (!listener_.wait_for_output("stop with Ctrl-C", 10s))
      throw std::runtime_error("wgscope listen does not begin: " + listener_.err());
    const std::string config = read_file(folder_ / "probe.conf");
    const std::string without =
        std::regex_replace(config, std::regex("PresharedKey = [^\n]*\n"), "");
    write("no-preshared-key.conf", without);
  }

  [[nodiscard]] std::string output_of(const std::string& command) const {
    const Finished finished =
        run({"bash", "-c", fmt::format("cd {} && {}", folder_.path().string(), command)},
            {.env = {"XDG_STATE_HOME=" + folder_.path().string(),
                     fmt::format("PATH={}:/usr/bin:/bin", (binary_dir() / "probe").string())},
             .netns = {},
             .input = {}});
    EXPECT_EQ(finished.err, "") << command;
    return finished.out;
  }

 private:
  void write(const char* name, const std::string& content) const {
    write_file(folder_ / name, content);
    std::filesystem::permissions(
        folder_ / name, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
  }

  TempDir folder_;
  Process listener_{{binary_dir() / "probe/wgscope", "listen", "--generate", "--peer-file",
                     folder_ / "probe.conf", "--uapi.dir", folder_.path()}};
};

class ShownTest : public testing::TestWithParam<const char*> {};
INSTANTIATE_TEST_SUITE_P(, ShownTest, testing::Values("README.md", "docs/mtu.md"),
                         [](const auto& test) {
                           return std::filesystem::path(test.param).stem().string();
                         });

TEST_P(ShownTest, WhatADocumentShowsIsWhatIsPrinted) {
  const auto path = source_dir() / GetParam();
  std::string document = read_file(path);
  const auto all = shown_in(document);
  ASSERT_FALSE(all.empty());
  const Tunnels tunnels;
  const bool update = std::getenv("WGSCOPE_UPDATE_GOLDEN") != nullptr;
  for (auto shown = all.rbegin(); shown != all.rend(); ++shown) {
    const std::string output = tunnels.output_of(shown->command);
    if (update)
      document.replace(shown->begin, shown->text.size(), output);
    else
      EXPECT_EQ(masked(output), masked(shown->text)) << shown->command;
  }
  if (update) write_file(path, document);
}

TEST(Masked, HidesWhatDiffersAndNothingElse) {
  EXPECT_EQ(masked("answered after 30.2 ms by 10.0.0.1"),
            masked("answered after 182 µs by 10.9.9.9"));
  EXPECT_NE(masked("answered after 3 tries"), masked("answered after 3 ms"));
  EXPECT_NE(masked("nothing listens"), masked("nobody listens"));
}

}  // namespace
}  // namespace wgscope::test
