// The commands of the documentation, run as a reader would run them. A block is run when the line
// above it says so:
//
//   <!-- test -->
//   ```sh
//   wgscope-exporter --once | grep wireguard_
//   ```
//
// Each is a script of its own: `bash -e` in the repository's root, with the program just
// built on PATH. Where `<!-- prints -->` and a block stand right below it, that is what it prints, but for
// figures and keys. With WGSCOPE_UPDATE_GOLDEN=1 in the environment such blocks are made anew.

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "files.hpp"
#include "masked.hpp"
#include "need.hpp"
#include "paths.hpp"
#include "process.hpp"
#include "prometheus.hpp"
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
  /// What it prints, and where that stands in the document; nothing: anything.
  std::optional<std::string> prints{};
  std::size_t prints_at = 0;
};

constexpr std::string_view kPrints = "<!-- prints -->\n```\n";

/// Takes the block below a script that says what it prints.
void take_prints(const std::string& document, std::size_t behind_script, Block& block) {
  if (document.compare(behind_script, kPrints.size(), kPrints) != 0) return;
  block.prints_at = behind_script + kPrints.size();
  const std::size_t end = document.find("```\n", block.prints_at);
  if (end == std::string::npos)
    throw std::runtime_error(block.place + ": <!-- prints --> has no end");
  block.prints = document.substr(block.prints_at, end - block.prints_at);
}

/// The blocks of a document that are to be run. A mark without such a block below it throws: it
/// would test nothing.
std::vector<Block> blocks_of(const std::string& name, const std::string& document) {
  std::vector<Block> blocks;
  std::istringstream lines(document);
  std::size_t number = 0;
  std::size_t behind = 0;
  bool marked = false;
  bool inside = false;
  for (std::string line; std::getline(lines, line);) {
    ++number;
    behind += line.size() + 1;
    if (inside && line == "```") take_prints(document, behind, blocks.back());
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
  const auto prometheus = find_prometheus_program("prometheus");
  return run(
      {"bash", "-e", "-c", "cd " + source_dir().string() + "\n" + block.script},
      {.env = {fmt::format(
           "PATH={0}/exporter:{0}/probe:{1}{2}", binary_dir().string(),
           path != nullptr ? path : "/usr/bin:/bin",
           prometheus ? ":" + std::filesystem::path(*prometheus).parent_path().string() : "")},
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
  WGSCOPE_NEED(why_no_prometheus());
  std::size_t count = 0;
  const bool update = std::getenv("WGSCOPE_UPDATE_GOLDEN") != nullptr;
  for (const std::filesystem::path& file : documents()) {
    std::string document = read_file(file);
    const std::vector<Block> blocks = blocks_of(file.filename(), document);
    // From the last one on, so that the places of the others stay.
    for (auto block = blocks.rbegin(); block != blocks.rend(); ++block) {
      const Finished finished = run_block(*block);
      EXPECT_EQ(finished.exit_code, 0) << block->place << ":\n"
                                       << block->script << "said:\n"
                                       << finished.out << finished.err;
      ++count;
      if (!block->prints) continue;
      if (update)
        document.replace(block->prints_at, block->prints->size(), finished.out);
      else
        EXPECT_EQ(masked(finished.out), masked(*block->prints)) << block->place << finished.err;
    }
    if (update) write_file(file, document);
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

TEST(DocsTest, FindsWhatABlockPrints) {
  const std::string document =
      "<!-- test -->\n```sh\necho 1 a\n```\n<!-- prints -->\n```\n2 a\n```\n"
      "<!-- test -->\n```sh\necho\n```\n\n<!-- prints -->\n```\nnot right below\n```\n";
  const auto blocks = blocks_of("x.md", document);
  ASSERT_EQ(blocks.size(), 2U);
  EXPECT_EQ(blocks[0].script, "echo 1 a\n");
  EXPECT_EQ(blocks[0].prints, "2 a\n");
  EXPECT_EQ(document.substr(blocks[0].prints_at, 3), "2 a");
  EXPECT_EQ(blocks[1].prints, std::nullopt);
  EXPECT_THROW(blocks_of("x.md", "<!-- test -->\n```sh\ntrue\n```\n<!-- prints -->\n```\n"),
               std::runtime_error);
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
