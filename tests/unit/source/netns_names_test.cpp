#include "source/netns_names.hpp"

#include <filesystem>
#include <string>

#include <fmt/core.h>
#include <gtest/gtest.h>

#include "wgscope/base/result.hpp"
#include "wgscope/os/netns.hpp"

#include "temp_dir.hpp"

namespace wgscope::source {
namespace {

/// Names are links to namespace files of this process; `ip netns` would need privileges.
class NetnsNamesTest : public testing::Test {
 protected:
  void name(const std::string& name, const std::string& kind) {
    std::filesystem::create_symlink("/proc/self/ns/" + kind, folder_ / name);
  }
  void drop(const std::string& name) { std::filesystem::remove(folder_ / name); }
  Result<std::string> label() {
    names_.begin_collection();
    return names_.label_of(netns_);
  }

  test::TempDir folder_;
  NetnsNames names_{folder_.path()};
  os::Netns netns_ = os::Netns::open_own().value();
};

TEST_F(NetnsNamesTest, AreThoseOfTheFolder) {
  name("green", "mnt");
  name("red", "net");
  EXPECT_EQ(label().value(), "red");
}

TEST_F(NetnsNamesTest, HaveAFormForTheNamespaceWithoutOne) {
  const std::string inode = fmt::format("net:[{}]", netns_.id().inode);
  name("green", "mnt");
  EXPECT_EQ(label().value(), inode);
  std::filesystem::remove_all(folder_.path());
  EXPECT_EQ(label().value(), inode);
}

TEST_F(NetnsNamesTest, StayTheSameWhenAnotherComes) {
  name("red", "net");
  ASSERT_EQ(label().value(), "red");
  name("blue", "net");
  EXPECT_EQ(label().value(), "red");
  drop("red");
  EXPECT_EQ(label().value(), "blue");
}

TEST_F(NetnsNamesTest, AreNotBelievedOnceTheyAreAnothers) {
  name("red", "net");
  ASSERT_EQ(label().value(), "red");
  drop("red");
  name("red", "mnt");
  name("blue", "net");
  EXPECT_EQ(label().value(), "blue");
}

TEST_F(NetnsNamesTest, AreNotKnownWhereTheFolderCannotBeListed) {
  NetnsNames names("/proc/self/ns/net");  // no folder
  const auto label = names.label_of(netns_);
  ASSERT_FALSE(label);
  EXPECT_EQ(label.error().code, Errc::io);
  EXPECT_NE(label.error().context.find("list network namespaces"), std::string::npos);
}

TEST_F(NetnsNamesTest, AreNotKnownWhereOneCannotBeLookedAtUnlessAnotherFits) {
  std::filesystem::create_symlink("loop", folder_ / "loop");
  const auto unknown = label();
  ASSERT_FALSE(unknown);
  EXPECT_NE(unknown.error().context.find((folder_ / "loop").string()), std::string::npos);
  name("red", "net");
  EXPECT_EQ(label().value(), "red");
}

}  // namespace
}  // namespace wgscope::source
