#include "wgscope/source/uapi/owner.hpp"

#include <chrono>
#include <filesystem>
#include <string>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include "wgscope/base/result.hpp"
#include "wgscope/os/netns.hpp"
#include "wgscope/os/unique_fd.hpp"

#include "temp_dir.hpp"

namespace wgscope::uapi {
namespace {

using namespace std::chrono_literals;

class Owner : public ::testing::Test {
 protected:
  void SetUp() override { bind_again(); }

  /// What a daemon does that starts: a new socket file. The old one is kept aside, or the new one
  /// could have its inode.
  void bind_again() {
    if (socket_) std::filesystem::rename(path_, path_ + ".old");
    socket_ = os::UniqueFd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path_.copy(address.sun_path, sizeof address.sun_path - 1);
    ASSERT_EQ(bind(socket_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  }
  void start_listening() { ASSERT_EQ(listen(socket_.get(), 1), 0); }

  test::TempDir folder_;
  std::string path_ = (folder_ / "wg0.sock").string();
  os::UniqueFd socket_;
  OwnerFinder finder_;
  Instant now_{1000s};
};

TEST_F(Owner, IsTheNamespaceOfTheListener) {
  start_listening();
  const auto netns = finder_.find(path_, getpid(), now_);
  ASSERT_TRUE(netns) << netns.error().context;
  EXPECT_EQ(netns->id(), os::Netns::open_own().value().id());
}

TEST_F(Owner, IsFoundWithoutAListenersNumber) {  // a daemon in another PID namespace, or one whose
                                                 // parent listened
  start_listening();
  for (const pid_t listener : {0, 999'999'999}) {
    OwnerFinder finder;
    const auto netns = finder.find(path_, listener, now_);
    ASSERT_TRUE(netns) << netns.error().context;
    EXPECT_EQ(netns->id(), os::Netns::open_own().value().id());
  }
}

TEST_F(Owner, IsFoundThroughASymbolicLink) {
  start_listening();
  std::filesystem::create_directory_symlink(folder_.path(), folder_ / "link");
  const auto netns = finder_.find((folder_ / "link" / "wg0.sock").string(), getpid(), now_);
  ASSERT_TRUE(netns) << netns.error().context;
}

TEST_F(Owner, IsNobodyWhereNobodyListens) {
  const auto netns = finder_.find(path_, getpid(), now_);
  ASSERT_FALSE(netns);
  EXPECT_EQ(netns.error().code, Errc::no_device);
  EXPECT_NE(netns.error().context.find(path_), std::string::npos);
}

TEST_F(Owner, IsNotSearchedForAgainAtOnceAfterASearchInVain) {
  ASSERT_FALSE(finder_.find(path_, 0, now_));
  start_listening();
  EXPECT_FALSE(finder_.find(path_, 0, now_ + OwnerFinder::kSearchAgainAfter - 1s));
  EXPECT_TRUE(finder_.find(path_, 0, now_ + OwnerFinder::kSearchAgainAfter));
}

TEST_F(Owner, IsSearchedForAgainAtOnceWhenTheSocketIsNew) {
  ASSERT_FALSE(finder_.find(path_, 0, now_));
  bind_again();
  start_listening();
  EXPECT_TRUE(finder_.find(path_, 0, now_ + 1s));
}

TEST_F(Owner, IsSearchedForAgainOnceForgotten) {
  ASSERT_FALSE(finder_.find(path_, 0, now_));
  start_listening();
  finder_.keep_only({path_});
  ASSERT_FALSE(finder_.find(path_, 0, now_ + 1s));
  finder_.keep_only({});
  EXPECT_TRUE(finder_.find(path_, 0, now_ + 1s));
}

TEST_F(Owner, StaysKnownWithoutSearching) {
  start_listening();
  ASSERT_TRUE(finder_.find(path_, getpid(), now_));
  // The socket still exists but nobody listens any more: a new search would find nothing.
  socket_.reset();
  EXPECT_TRUE(finder_.find(path_, getpid(), now_ + 1s));
}

TEST_F(Owner, IsAnErrorForAFileThatIsGone) {
  std::filesystem::remove(path_);
  const auto netns = finder_.find(path_, getpid(), now_);
  ASSERT_FALSE(netns);
  EXPECT_EQ(netns.error().code, Errc::io);
}

}  // namespace
}  // namespace wgscope::uapi
