#include "wgscope/source/uapi/owner.hpp"

#include <arpa/inet.h>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <netinet/in.h>
#include <optional>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <vector>

#include <gtest/gtest.h>

#include "wgscope/base/result.hpp"
#include "wgscope/os/netns.hpp"
#include "wgscope/os/unique_fd.hpp"

#include "temp_dir.hpp"

namespace wgscope::uapi {
namespace {

using namespace std::chrono_literals;

// Lines as Linux 6.1 prints them.
constexpr std::string_view kUnix =
    "Num       RefCount Protocol Flags    Type St Inode Path\n"
    "00000000f612251a: 00000003 00000000 00000000 0001 03  1055\n"
    "000000007df204b8: 00000002 00000000 00010000 0001 01  9171 /run/wireguard/wg0.sock\n"
    "000000000a43bf36: 00000002 00000000 00010000 0001 01 1234567 /run/with space/wg1.sock\n"
    "000000000a43bf37: 00000003 00000000 00000000 0001 03 59198 /run/wireguard/wg2.sock\n"
    "000000000a43bf38: 00000002 00000000 00010000 0001 01 59199 @/run/wireguard/wg3.sock\n"
    "000000000a43bf39: 00000002 00000000 00000000 0002 01 59200 /run/wireguard/wg4.sock\n";

bool lists(std::string_view text, const std::string& path) {
  return lists_listener(text, std::vector<std::string>{path});
}

TEST(ListsListener, FindsAListeningSocketByItsPath) {
  EXPECT_TRUE(lists(kUnix, "/run/wireguard/wg0.sock"));
  EXPECT_TRUE(lists(kUnix, "/run/with space/wg1.sock"));
}

TEST(ListsListener, TakesAnyOfTheSpellings) {
  const std::vector<std::string> paths{"/var/run/wireguard/wg0.sock", "/run/wireguard/wg0.sock"};
  EXPECT_TRUE(lists_listener(kUnix, paths));
  EXPECT_FALSE(lists_listener(kUnix, {}));
}

TEST(ListsListener, PassesOverSocketsThatDoNotListen) {
  EXPECT_FALSE(lists(kUnix, "/run/wireguard/wg2.sock"))
      << "an accepted connection has its listener's path";
  EXPECT_FALSE(lists(kUnix, "/run/wireguard/wg4.sock")) << "a datagram socket";
}

TEST(ListsListener, PassesOverOtherPaths) {
  EXPECT_FALSE(lists(kUnix, "/run/wireguard/wg3.sock")) << "an abstract name";
  EXPECT_FALSE(lists(kUnix, "/run/wireguard/wg0.soc"));
  EXPECT_FALSE(lists(kUnix, "/run/wireguard/wg0.sock2"));
  EXPECT_FALSE(lists(kUnix, "wg0.sock"));
  EXPECT_FALSE(lists(kUnix, "Path"));
  EXPECT_FALSE(lists(kUnix, ""));
}

TEST(ListsListener, SurvivesGarbage) {
  for (const std::string_view text :
       {"", "\n", "\n\n\n", "   ", "a", "a b c 00010000", "a b c 00010000 1 01 5",
        "a b c 00010000 1 01 5 ", "a b c 100010000 1 01 5 /x", "a b c zz 1 01 5 /x", "/x"})
    EXPECT_FALSE(lists(text, "/x")) << text;
  EXPECT_TRUE(lists("a b c 00010000 1 01 5 /x", "/x")) << "without a last newline";
}

constexpr std::string_view kUdp =
    "   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout "
    "inode ref pointer drops            \n"
    "  124: 00000000:CA6C 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 "
    "21474 2 00000000e1e1e1e1 17         \n"
    "  124: 00000000:CA6C 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 "
    "21475 2 00000000e1e1e1e2 25\n"
    "  125: 0100007F:CA6C 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 "
    "21476 2 00000000e1e1e1e3 1000      \n"
    "  126: 00000000:CA6D 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 "
    "21477 2 00000000e1e1e1e4 4294967295\n";

constexpr std::string_view kUdp6 =
    "  sl  local_address                         remote_address                        st tx_queue "
    "rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops\n"
    "  124: 00000000000000000000000000000000:CA6C 00000000000000000000000000000000:0000 07 "
    "00000000:00000000 00:00000000 00000000     0        0 21478 2 0000000000000000 3\n"
    "  125: 00000000000000000000000001000000:CA6C 00000000000000000000000000000000:0000 07 "
    "00000000:00000000 00:00000000 00000000     0        0 21479 2 0000000000000000 500\n";

TEST(SumDrops, AddsUpTheSocketsOfAPortOnEveryAddress) {
  EXPECT_EQ(sum_drops(kUdp, 0xca6c), 42U) << "two sockets, not the one bound to loopback";
  EXPECT_EQ(sum_drops(kUdp6, 0xca6c), 3U);
}

TEST(SumDrops, IsNothingWithoutASocket) {
  EXPECT_EQ(sum_drops(kUdp, 0xca6e), std::nullopt);
  EXPECT_EQ(sum_drops(kUdp, 0), std::nullopt);
  EXPECT_EQ(sum_drops("", 0xca6c), std::nullopt);
}

TEST(SumDrops, KeepsCountsBeyond32Bits) { EXPECT_EQ(sum_drops(kUdp, 0xca6d), 4294967295U); }

TEST(SumDrops, SurvivesGarbage) {
  for (const std::string_view line :
       {"", " ", "x", "124:", "124: 00000000", "124: 00000000:", "124: :CA6C", "124: 00000000:CA6C",
        "124: 00000000:CA6C x", "124: 00000000:1CA6C 1 2 3", "124: 00000000:CA6C -5",
        "124: 00000000:CA6C 99999999999999999999", "124: 00000000:XXXX 3"}) {
    const std::string text = "heading\n" + std::string(line) + "\n";
    EXPECT_EQ(sum_drops(text, 0xca6c), std::nullopt) << line;
  }
}

TEST(SocketReceiveDrops, ReadsTheRunningKernel) {
  const os::UniqueFd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  socklen_t size = sizeof address;
  ASSERT_EQ(bind(socket.get(), reinterpret_cast<sockaddr*>(&address), size), 0);
  ASSERT_EQ(getsockname(socket.get(), reinterpret_cast<sockaddr*>(&address), &size), 0);
  EXPECT_EQ(socket_receive_drops(ntohs(address.sin_port)), 0U);
}

TEST(SocketReceiveDrops, CountsWhatTheKernelDropped) {
  const os::UniqueFd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  const int smallest = 1;
  ASSERT_EQ(setsockopt(socket.get(), SOL_SOCKET, SO_RCVBUF, &smallest, sizeof smallest), 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  socklen_t size = sizeof address;
  ASSERT_EQ(bind(socket.get(), reinterpret_cast<sockaddr*>(&address), size), 0);
  ASSERT_EQ(getsockname(socket.get(), reinterpret_cast<sockaddr*>(&address), &size), 0);
  const os::UniqueFd sender(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const std::string datagram(1000, 'x');
  for (int i = 0; i < 100; ++i)
    sendto(sender.get(), datagram.data(), datagram.size(), 0, reinterpret_cast<sockaddr*>(&address),
           size);
  const auto drops = socket_receive_drops(ntohs(address.sin_port));
  ASSERT_TRUE(drops);
  EXPECT_GT(*drops, 50U);
  EXPECT_LT(*drops, 100U);
}

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
