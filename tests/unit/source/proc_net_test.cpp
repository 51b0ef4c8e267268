#include "wgscope/source/uapi/proc_net.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <cstddef>
#include <cstdint>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <netinet/in.h>
#include <optional>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "wgscope/base/result.hpp"
#include "wgscope/os/unique_fd.hpp"

#include "source/uapi/net_table.hpp"
#include "temp_dir.hpp"

namespace wgscope::uapi {
namespace {

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

/// A reading of a table that gives one of `tables` after the other, and the last for ever.
class Readings {
 public:
  explicit Readings(std::vector<NetTable> tables) : tables_(std::move(tables)) {}

  Result<NetTable> operator()() { return tables_.at(std::min(count_++, tables_.size() - 1)); }
  [[nodiscard]] std::size_t count() const { return count_; }

 private:
  std::vector<NetTable> tables_;
  std::size_t count_ = 0;
};

std::string udp_table(const std::vector<std::string>& sockets) {
  std::string text = "heading\n";
  for (const std::string& inode_and_drops : sockets) {
    const std::size_t blank = inode_and_drops.find(' ');
    text += "  124: 00000000:CA6C 00000000:0000 07 00000000:00000000 00:00000000 00000000 0 0 " +
            inode_and_drops.substr(0, blank) + " 2 0000000000000000" +
            inode_and_drops.substr(blank) + "\n";
  }
  return text;
}

std::optional<std::uint64_t> settled(Readings& readings) {
  return settled_drops([&] { return readings(); }, 0xca6c).value();
}

TEST(SumDrops, CountsASocketThatIsListedTwiceOnce) {
  EXPECT_EQ(sum_drops(udp_table({"7 40", "7 40", "8 2"}), 0xca6c), 42U);
}

TEST(SettledDrops, AreThoseOfATableInOnePieceAtOnce) {
  Readings readings({{udp_table({"7 40", "8 2"}), true}});
  EXPECT_EQ(settled(readings), 42U);
  EXPECT_EQ(readings.count(), 1U);
  Readings none({{udp_table({}), true}});
  EXPECT_EQ(settled(none), std::nullopt);
  EXPECT_EQ(none.count(), 1U);
}

TEST(SettledDrops, CountASocketThatAReadingInPiecesPassedOver) {
  Readings one_of_two({{udp_table({"8 2"}), false}, {udp_table({"7 40", "8 2"}), false}});
  EXPECT_EQ(settled(one_of_two), 42U);
  Readings the_only_one(
      {{udp_table({}), false}, {udp_table({}), false}, {udp_table({"7 42"}), false}});
  EXPECT_EQ(settled(the_only_one), 42U);
  Readings the_second_time({{udp_table({"7 40", "8 2"}), false}, {udp_table({"8 3"}), false}});
  EXPECT_EQ(settled(the_second_time), 43U);
}

TEST(SettledDrops, AreNothingWhenNoReadingHasASocket) {
  Readings readings({{udp_table({}), false}});
  EXPECT_EQ(settled(readings), std::nullopt);
  EXPECT_EQ(readings.count(), static_cast<std::size_t>(kTableReadings));
}

TEST(SettledDrops, AreAnErrorWhereTheTableCannotBeRead) {
  const auto drops = settled_drops(
      []() -> Result<NetTable> { return fail(Errc::io, "out of descriptors"); }, 0xca6c);
  ASSERT_FALSE(drops);
  EXPECT_EQ(drops.error().code, Errc::io);
}

class NetTables : public testing::Test {
 protected:
  Result<NetTable> read_of_size(std::size_t size) {
    std::ofstream(folder_ / "table") << std::string(size, 'x');
    return read_net_table(AT_FDCWD, folder_ / "table");
  }
  test::TempDir folder_;
};

TEST_F(NetTables, AreWhole) {
  for (const std::size_t size : {0U, 1U, 3000U, 5000U, 100'000U}) {
    const auto table = read_of_size(size);
    ASSERT_TRUE(table);
    EXPECT_EQ(table->text.size(), size);
    EXPECT_EQ(table->one_piece, size <= 3000U) << size;
  }
}

TEST_F(NetTables, AreNotEmptyButAnErrorWhereTheyCannotBeRead) {
  EXPECT_EQ(read_net_table(AT_FDCWD, folder_ / "missing").error().code, Errc::no_device);
  EXPECT_EQ(read_net_table(AT_FDCWD, folder_.path()).error().code, Errc::io) << "a folder";
}

}  // namespace
}  // namespace wgscope::uapi
