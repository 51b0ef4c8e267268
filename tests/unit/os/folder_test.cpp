#include "wgscope/os/folder.hpp"

#include <array>
#include <cerrno>
#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "wgscope/base/result.hpp"

#include "files.hpp"
#include "temp_dir.hpp"

namespace wgscope::os {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr std::array<std::string_view, 2> kEndings{".yaml", ".json"};

class Folder : public testing::Test {
 protected:
  void write(const std::string& name) {
    const fs::path path = folder_.path() / name;
    fs::create_directories(path.parent_path());
    test::write_file(path, "x");
  }
  /// Paths from the folder on.
  [[nodiscard]] std::vector<std::string> names(
      const Result<std::vector<std::string>>& found) const {
    std::vector<std::string> made;
    EXPECT_TRUE(found) << found.error().context;
    if (found)
      for (const std::string& path : *found)
        made.push_back(fs::path(path).lexically_relative(folder_.path()).string());
    return made;
  }
  [[nodiscard]] std::string root() const { return folder_.path().string(); }

  test::TempDir folder_;
};

TEST_F(Folder, StandsForItsFilesAndThoseBelow) {
  for (const char* name : {"b.yaml", "a.json", "teams/x/c.yaml", "teams/d.yaml", "notes.txt",
                           ".hidden.yaml", ".git/e.yaml", "teams/.f.yaml"})
    write(name);
  EXPECT_THAT(names(files_at(root(), kEndings)),
              ElementsAre("a.json", "b.yaml", "teams/d.yaml", "teams/x/c.yaml"));
  EXPECT_THAT(names(files_in(root(), kEndings)), ElementsAre("a.json", "b.yaml"));
  EXPECT_THAT(names(files_at(root() + "/notes.txt", kEndings)), ElementsAre("notes.txt"));
}

TEST_F(Folder, FollowsLinksToFilesAlone) {
  write("real/a.yaml");
  fs::create_directory_symlink(folder_.path(), folder_.path() / "real/loop");
  fs::create_directory_symlink("real", folder_.path() / "again");
  fs::create_symlink("real/a.yaml", folder_.path() / "link.yaml");
  fs::create_symlink("nowhere", folder_.path() / "dangling.yaml");
  fs::create_directory(folder_.path() / "folder.yaml");
  EXPECT_THAT(names(files_at(root(), kEndings)), ElementsAre("link.yaml", "real/a.yaml"));
}

TEST_F(Folder, SaysWhatCannotBeRead) {
  const auto none = files_at(root() + "/none", kEndings);
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().sys_errno, ENOENT);
  std::string deep;
  for (std::size_t i = 0; i <= kMaxFolderDepth; ++i) deep += "d/";
  write(deep + "a.yaml");
  const auto too_deep = files_at(root(), kEndings);
  ASSERT_FALSE(too_deep);
  EXPECT_EQ(too_deep.error().code, Errc::too_large);
  EXPECT_THAT(too_deep.error().context, HasSubstr("more than 16 directories in one another"));
}

}  // namespace
}  // namespace wgscope::os
