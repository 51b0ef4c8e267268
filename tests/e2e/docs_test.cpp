// The commands of the documentation, run as a reader would run them. A block is run when the line
// above it says so:
//
//   <!-- test -->
//   ```sh
//   wgscope-exporter --once | grep wireguard_
//   ```
//
// Each is a script of its own: `bash -e` in the repository's root, with the program just
// built on PATH.

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "files.hpp"
#include "need.hpp"
#include "paths.hpp"
#include "process.hpp"
#include "temp_dir.hpp"

namespace wgscope::test {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::Field;
using testing::IsEmpty;

struct Block {
  std::string place;  ///< "README.md:12"
  std::string script;
};

/// The blocks of a document that are to be run. A mark without such a block below it throws: it
/// would test nothing.
std::vector<Block> blocks_of(const std::string& name, const std::string& document) {
  std::vector<Block> blocks;
  std::istringstream lines(document);
  std::size_t number = 0;
  bool marked = false;
  bool inside = false;
  for (std::string line; std::getline(lines, line);) {
    ++number;
    if (inside && line != "```") {
      blocks.back().script += line + "\n";
      continue;
    }
    if (marked && line != "```sh")
      throw std::runtime_error(
          fmt::format("{}:{}: no ```sh block below <!-- test -->", name, number));
    inside = marked;
    marked = !inside && line == "<!-- test -->";
    if (inside) blocks.push_back({fmt::format("{}:{}", name, number), ""});
  }
  if (marked || inside) throw std::runtime_error(name + ": its last block has no end");
  return blocks;
}

Finished run_block(const Block& block) {
  const char* path = std::getenv("PATH");
  return run({"bash", "-e", "-c", "cd " + source_dir().string() + "\n" + block.script},
             {.env = {fmt::format("PATH={0}/exporter:{0}/probe:{1}", binary_dir().string(),
                                  path != nullptr ? path : "/usr/bin:/bin")},
              .netns = {},
              .input = {}},
             240s);  // a block may build the exporter
}

std::vector<std::filesystem::path> documents() {
  const std::filesystem::path root = source_dir();
  std::vector<std::filesystem::path> files{root / "README.md"};
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(root / "docs", ignored))
    if (entry.path().extension() == ".md") files.push_back(entry.path());
  std::ranges::sort(files);
  return files;
}

TEST(DocsTest, EveryCommandMarkedForItWorks) {
  WGSCOPE_NEED(std::filesystem::exists(source_dir() / "README.md") ? std::optional<std::string>()
                                                                   : "there is no README.md yet");
  std::size_t count = 0;
  for (const std::filesystem::path& file : documents()) {
    for (const Block& block : blocks_of(file.filename(), read_file(file))) {
      const Finished finished = run_block(block);
      EXPECT_EQ(finished.exit_code, 0) << block.place << ":\n"
                                       << block.script << "said:\n"
                                       << finished.out << finished.err;
      ++count;
    }
  }
  EXPECT_GT(count, 0U) << "README.md and docs/*.md mark no command with <!-- test -->";
}

TEST(DocsTest, FindsTheBlocksThatAreMarked) {
  const std::string document =
      "# Title\n```sh\nnot this\n```\n<!-- test -->\n```sh\necho one\n\n<!-- test -->\n```\n"
      "text\n<!-- test -->\n```sh\nfalse\n```\n";
  const auto blocks = blocks_of("x.md", document);
  ASSERT_THAT(blocks, ElementsAre(Field(&Block::place, "x.md:6"), Field(&Block::place, "x.md:13")));
  EXPECT_EQ(blocks[0].script, "echo one\n\n<!-- test -->\n");
  EXPECT_EQ(run_block(blocks[0]).out, "one\n");
  EXPECT_EQ(run_block(blocks[1]).exit_code, 1);
}

TEST(DocsTest, AMarkWithoutABlockIsAMistake) {
  EXPECT_THROW(blocks_of("x.md", "<!-- test -->\n\n```sh\necho\n```\n"), std::runtime_error);
  EXPECT_THROW(blocks_of("x.md", "<!-- test -->\n```\necho\n```\n"), std::runtime_error);
  EXPECT_THROW(blocks_of("x.md", "<!-- test -->\n```sh\necho\n"), std::runtime_error);
  EXPECT_THROW(blocks_of("x.md", "<!-- test -->\n"), std::runtime_error);
  EXPECT_THAT(blocks_of("x.md", ""), IsEmpty());
}

TEST(DocsTest, TheProgramJustBuiltIsTheOneRun) {
  EXPECT_EQ(run_block({"", "command -v wgscope-exporter\n"}).out,
            (binary_dir() / "exporter/wgscope-exporter").string() + "\n");
  EXPECT_NE(run_block({"", "wgscope-exporter --no-such-flag\n echo reached\n"}).exit_code, 0);
}

}  // namespace
}  // namespace wgscope::test
