#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <sys/stat.h>
#include <unistd.h>
#include <vector>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "wgscope/config/inventory_file.hpp"

#include "exporter/inventory/files.hpp"
#include "files.hpp"
#include "keys.hpp"
#include "temp_dir.hpp"
#include "write_later.hpp"

namespace wgscope::exporter {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

std::string peer(std::string_view name, std::uint32_t number) {
  return fmt::format("  - {{name: {}, public_key: {}, allowed_ips: [10.0.0.{}/32]}}\n", name,
                     key(number).base64(), number);
}

std::string peers(std::string_view name, std::uint32_t number) {
  return "peers:\n" + peer(name, number);
}

using Names = std::vector<std::string>;

Names names_in(const InventoryFiles::Look& look) {
  if (!look.read) return {"(not read)"};
  Names names;
  for (const config::DeclaredPeer& one : look.read->inventory.peers) names.push_back(one.name);
  return names;
}

const Names kNotRead{"(not read)"};

class InventoryFolder : public ::testing::Test {
 protected:
  [[nodiscard]] std::filesystem::path path(const char* name) const { return dir_ / name; }
  [[nodiscard]] std::string folder() const { return dir_.path().string(); }

  test::TempDir dir_;
};

TEST_F(InventoryFolder, IsReadAtOnceWhenAskedAndAfterwardsOnlyWhenItChanges) {
  test::write_file(path("a.yaml"), peers("anna", 1));
  test::write_file(
      path("b.json"),
      fmt::format(R"({{"peers": [{{"name": "bert", "public_key": "{}"}}]}})", key(2).base64()));
  test::write_file(path("notes.txt"), "no inventory");
  InventoryFiles files({folder()});
  EXPECT_FALSE(files.success()) << "nothing was read yet";
  const auto first = files.look(true);
  EXPECT_THAT(names_in(first), ElementsAre("anna", "bert"));
  EXPECT_TRUE(first.read->complete);
  EXPECT_EQ(first.message, "");
  EXPECT_TRUE(files.success());
  EXPECT_EQ(names_in(files.look(false)), kNotRead);
  EXPECT_EQ(names_in(files.look(false)), kNotRead);
}

TEST_F(InventoryFolder, IsReadAnewWhenTwoLooksInARowFindTheSameChange) {
  test::write_file(path("a.yaml"), peers("anna", 1));
  InventoryFiles files({folder()});
  files.look(true);
  write_later(path("a.yaml"), peers("half", 1));
  EXPECT_EQ(names_in(files.look(false)), kNotRead) << "somebody may still be writing";
  write_later(path("a.yaml"), peers("half", 1) + peer("whole", 2));
  EXPECT_EQ(names_in(files.look(false)), kNotRead);
  EXPECT_THAT(names_in(files.look(false)), ElementsAre("half", "whole"));
  EXPECT_EQ(names_in(files.look(false)), kNotRead);
}

TEST_F(InventoryFolder, IsReadAnewAtOnceWhenSomebodyAsks) {
  test::write_file(path("a.yaml"), peers("anna", 1));
  InventoryFiles files({folder()});
  files.look(true);
  write_later(path("a.yaml"), peers("bert", 1));
  EXPECT_THAT(names_in(files.look(true)), ElementsAre("bert"));
}

TEST_F(InventoryFolder, FollowsFilesThatAreAddedRemovedAndRenamedOver) {
  test::write_file(path("a.yaml"), peers("anna", 1));
  test::write_file(path("b.yaml"), peers("bert", 2));
  InventoryFiles files({folder()});
  files.look(true);
  test::write_file(path("c.yaml"), peers("cleo", 3));
  std::filesystem::remove(path("b.yaml"));
  files.look(false);
  EXPECT_THAT(names_in(files.look(false)), ElementsAre("anna", "cleo"));
  EXPECT_TRUE(files.success()) << "a file that was removed from a directory is no failure";

  const auto written = std::filesystem::last_write_time(path("a.yaml"));
  test::write_file(path("new"), peers("dora", 1));
  std::filesystem::last_write_time(path("new"), written);
  std::filesystem::rename(path("new"), path("a.yaml"));
  files.look(false);
  EXPECT_THAT(names_in(files.look(false)), ElementsAre("dora", "cleo"));
}

TEST_F(InventoryFolder, FollowsALinkThatPointsElsewhereAsKubernetesSwapsVolumes) {
  // Directories with a dot in front, as Kubernetes makes them: others would count.
  for (const char* version : {"v1", "v2"}) {
    const std::filesystem::path hidden = dir_ / (std::string("..") + version);
    std::filesystem::create_directory(hidden);
    test::write_file(hidden / "a.yaml", peers(version, 1));
  }
  std::filesystem::create_symlink("..v1", path("..data"));
  std::filesystem::create_symlink("..data/a.yaml", path("a.yaml"));
  InventoryFiles files({folder()});
  EXPECT_THAT(names_in(files.look(true)), ElementsAre("v1"));
  std::filesystem::create_symlink("..v2", path("..data.new"));
  std::filesystem::rename(path("..data.new"), path("..data"));
  files.look(false);
  EXPECT_THAT(names_in(files.look(false)), ElementsAre("v2"));
}

TEST_F(InventoryFolder, KeepsTheLastGoodStateOfABrokenFileAndTakesTheOthers) {
  test::write_file(path("a.yaml"), peers("anna", 1));
  test::write_file(path("b.yaml"), peers("bert", 2));
  InventoryFiles files({folder()});
  files.look(true);
  write_later(path("a.yaml"), peers("new", 1) + "nonsense: [\n");
  write_later(path("b.yaml"), peers("ben", 2));
  files.look(false);
  const auto look = files.look(false);
  EXPECT_THAT(names_in(look), ElementsAre("anna", "ben"));
  EXPECT_FALSE(look.read->complete) << "the broken file may declare more";
  EXPECT_FALSE(files.success());
  EXPECT_THAT(look.message, AllOf(HasSubstr(path("a.yaml").string() + ":"), HasSubstr("error: "),
                                  HasSubstr("1 of 2 files cannot be used: of it, the exporter "
                                            "keeps what was last read without errors")));

  write_later(path("b.yaml"), peers("bill", 2));
  files.look(false);
  const auto again = files.look(false);
  EXPECT_THAT(names_in(again), ElementsAre("anna", "bill"));
  EXPECT_EQ(again.message, "") << "the same problem is said once";

  write_later(path("a.yaml"), peers("new", 1));
  files.look(false);
  const auto healed = files.look(false);
  EXPECT_THAT(names_in(healed), ElementsAre("new", "bill"));
  EXPECT_TRUE(healed.read->complete);
  EXPECT_TRUE(files.success());
}

TEST_F(InventoryFolder, CountsTheOthersWhereAFileWasNeverGood) {
  test::write_file(path("a.yaml"), "peers: 7\n");
  test::write_file(path("b.yaml"), peers("bert", 2));
  InventoryFiles files({folder()});
  const auto look = files.look(true);
  EXPECT_THAT(names_in(look), ElementsAre("bert"));
  EXPECT_FALSE(look.read->complete);
  EXPECT_FALSE(files.success());
}

TEST_F(InventoryFolder, DeclaresNothingWhereNoFileWasEverGood) {
  test::write_file(path("a.yaml"), "peers: 7\n");
  InventoryFiles files({folder()});
  const auto look = files.look(true);
  EXPECT_EQ(look.read, std::nullopt);
  EXPECT_THAT(look.message, HasSubstr("a.yaml:1:"));
}

TEST_F(InventoryFolder, LosesOnlyTheEntriesOverWhichFilesContradictEachOther) {
  test::write_file(path("a.yaml"), peers("anna", 1));
  test::write_file(path("b.yaml"), peers("anna", 2) + peer("bert", 3));
  InventoryFiles files({folder()});
  const auto look = files.look(true);
  EXPECT_THAT(names_in(look), ElementsAre("anna", "bert"));
  EXPECT_FALSE(look.read->complete);
  EXPECT_FALSE(files.success());
  EXPECT_THAT(look.message, Not(HasSubstr("cannot be used")));
}

TEST_F(InventoryFolder, StaysAsItWasWhenItVanishesOrIsEmptied) {
  const auto sub = path("inventory");
  std::filesystem::create_directory(sub);
  test::write_file(sub / "a.yaml", peers("anna", 1));
  InventoryFiles files({sub.string()});
  files.look(true);
  std::filesystem::rename(sub, path("away"));
  files.look(false);
  const auto gone = files.look(false);
  EXPECT_THAT(names_in(gone), ElementsAre("anna"));
  EXPECT_FALSE(files.success());
  EXPECT_THAT(gone.message, HasSubstr("No such file"));
  std::filesystem::create_directory(sub);
  files.look(false);
  const auto empty = files.look(false);
  EXPECT_THAT(names_in(empty), ElementsAre("anna"));
  EXPECT_THAT(empty.message, HasSubstr("there are no .yaml, .yml or .json files"));
  std::filesystem::remove(sub);
  std::filesystem::rename(path("away"), sub);
  files.look(false);
  EXPECT_THAT(names_in(files.look(false)), ElementsAre("anna"));
  EXPECT_TRUE(files.success());
}

TEST_F(InventoryFolder, IsReadThroughFilesThatWereGivenByThemselvesOnce) {
  test::write_file(path("a.yaml"), peers("anna", 1));
  InventoryFiles files({path("a.yaml").string(), folder()});
  EXPECT_THAT(names_in(files.look(true)), ElementsAre("anna"));
  EXPECT_TRUE(files.success());
}

TEST_F(InventoryFolder, DoesNotHangOnWhatIsNoFileAndRefusesWhatIsTooLarge) {
  ASSERT_EQ(mkfifo(path("pipe.yaml").c_str(), 0600), 0);
  test::write_file(path("big.yaml"), "");
  ASSERT_EQ(truncate(path("big.yaml").c_str(), (64L << 20) + 1), 0);
  InventoryFiles files({path("pipe.yaml").string(), path("big.yaml").string()});
  const auto look = files.look(true);
  EXPECT_EQ(look.read, std::nullopt);
  EXPECT_THAT(look.message, AllOf(HasSubstr("not a regular file"), HasSubstr("larger than"),
                                  HasSubstr("2 of 2 files cannot be used: of them,")));
}

TEST_F(InventoryFolder, SaysAtMostTwentyProblemsAndHowManyMore) {
  std::string text = "peers:\n";
  for (int i = 0; i < 30; ++i) text += fmt::format("  - {{name: p{}, public_key: x}}\n", i);
  test::write_file(path("a.yaml"), text);
  InventoryFiles files({folder()});
  const std::string message = files.look(true).message;
  EXPECT_THAT(message, StartsWith("inventory: "));
  EXPECT_THAT(message, HasSubstr("; and 10 more; 1 of 1 files"));
}

TEST_F(InventoryFolder, NeverSaysAPrivateKey) {
  const std::string secret = key(99).base64();
  test::write_file(path("a.yaml"), "[Interface]\nPrivateKey = " + secret + "\n");
  test::write_file(path("b.yaml"), "peers:\n  - {name: x, private_key: " + secret + "}\n");
  InventoryFiles files({folder()});
  const std::string message = files.look(true).message;
  EXPECT_THAT(message, HasSubstr("b.yaml:2:"));
  EXPECT_THAT(message, Not(HasSubstr(secret.substr(0, 20))));
}

}  // namespace
}  // namespace wgscope::exporter
