#include "exporter/names.hpp"

#include <fcntl.h>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <sys/stat.h>
#include <unistd.h>
#include <vector>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

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
using ::testing::SizeIs;

std::string yaml(std::uint32_t number, std::string_view name) {
  return fmt::format("{}: {}\n", key(number).base64(), name);
}

std::string wg_quick(std::uint32_t number, std::string_view name) {
  return fmt::format("[Interface]\nPrivateKey = {0}\n[Peer]\n# Name = {1}\nPublicKey = {0}\n",
                     key(number).base64(), name);
}

std::string name_of(const Names& names, std::uint32_t number) {
  const auto found = names.current()->find(key(number));
  return found == names.current()->end() ? "" : found->second;
}

class NamesFromFiles : public ::testing::Test {
 protected:
  std::filesystem::path path(const char* name) const { return dir_ / name; }
  static NamesFile map(const std::filesystem::path& path) {
    return {path.string(), NamesFile::Kind::map};
  }
  static NamesFile config(const std::filesystem::path& path) {
    return {path.string(), NamesFile::Kind::wg_quick};
  }

  test::TempDir dir_;
};

TEST_F(NamesFromFiles, ComeFromFilesOfNetworkdToo) {
  test::write_file(path("wg0.netdev"),
                   fmt::format("[NetDev]\nName=wg0\n[WireGuard]\nPrivateKey={0}\n[WireGuardPeer]\n"
                               "# friendly_name = anna\nPublicKey={0}\n",
                               key(2).base64()));
  test::write_file(path("drop-in.conf"),
                   fmt::format("[WireGuardPeer]\nPublicKey={}\n; Name = bert", key(3).base64()));
  Names names({config(path("wg0.netdev")), config(path("drop-in.conf"))});
  EXPECT_THAT(names.refresh(), IsEmpty());
  EXPECT_EQ(name_of(names, 2), "anna");
  EXPECT_EQ(name_of(names, 3), "bert");
}

TEST_F(NamesFromFiles, AreNoneWithoutFiles) {
  Names names({});
  EXPECT_THAT(names.refresh(), IsEmpty());
  EXPECT_EQ(names.current(), nullptr);
  EXPECT_FALSE(names.report().ran);
}

TEST_F(NamesFromFiles, AreThoseOfAllFilesLaterOnesFirst) {
  test::write_file(path("a.yaml"), yaml(1, "one") + yaml(2, "two"));
  test::write_file(path("wg0.conf"), wg_quick(2, "zwei"));
  test::write_file(path("b.json"), fmt::format("{{\"{}\": \"drei\"}}", key(3).base64()));
  Names names({map(path("a.yaml")), config(path("wg0.conf")), map(path("b.json"))});
  EXPECT_THAT(names.refresh(), IsEmpty());
  EXPECT_EQ(name_of(names, 1), "one");
  EXPECT_EQ(name_of(names, 2), "zwei");
  EXPECT_EQ(name_of(names, 3), "drei");
  EXPECT_TRUE(names.report().ran);
  EXPECT_TRUE(names.report().success);
}

TEST_F(NamesFromFiles, GiveWayToEarlierFilesWhenALaterOneDropsThem) {
  test::write_file(path("a"), yaml(1, "early"));
  test::write_file(path("b"), yaml(1, "late"));
  Names names({map(path("a")), map(path("b"))});
  names.refresh();
  EXPECT_EQ(name_of(names, 1), "late");
  write_later(path("b"), yaml(2, "other"));
  names.refresh();
  EXPECT_EQ(name_of(names, 1), "early");
}

TEST_F(NamesFromFiles, AreNotReadAgainWhileNothingChanged) {
  test::write_file(path("a"), yaml(1, "one"));
  Names names({map(path("a"))});
  names.refresh();
  const auto before = names.current();
  names.refresh();
  EXPECT_EQ(names.current(), before) << "the same object: nothing was read, nothing allocated";
}

TEST_F(NamesFromFiles, AreReadAgainWhenAFileIsWrittenAnew) {
  test::write_file(path("a"), yaml(1, "one"));
  Names names({map(path("a"))});
  names.refresh();
  const auto held = names.current();
  write_later(path("a"), yaml(1, "two"));  // of the same size
  EXPECT_THAT(names.refresh(), IsEmpty());
  EXPECT_EQ(name_of(names, 1), "two");
  EXPECT_EQ(held->at(key(1)), "one") << "a collection that holds the old names keeps them";
}

TEST_F(NamesFromFiles, AreReadAgainWhenOnlyTheSizeChanged) {
  test::write_file(path("a"), yaml(1, "one"));
  const auto written = std::filesystem::last_write_time(path("a"));
  Names names({map(path("a"))});
  names.refresh();
  test::write_file(path("a"), yaml(1, "another"));
  std::filesystem::last_write_time(path("a"), written);
  names.refresh();
  EXPECT_EQ(name_of(names, 1), "another");
}

TEST_F(NamesFromFiles, AreReadAgainWhenAFileIsReplacedByRename) {
  test::write_file(path("a"), yaml(1, "one"));
  const auto written = std::filesystem::last_write_time(path("a"));
  Names names({map(path("a"))});
  names.refresh();
  test::write_file(path("a.new"), yaml(1, "two"));
  std::filesystem::last_write_time(path("a.new"), written);
  std::filesystem::rename(path("a.new"), path("a"));
  names.refresh();
  EXPECT_EQ(name_of(names, 1), "two") << "same size, same time, another inode";
}

TEST_F(NamesFromFiles, AreReadAgainWhenALinkPointsElsewhere) {
  test::write_file(path("one"), yaml(1, "one"));
  test::write_file(path("two"), yaml(1, "two"));
  std::filesystem::create_symlink(path("one"), path("link"));
  Names names({map(path("link"))});
  names.refresh();
  EXPECT_EQ(name_of(names, 1), "one");
  std::filesystem::remove(path("link"));
  std::filesystem::create_symlink(path("two"), path("link"));
  names.refresh();
  EXPECT_EQ(name_of(names, 1), "two");
}

TEST_F(NamesFromFiles, StayAsTheyWereWhenAFileGoesBad) {
  test::write_file(path("a"), yaml(1, "one") + yaml(2, "two"));
  Names names({map(path("a"))});
  names.refresh();
  write_later(path("a"), yaml(1, "new") + "- no map\n");
  const auto messages = names.refresh();
  ASSERT_THAT(messages, SizeIs(1));
  EXPECT_THAT(messages[0], AllOf(HasSubstr(path("a").string()), HasSubstr("line 2"),
                                 HasSubstr("keeps the 2 names it read before")));
  EXPECT_EQ(name_of(names, 1), "one");
  EXPECT_FALSE(names.report().success);

  EXPECT_THAT(names.refresh(), IsEmpty()) << "said once";
  EXPECT_FALSE(names.report().success) << "and still so";

  write_later(path("a"), yaml(1, "new") + "- none again\n");
  EXPECT_THAT(names.refresh(), IsEmpty()) << "the same problem in another file";
  write_later(path("a"), "\n" + yaml(1, "new") + "- none again\n");
  EXPECT_THAT(names.refresh(), ElementsAre(HasSubstr("line 3"))) << "another problem";

  write_later(path("a"), yaml(1, "new"));
  EXPECT_THAT(names.refresh(), IsEmpty());
  EXPECT_TRUE(names.report().success);
  EXPECT_EQ(name_of(names, 1), "new");
  EXPECT_EQ(name_of(names, 2), "");
}

TEST_F(NamesFromFiles, AreTakenWithoutTheLinesThatAreBad) {
  test::write_file(path("a"), "bad: x\n" + yaml(1, "one") + yaml(2, "two") + yaml(2, "zwei"));
  Names names({map(path("a"))});
  EXPECT_THAT(names.refresh(),
              ElementsAre(AllOf(HasSubstr("line 1: the key is not a base64 key"),
                                HasSubstr("; line 4: a key is given twice with different names"),
                                HasSubstr("the exporter uses the other 1 names"))));
  EXPECT_EQ(name_of(names, 1), "one");
  EXPECT_EQ(name_of(names, 2), "");
  EXPECT_FALSE(names.report().success);
  EXPECT_THAT(names.refresh(), IsEmpty()) << "said once";
  EXPECT_FALSE(names.report().success) << "and still so";

  write_later(path("a"), "bad: y\n" + yaml(3, "three") + yaml(2, "two") + yaml(2, "zwei"));
  EXPECT_THAT(names.refresh(), IsEmpty()) << "the same problems in another file";
  EXPECT_EQ(name_of(names, 3), "three");

  std::string many = yaml(1, "one");
  for (int i = 0; i < 9; ++i) many += "bad: x\n";
  write_later(path("a"), many);
  EXPECT_THAT(names.refresh(), ElementsAre(HasSubstr("; and 4 more; the exporter")));

  write_later(path("a"), yaml(1, "one") + yaml(2, "two") + yaml(2, "zwei"));
  EXPECT_THAT(names.refresh(), SizeIs(1));
  EXPECT_TRUE(names.report().success) << "each line could be read";
}

TEST_F(NamesFromFiles, OfWgQuickFilesAreSaidToBeUnclear) {
  const std::string text =
      fmt::format("[Peer]\nPublicKey = {}\n# Name = whose\n[Peer]\nPublicKey = {}\n",
                  key(1).base64(), key(2).base64());
  test::write_file(path("wg0.conf"), text);
  Names names({config(path("wg0.conf"))});
  EXPECT_THAT(names.refresh(),
              ElementsAre(HasSubstr("line 3: the name in line 3 could belong to the peer above")));
  EXPECT_THAT(*names.current(), IsEmpty());
  EXPECT_TRUE(names.report().success);
}

TEST_F(NamesFromFiles, AreSaidAgainToBeBadAfterTheyWereGood) {
  test::write_file(path("a"), "bad: file\n");
  Names names({map(path("a"))});
  EXPECT_THAT(names.refresh(), SizeIs(1));
  write_later(path("a"), yaml(1, "one"));
  EXPECT_THAT(names.refresh(), IsEmpty());
  write_later(path("a"), "bad: file\n");
  EXPECT_THAT(names.refresh(), SizeIs(1));
}

TEST_F(NamesFromFiles, OfOneFileAreNotLostWithAnother) {
  test::write_file(path("good"), yaml(1, "one"));
  Names names({map(path("missing")), map(path("good"))});
  const auto messages = names.refresh();
  ASSERT_THAT(messages, SizeIs(1));
  EXPECT_THAT(messages[0], AllOf(HasSubstr("missing"), HasSubstr("No such file"),
                                 HasSubstr("it gives no peer a name")));
  EXPECT_EQ(name_of(names, 1), "one");
  EXPECT_FALSE(names.report().success);
}

TEST_F(NamesFromFiles, StayWhenAFileVanishesAndChangeWhenItReturns) {
  test::write_file(path("a"), yaml(1, "one"));
  Names names({map(path("a"))});
  names.refresh();
  std::filesystem::rename(path("a"), path("moved"));
  EXPECT_THAT(names.refresh(), ElementsAre(HasSubstr("No such file")));
  EXPECT_THAT(names.refresh(), IsEmpty());
  EXPECT_EQ(name_of(names, 1), "one");
  std::filesystem::rename(path("moved"), path("a"));
  EXPECT_THAT(names.refresh(), IsEmpty());
  EXPECT_TRUE(names.report().success) << "the very same file is back";
  EXPECT_EQ(name_of(names, 1), "one");
}

TEST_F(NamesFromFiles, DoNotHangOnWhatIsNoFile) {
  std::filesystem::create_directory(path("folder"));
  ASSERT_EQ(mkfifo(path("pipe").c_str(), 0600), 0);
  std::filesystem::create_symlink("loop", path("loop"));
  Names names({map(path("folder")), config(path("pipe")), map("/dev/zero"), map(path("loop")),
               config("/dev/null")});
  EXPECT_THAT(
      names.refresh(),
      ElementsAre(HasSubstr("not a regular file"), HasSubstr("not a regular file"),
                  HasSubstr("not a regular file"), HasSubstr("Too many levels of symbolic links"),
                  HasSubstr("not a regular file")));
  EXPECT_THAT(*names.current(), IsEmpty());
}

TEST_F(NamesFromFiles, RefuseAFileThatIsFarTooLarge) {
  test::write_file(path("a"), "");
  ASSERT_EQ(truncate(path("a").c_str(), (64L << 20) + 1), 0);
  Names names({map(path("a"))});
  EXPECT_THAT(names.refresh(), ElementsAre(HasSubstr("larger than 67108864 bytes")));
}

TEST_F(NamesFromFiles, NeverSayAPrivateKey) {
  const std::string secret = key(99).base64();
  test::write_file(path("wg0.conf"),
                   "[Interface]\nPrivateKey = " + secret + "\n[Peer]\n# Name = x\n");
  // The same file given as the other kind.
  Names names({config(path("wg0.conf")), map(path("wg0.conf"))});
  const auto messages = names.refresh();
  ASSERT_THAT(messages, SizeIs(2));
  for (const std::string& message : messages)
    EXPECT_THAT(message, Not(HasSubstr(secret.substr(0, 20))));
}

}  // namespace
}  // namespace wgscope::exporter
