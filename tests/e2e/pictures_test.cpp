// The committed pictures of dashboards. script/pictures draws them, and is not run here: it needs Chromium and half a gigabyte of npm
// packages. What is tested is that they are of the dashboards as they are now.

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "files.hpp"
#include "paths.hpp"
#include "process.hpp"

namespace wgscope::test {
namespace {

using testing::ContainerEq;
using testing::HasSubstr;
using testing::StartsWith;

constexpr std::uintmax_t kMaxBytes = 250'000;  // they are in every clone for ever

std::filesystem::path folder() { return source_dir() / "docs/pictures"; }

std::set<std::string> names_in(const std::filesystem::path& folder, const std::string& extension) {
  std::set<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(folder))
    if (entry.path().extension() == extension) names.insert(entry.path().filename());
  return names;
}

nlohmann::json list() {
  return nlohmann::json::parse(read_file(source_dir() / "dashboards/pictures/pictures.json"));
}

/// Of a line of sha256sum(1), what stands behind the sum.
std::set<std::string> names_with_sums() {
  std::set<std::string> names;
  std::istringstream lines(read_file(folder() / "drawn-from"));
  for (std::string sum, name; lines >> sum >> name;) names.insert(name);
  return names;
}

TEST(PicturesTest, AreOfTheDashboardsAsTheyAre) {
  const std::filesystem::path dashboards = source_dir() / "dashboards";
  EXPECT_THAT(names_with_sums(), ContainerEq(names_in(dashboards, ".json")));
  // Descriptions are not drawn.
  const std::string check = R"(cd "$0" && while read -r sum name; do
    [[ $(sed '/^ *"description": /d' "$name" | sha256sum) == "$sum "* ]] || echo "$name"
  done <"$1")";
  const Finished checked = run({"bash", "-c", check, dashboards, folder() / "drawn-from"});
  EXPECT_EQ(checked.out + checked.err, "")
      << "Draw them again: script/pictures, or script/pictures --draw";
}

TEST(PicturesTest, ShowEveryDashboard) {
  std::set<std::string> shown;
  for (const auto& picture : list()) shown.insert(picture.at("dashboard"));
  EXPECT_THAT(shown, ContainerEq(names_in(source_dir() / "dashboards", ".json")));
}

TEST(PicturesTest, AreLightAndDarkAndSmallAndExplained) {
  const std::string readme = read_file(folder() / "README.md");
  std::set<std::string> expected;
  for (const auto& picture : list())
    for (const char* theme : {"-light.png", "-dark.png"})
      expected.insert(picture.at("name").get<std::string>() + theme);
  EXPECT_THAT(names_in(folder(), ".png"), ContainerEq(expected));
  for (const std::string& name : expected) {
    SCOPED_TRACE(name);
    EXPECT_THAT(readme, HasSubstr(name));
    EXPECT_THAT(read_file(folder() / name), StartsWith("\x89PNG\r\n"));
    EXPECT_LE(std::filesystem::file_size(folder() / name), kMaxBytes);
  }
}

}  // namespace
}  // namespace wgscope::test
