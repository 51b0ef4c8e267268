#include "wgscope/os/netns.hpp"

#include <fcntl.h>
#include <fstream>
#include <string>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "wgscope/base/result.hpp"
#include "wgscope/os/unique_fd.hpp"

#include "temp_dir.hpp"

namespace wgscope::os {
namespace {

class NetnsFiles : public testing::Test {
 protected:
  test::TempDir folder_;
};

TEST_F(NetnsFiles, ArePresentedAsGoneWhenThePathIs) {
  const auto netns = Netns::open(folder_ / "red");
  ASSERT_FALSE(netns);
  EXPECT_EQ(netns.error().code, Errc::netns_gone);
  EXPECT_NE(netns.error().context.find("red does not exist"), std::string::npos)
      << netns.error().context;
}

TEST_F(NetnsFiles, ArePresentedAsGoneWhenOnlyAPlainFileIsLeft) {
  std::ofstream(folder_ / "red").flush();
  const auto netns = Netns::open(folder_ / "red");
  ASSERT_FALSE(netns);
  EXPECT_EQ(netns.error().code, Errc::netns_gone);
}

TEST_F(NetnsFiles, ArePresentedAsGoneWhereAFolderIs) {
  const auto netns = Netns::open(folder_.path());
  ASSERT_FALSE(netns);
  EXPECT_EQ(netns.error().code, Errc::netns_gone);
}

TEST_F(NetnsFiles, DoNotBlockOnAPipe) {
  ASSERT_EQ(mkfifo((folder_ / "pipe").c_str(), 0600), 0);
  const auto netns = Netns::open(folder_ / "pipe");
  ASSERT_FALSE(netns);
  EXPECT_EQ(netns.error().code, Errc::netns_gone);
}

TEST_F(NetnsFiles, AreListedByNameInOrder) {
  for (const char* name : {"red", "blue", "a b"}) std::ofstream(folder_ / name).flush();
  EXPECT_EQ(list_named_netns(folder_.path()).value(),
            (std::vector<std::string>{"a b", "blue", "red"}));
}

TEST_F(NetnsFiles, AreNoneWhereTheFolderIsMissing) {
  EXPECT_TRUE(list_named_netns(folder_ / "missing").value().empty());
}

TEST_F(NetnsFiles, AreNotKnownWhereTheFolderCannotBeListed) {
  std::ofstream(folder_ / "file").flush();
  const auto names = list_named_netns(folder_ / "file");
  ASSERT_FALSE(names);
  EXPECT_EQ(names.error().code, Errc::io);
  EXPECT_NE(names.error().context.find((folder_ / "file").string()), std::string::npos);
}

TEST_F(NetnsFiles, AreOpenedFromAFolderThatIsHeld) {
  const UniqueFd self(open("/proc/self", O_PATH | O_DIRECTORY | O_CLOEXEC));
  const auto netns = Netns::open_at(self.get(), "ns/net");
  ASSERT_TRUE(netns);
  EXPECT_EQ(netns->id(), Netns::open_own().value().id());
  EXPECT_EQ(Netns::open_at(self.get(), "ns/none").error().code, Errc::netns_gone);
}

TEST(Netns, OfAProcessThatEndedIsGone) {
  const auto netns = Netns::open("/proc/999999999/ns/net");
  ASSERT_FALSE(netns);
  EXPECT_EQ(netns.error().code, Errc::netns_gone);
}

TEST(Netns, HasOneIdHoweverItIsReached) {
  const auto own = Netns::open_own();
  const auto by_process = Netns::open("/proc/self/ns/net");
  ASSERT_TRUE(own && by_process);
  EXPECT_EQ(own->id(), by_process->id());
  NetnsId of_thread;
  std::thread([&] { of_thread = Netns::open_own().value().id(); }).join();
  EXPECT_EQ(of_thread, own->id());

  struct stat status{};
  ASSERT_EQ(stat("/proc/self/ns/net", &status), 0);
  EXPECT_EQ(own->id(), (NetnsId{status.st_dev, status.st_ino}));
}

TEST(Netns, DiffersFromOtherKindsOfNamespaceById) {
  // An nsfs file of another kind opens; entering it as a network namespace is what fails.
  const auto mount = Netns::open("/proc/self/ns/mnt");
  ASSERT_TRUE(mount);
  EXPECT_NE(mount->id(), Netns::open_own().value().id());
  std::thread([&] { EXPECT_FALSE(mount->enter()); }).join();
}

TEST(UniqueFd, ClosesItsDescriptorOnce) {
  int raw = -1;
  {
    UniqueFd fd(open("/dev/null", O_RDONLY | O_CLOEXEC));
    raw = fd.get();
    ASSERT_GE(raw, 0);
    UniqueFd moved(std::move(fd));
    EXPECT_FALSE(fd);  // NOLINT(bugprone-use-after-move): what is left is the subject
    EXPECT_EQ(moved.get(), raw);
    EXPECT_NE(fcntl(raw, F_GETFD), -1);
  }
  EXPECT_EQ(fcntl(raw, F_GETFD), -1);
}

TEST(UniqueFd, ClosesWhatItHeldWhenGivenAnother) {
  UniqueFd first(open("/dev/null", O_RDONLY | O_CLOEXEC));
  UniqueFd second(open("/dev/null", O_RDONLY | O_CLOEXEC));
  const int closed = first.get();
  first = std::move(second);
  EXPECT_EQ(fcntl(closed, F_GETFD), -1);
  EXPECT_TRUE(first);
  UniqueFd& same = first;
  first = std::move(same);
  EXPECT_TRUE(first);
  first.reset();
  EXPECT_FALSE(first);
}

}  // namespace
}  // namespace wgscope::os
