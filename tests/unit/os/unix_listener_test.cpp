#include "wgscope/os/unix_listener.hpp"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <filesystem>
#include <optional>
#include <poll.h>
#include <string>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "wgscope/base/result.hpp"
#include "wgscope/os/unique_fd.hpp"

#include "files.hpp"
#include "temp_dir.hpp"

namespace wgscope::os {
namespace {

namespace fs = std::filesystem;

sockaddr_un to_sockaddr(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::ranges::copy(path, address.sun_path);
  return address;
}

UniqueFd make_socket() { return UniqueFd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)); }

/// @returns errno, or 0 and a connection in `into`.
int connect_to(const std::string& path, UniqueFd& into) {
  const sockaddr_un address = to_sockaddr(path);
  into = make_socket();
  return connect(into.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0
             ? 0
             : errno;
}

/// A socket file whose process is gone.
void leave_stale_socket(const std::string& path) {
  const sockaddr_un address = to_sockaddr(path);
  const UniqueFd socket = make_socket();
  ASSERT_EQ(bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
}

class UnixListeners : public ::testing::Test {
 protected:
  [[nodiscard]] std::string path(const std::string& name = "wg0.sock") const {
    return folder_ / name;
  }

  test::TempDir folder_;
};

TEST_F(UnixListeners, AcceptConnections) {
  auto listener = UnixListener::open(path());
  ASSERT_TRUE(listener) << listener.error().context;
  const auto none = listener->accept();
  ASSERT_TRUE(none);
  EXPECT_FALSE(*none) << "and it does not wait";
  UniqueFd client;
  ASSERT_EQ(connect_to(path(), client), 0);
  const auto server = listener->accept();
  ASSERT_TRUE(server && *server);
  EXPECT_NE(fcntl((*server)->get(), F_GETFL) & O_NONBLOCK, 0);
  EXPECT_NE(fcntl((*server)->get(), F_GETFD) & FD_CLOEXEC, 0);
  ASSERT_EQ(write(client.get(), "x", 1), 1);
  char byte = 0;
  EXPECT_EQ(read((*server)->get(), &byte, 1), 1);
}

TEST_F(UnixListeners, AreTheirOwnersAloneWhateverTheUmask) {
  for (const mode_t mask : {0U, 022U, 077U}) {
    const mode_t before = umask(mask);
    const auto listener = UnixListener::open(path());
    umask(before);
    ASSERT_TRUE(listener);
    struct stat status{};
    ASSERT_EQ(stat(path().c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 07777U, 0600U) << mask;
  }
}

TEST_F(UnixListeners, RemoveTheirFileAtTheEnd) {
  {
    auto listener = UnixListener::open(path());
    ASSERT_TRUE(listener);
    const UnixListener moved = std::move(*listener);
    ASSERT_TRUE(fs::exists(path()));
  }
  EXPECT_FALSE(fs::exists(path()));
}

TEST_F(UnixListeners, LeaveWhatOthersPutInTheirPlace) {
  std::optional<UnixListener> second;
  {
    const auto first = UnixListener::open(path());
    ASSERT_TRUE(first);
    fs::rename(path(), path("kept"));  // so that its inode is not used again
    second.emplace(UnixListener::open(path()).value());
  }
  UniqueFd client;
  EXPECT_EQ(connect_to(path(), client), 0);
}

TEST_F(UnixListeners, ReplaceWhatADeadProcessLeft) {
  leave_stale_socket(path());
  UniqueFd client;
  ASSERT_EQ(connect_to(path(), client), ECONNREFUSED);
  const auto listener = UnixListener::open(path());
  ASSERT_TRUE(listener) << listener.error().context;
  EXPECT_EQ(connect_to(path(), client), 0);
}

TEST_F(UnixListeners, LeaveALiveOneAlone) {
  const auto first = UnixListener::open(path());
  ASSERT_TRUE(first);
  const auto second = UnixListener::open(path());
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().sys_errno, EADDRINUSE);
  EXPECT_NE(second.error().context.find(path()), std::string::npos) << second.error().context;
  EXPECT_NE(second.error().context.find("another process is listening"), std::string::npos);
  UniqueFd client;
  EXPECT_EQ(connect_to(path(), client), 0);
}

TEST_F(UnixListeners, LeaveALiveOneAloneThoughItsQueueIsFull) {
  const auto first = UnixListener::open(path());
  ASSERT_TRUE(first);
  const sockaddr_un address = to_sockaddr(path());
  std::vector<UniqueFd> waiting;
  for (;;) {
    waiting.push_back(make_socket());
    ASSERT_EQ(fcntl(waiting.back().get(), F_SETFL, O_NONBLOCK), 0);
    if (connect(waiting.back().get(), reinterpret_cast<const sockaddr*>(&address),
                sizeof address) != 0)
      break;
  }
  ASSERT_EQ(errno, EAGAIN);
  EXPECT_FALSE(UnixListener::open(path()));
  EXPECT_TRUE(fs::exists(path()));
}

TEST_F(UnixListeners, LeaveOtherFilesAlone) {
  test::write_file(path(), "precious");
  const auto listener = UnixListener::open(path());
  ASSERT_FALSE(listener);
  EXPECT_EQ(listener.error().code, Errc::bad_value);
  EXPECT_EQ(test::read_file(path()), "precious");
}

TEST_F(UnixListeners, MakeTheirFolder) {
  const auto listener = UnixListener::open(folder_ / "wireguard/wg0.sock");
  ASSERT_TRUE(listener) << listener.error().context;
  EXPECT_TRUE(fs::is_socket(folder_ / "wireguard/wg0.sock"));
}

TEST_F(UnixListeners, SayWhereTheyCannotBe) {
  const auto missing = UnixListener::open(folder_ / "no/such/wg0.sock");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().sys_errno, ENOENT);
  EXPECT_NE(missing.error().context.find("no/such"), std::string::npos) << missing.error().context;
  EXPECT_EQ(UnixListener::open(path(std::string(200, 'x'))).error().code, Errc::bad_value);
  EXPECT_EQ(UnixListener::open("").error().code, Errc::bad_value);
}

TEST_F(UnixListeners, AreListedByTheKernelUnderTheirName) {
  // By it the exporter finds the network namespace of a socket.
  const auto listener = UnixListener::open(path());
  ASSERT_TRUE(listener);
  EXPECT_NE(test::read_file("/proc/net/unix").find(path() + '\n'), std::string::npos);
}

TEST_F(UnixListeners, TurnAwayWhatThereIsNoDescriptorFor) {
  auto listener = UnixListener::open(path());
  ASSERT_TRUE(listener);
  UniqueFd client;
  ASSERT_EQ(connect_to(path(), client), 0);
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
  // Every number below the limit is in use: the lowest free one lies above it.
  const UniqueFd probe(dup(client.get()));
  rlimit tight = before;
  tight.rlim_cur = static_cast<rlim_t>(probe.get()) + 1;
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &tight), 0);
  const auto refused = listener->accept();
  setrlimit(RLIMIT_NOFILE, &before);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().sys_errno, EMFILE);
  pollfd wait{listener->fd(), POLLIN, 0};
  EXPECT_EQ(poll(&wait, 1, 0), 0) << "it would wake the loop for ever";
  ASSERT_EQ(connect_to(path(), client), 0);
  const auto next = listener->accept();
  EXPECT_TRUE(next && *next) << "and goes on";
}

}  // namespace
}  // namespace wgscope::os
