#include "exporter/history.hpp"

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>
#include <zlib.h>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "wgscope/base/time.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/model/device.hpp"

#include "files.hpp"
#include "keys.hpp"
#include "paths.hpp"

namespace wgscope::exporter {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

constexpr WallTime kSaved{1'800'000'000s};
constexpr std::string_view kBoot = "11111111-2222-3333-4444-555555555555";

WallTime at(int second) { return {std::chrono::seconds(second)}; }

Device device(std::string netns, std::string name,
              std::optional<std::uint32_t> ifindex = std::nullopt) {
  Device made;
  made.netns = std::move(netns);
  made.name = std::move(name);
  if (ifindex) made.link.emplace().ifindex = *ifindex;
  return made;
}

void see(History& history, const Device& on, std::uint32_t peer, WallTime now) {
  PeerTable& peers = history.of(on, now).peers;
  peers.begin_reading();
  EXPECT_NE(peers.find(key(peer), now), nullptr);
}

TEST(History, RemembersInterfacesByNamespaceAndName) {
  History history(1);
  see(history, device("", "wg0", 7), 1, at(10));
  see(history, device("blue", "wg0", 7), 1, at(20));
  see(history, device("", "wg1", 8), 1, at(30));
  EXPECT_EQ(history.of(device("", "wg0", 7), at(40)).peers.entries().at(0).first_seen, at(10));
  EXPECT_EQ(history.of(device("blue", "wg0", 7), at(40)).peers.entries().at(0).first_seen, at(20));
  EXPECT_EQ(history.of(device("", "wg1", 8), at(40)).peers.entries().at(0).first_seen, at(30));
}

TEST(History, TakesAnotherIndexForAnInterfaceMadeAnew) {
  History history(1);
  EXPECT_EQ(history.of(device("", "wg0", 7), at(10)).created, at(10));
  EXPECT_EQ(history.of(device("", "wg0", 7), at(20)).created, at(10));
  EXPECT_EQ(history.of(device("", "wg0", 9), at(30)).created, at(30));
  EXPECT_EQ(history.of(device("", "wg0", 9), at(40)).created, at(30));
}

TEST(History, KnowsNoCreationWithoutALink) {
  History history(1);
  EXPECT_EQ(history.of(device("", "wg0"), at(10)).created, std::nullopt);
  EXPECT_EQ(history.of(device("", "wg0", 7), at(20)).created, at(20));
  EXPECT_EQ(history.of(device("", "wg0"), at(30)).created, at(20))
      << "a link that could not be read is still the same";
  EXPECT_EQ(history.of(device("", "wg0", 7), at(40)).created, at(20));
}

TEST(History, ForgetsInterfacesItIsToldNotToKeep) {
  History history(1);
  see(history, device("", "wg0", 7), 1, at(10));
  see(history, device("blue", "wg0", 7), 1, at(10));
  static_cast<void>(history.serialize(kBoot, kSaved));
  history.forget_unless([](const std::string&, const std::string&) { return true; });
  EXPECT_FALSE(history.changed());
  history.forget_unless([](const std::string& netns, const std::string&) { return netns.empty(); });
  EXPECT_TRUE(history.changed());
  EXPECT_THAT(history.of(device("", "wg0", 7), at(20)).peers.entries(), SizeIs(1));
  EXPECT_THAT(history.of(device("blue", "wg0", 7), at(20)).peers.entries(), IsEmpty());
}

TEST(History, SaysWhenItIsWorthWriting) {
  History history(1);
  EXPECT_FALSE(history.changed());
  history.of(device("", "wg0"), at(1));
  EXPECT_TRUE(history.changed()) << "a new interface";
  static_cast<void>(history.serialize(kBoot, kSaved));
  EXPECT_FALSE(history.changed());
  history.of(device("", "wg0"), at(2));
  EXPECT_FALSE(history.changed());
  history.of(device("", "wg0", 7), at(3));
  EXPECT_TRUE(history.changed()) << "its index is known now";
  static_cast<void>(history.serialize(kBoot, kSaved));
  history.of(device("", "wg0", 8), at(4));
  EXPECT_TRUE(history.changed()) << "it was made anew";
  static_cast<void>(history.serialize(kBoot, kSaved));
  history.mark_changed();
  EXPECT_TRUE(history.changed());
}

TEST(ClockSteps, AreCountedWhenTheWallClockMovesByOverASecondAgainstBootTime) {
  History history(1);
  Now now{Instant{100s}, WallTime{1'700'000'000s}};
  const auto watch = [&](Nanoseconds passed, Nanoseconds step) {
    now.boot.since_boot += passed;
    now.wall.since_epoch += passed + step;
    history.watch_clock(now);
    return history.clock_steps();
  };
  EXPECT_EQ(watch(0s, 0s), 0U) << "nothing to compare with yet";
  EXPECT_EQ(watch(15s, 0s), 0U);
  EXPECT_EQ(watch(8h, 0s), 0U) << "suspend is no step";
  EXPECT_EQ(watch(15s, 1s), 0U) << "a second is slewing";
  EXPECT_EQ(watch(15s, -1s), 0U);
  EXPECT_EQ(watch(15s, 1s + 1ns), 1U);
  EXPECT_EQ(watch(15s, 0s), 1U) << "once";
  EXPECT_EQ(watch(15s, -1s - 1ns), 2U);
  EXPECT_EQ(watch(0s, -24h), 3U);
  EXPECT_EQ(watch(15s, 24h * 365 * 30), 4U);
}

std::string peer_line(std::uint32_t number, int second) {
  return fmt::format("peer\t{}\t{}000\n", key(number).base64(), second);
}

std::string boot_line() { return fmt::format("boot\t{}\n", kBoot); }

History sample() {
  History history(1);
  see(history, device("", "wg0", 7), 1, at(10));
  see(history, device("", "wg0", 7), 2, at(20));
  see(history, device("blue", "wg 1"), 1, at(30));
  return history;
}

/// As versions without memories wrote it.
std::string old_text() {
  return "wgscope first sights 1\n" + boot_line() + "interface\t\twg0\t7\t10000\n" +
         peer_line(1, 10) + peer_line(2, 20) + "interface\tblue\twg 1\t0\t0\n" + peer_line(1, 30);
}

/// As docs/state.md describes it. The checksum is zlib's, which is not what the exporter takes.
std::string dated(std::string_view body) {
  const auto sum =
      crc32(0, reinterpret_cast<const Bytef*>(body.data()), static_cast<uInt>(body.size()));
  return fmt::format("wgscope first sights 1\nboot\t{}\t1800000000000\t{:08x}\n{}", kBoot, sum,
                     body);
}

std::string sample_text() {
  const std::string old = old_text();
  return dated(std::string_view(old).substr(old.find("interface")));
}

TEST(HistoryAsText, IsInTheDocumentedFormat) {
  EXPECT_EQ(sample().serialize(kBoot, kSaved), sample_text());
  EXPECT_EQ(History(1).serialize(kBoot, kSaved), dated(""));
}

TEST(HistoryAsText, ComesBack) {
  History history(2);
  ASSERT_TRUE(history.restore(old_text(), kBoot));
  EXPECT_FALSE(history.changed()) << "what was just read need not be written";
  EXPECT_EQ(history.serialize(kBoot, kSaved), sample_text());
  const InterfaceHistory& wg0 = history.of(device("", "wg0", 7), at(99));
  EXPECT_EQ(wg0.created, at(10));
  EXPECT_EQ(wg0.peers.entries().at(0).first_seen, at(10));
  EXPECT_EQ(wg0.peers.entries().at(1).first_seen, at(20));
  EXPECT_EQ(history.of(device("blue", "wg 1", 9), at(99)).created, at(99))
      << "its index was not known";
}

TEST(HistoryAsText, KeepsPeersButNoIndexesAcrossBoots) {
  for (const char* boot : {"99999999-2222-3333-4444-555555555555", ""}) {
    History history(2);
    ASSERT_TRUE(history.restore(old_text(), boot));
    const InterfaceHistory& wg0 = history.of(device("", "wg0", 7), at(99));
    EXPECT_EQ(wg0.created, at(99)) << "after a reboot the same index is another interface";
    EXPECT_EQ(wg0.peers.entries().at(0).first_seen, at(10));
  }
  History unknown_then(2);
  std::string text = old_text();
  text.replace(text.find(boot_line()), boot_line().size(), "boot\t\n");
  ASSERT_TRUE(unknown_then.restore(text, ""));
  EXPECT_EQ(unknown_then.of(device("", "wg0", 7), at(99)).created, at(99))
      << "two unknown boots are not the same";
}

TEST(HistoryAsText, ReplacesWhatWasKnown) {
  History history(1);
  see(history, device("", "wg9", 1), 9, at(5));
  ASSERT_TRUE(history.restore(old_text(), kBoot));
  EXPECT_THAT(history.serialize(kBoot, kSaved), Not(HasSubstr("wg9")));
}

TEST(HistoryAsText, LeavesOutInterfacesWhoseNamesWouldBreakIt) {
  // A path given as --netns, and the file of a UAPI socket, can be called anything.
  History history = sample();
  for (const char* bad : {"a\tb", "a\nb", "\n", "\t"}) {
    see(history, device(bad, "wg0", 3), 4, at(40));
    see(history, device("", bad, 3), 4, at(40));
  }
  const std::string text = history.serialize(kBoot, kSaved);
  EXPECT_EQ(text, sample_text());
  EXPECT_TRUE(History(2).restore(text, kBoot));
}

TEST(HistoryAsText, AcceptsTheSameInterfaceAndPeerTwice) {
  History history(2);
  ASSERT_TRUE(history.restore(
      old_text() + "interface\t\twg0\t7\t10000\n" + peer_line(1, 99) + peer_line(3, 50), kBoot));
  const auto& peers = history.of(device("", "wg0", 7), at(99)).peers.entries();
  EXPECT_THAT(peers, SizeIs(3));
  EXPECT_EQ(peers.at(0).first_seen, at(10)) << "the first counts";
}

struct BadLine {
  const char* line;
  const char* why;
};

TEST(HistoryAsText, IsRefusedWithTheLineAndLeavesEverythingAsItWas) {
  const std::vector<BadLine> bad{
      {"", "unknown kind"},
      {"boot\tagain", "the boot line is not the second line"},
      {"junk", "unknown kind"},
      {"Peer\tx\t1", "unknown kind"},
      {"interface", "malformed interface line"},
      {"interface\t\t\t7\t1", "malformed interface line"},
      {"interface\t\twg0", "malformed interface line"},
      {"interface\t\twg0\t\t", "malformed interface line"},
      {"interface\t\twg0\t-1\t1", "malformed interface line"},
      {"interface\t\twg0\t4294967296\t1", "malformed interface line"},
      {"interface\t\twg0\t7x\t1", "malformed interface line"},
      {"interface\t\twg0\t7\t-1", "malformed interface line"},
      {"interface\t\twg0\t7\t9223372036854775807", "malformed interface line"},
      {"interface\t\twg0\t7\t9223372036854775808", "malformed interface line"},
      {"interface\t\twg0\t7\t1.5", "malformed interface line"},
      {"interface wg0 7 1", "unknown kind"},
      {"peer", "malformed peer line"},
      {"peer\t\t1", "malformed peer line"},
      {"peer\tAAAA\t1", "malformed peer line"},
      {"peer\t{}", "malformed peer line"},
      {"peer\t{}\t", "malformed peer line"},
      {"peer\t{}\t-5", "malformed peer line"},
      {"peer\t{}\t 5", "malformed peer line"},
      {"peer\t{}\t99999999999999", "malformed peer line"},
      {"peer\t{}x\t5", "malformed peer line"},
      {"\xff\xfe\x01", "unknown kind"},
  };
  for (const BadLine& one : bad) {
    History history = sample();
    const std::string line = fmt::format(fmt::runtime(one.line), key(5).base64());
    const auto restored = history.restore(old_text() + line + "\n" + peer_line(6, 6), kBoot);
    ASSERT_FALSE(restored) << line;
    EXPECT_EQ(restored.error().code, Errc::bad_value);
    EXPECT_THAT(restored.error().context, HasSubstr(std::string("line 8: ") + one.why)) << line;
    EXPECT_EQ(history.serialize(kBoot, kSaved), sample_text()) << line;
  }
}

TEST(HistoryAsText, IsRefusedWithoutItsHeading) {
  for (const std::string& text :
       {std::string(), std::string("\n"), std::string("wgscope first sights 2\n"), boot_line(),
        "\xEF\xBB\xBF" + old_text(), std::string(100'000, 'x'), std::string(100, '\0')}) {
    History history = sample();
    const auto restored = history.restore(text, kBoot);
    ASSERT_FALSE(restored) << text.substr(0, 40);
    EXPECT_EQ(history.serialize(kBoot, kSaved), sample_text());
  }
  EXPECT_EQ(History(1).restore("junk\n", kBoot).error().context,
            "line 1: not a file written by wgscope-exporter");
}

TEST(HistoryAsText, IsRefusedWithAPeerBeforeItsInterface) {
  const auto restored =
      History(1).restore("wgscope first sights 1\n" + boot_line() + peer_line(1, 1), kBoot);
  ASSERT_FALSE(restored);
  EXPECT_EQ(restored.error().context, "line 3: malformed peer line");
}

TEST(HistoryAsText, IsRefusedWhenItWasCutInsideALine) {
  // "…\t20000" cut to "…\t2" would be a peer first seen in 1970.
  const std::string whole = old_text();
  const std::size_t boot_end = whole.find('\n', whole.find("boot")) + 1;
  for (std::size_t size = 0; size < whole.size(); ++size) {
    History history(2);
    const auto restored = history.restore(std::string_view(whole).substr(0, size), kBoot);
    const bool at_a_line_end = size >= boot_end && whole[size - 1] == '\n';
    EXPECT_EQ(restored.has_value(), at_a_line_end) << size;
  }
}

TEST(HistoryAsText, WithAChecksumIsRefusedWhenAnyByteOfItChanged) {
  const std::string whole = sample_text();
  ASSERT_TRUE(History(2).restore(whole, kBoot));
  const std::size_t heading = whole.find('\n') + 1;
  const std::size_t body = whole.find("interface");
  for (std::size_t size = heading; size < whole.size(); ++size)
    EXPECT_FALSE(History(2).restore(std::string_view(whole).substr(0, size), kBoot)) << size;
  for (std::size_t i = body; i < whole.size(); ++i) {
    std::string changed = whole;
    changed[i] = changed[i] == '1' ? '2' : '1';
    EXPECT_FALSE(History(2).restore(changed, kBoot)) << i;
  }
}

std::string memory_line(std::uint32_t number, std::string_view memory) {
  return fmt::format("peer\t{}\t10000\t{}\n", key(number).base64(), memory);
}

TEST(HistoryAsText, KeepsWhatIsRememberedOfPeersAndOfRemovedOnes) {
  const std::string text =
      dated("interface\t\twg0\t7\t10000\n" +
            memory_line(1, "5000\t20000\t1799999990000\t3\t192.0.2.1:51820\t2\t-") +
            memory_line(2, "10000\t-\t-\t0\t-\t0\t-") +
            memory_line(3, "10000\t20000\t1799999000000\t0\t192.0.2.0/24\t0\t-") +
            "interface\tblue\twg9\t0\t0\n" +
            memory_line(4, "10000\t20000\t30000\t1\t2001:db8::1\t1\t50000"));
  History history(2, true);
  ASSERT_TRUE(history.restore(text, kBoot));
  EXPECT_EQ(history.serialize(kBoot, kSaved), text);
  PeerTable& peers = history.of(device("", "wg0", 7), at(99)).peers;
  ASSERT_THAT(peers.entries(), SizeIs(3));
  const PeerMemory* memory = peers.memory_of(peers.entries().at(0));
  EXPECT_EQ(memory->first_seen, at(5));
  EXPECT_EQ(memory->first_handshake, at(20));
  EXPECT_EQ(memory->last_handshake, WallTime{1'799'999'990s});
  EXPECT_TRUE(memory->live) << "10 s before the file was written";
  EXPECT_FALSE(peers.memory_of(peers.entries().at(2))->live);
  EXPECT_EQ(memory->endpoint_changes, 3U);
  EXPECT_EQ(memory->removals, 2U);
  EXPECT_EQ(memory->endpoint,
            (SeenEndpoint{Endpoint::parse("192.0.2.1:51820").value(), EndpointDetail::full}));
  const auto past = history.removed().take({"blue", "wg9", key(4)});
  ASSERT_TRUE(past);
  EXPECT_EQ(past->removed, at(50));
}

TEST(HistoryAsText, IsRefusedWithAMemoryThatIsNotWhole) {
  for (const char* bad :
       {"", "1", "1\t-\t-\t0\t-\t0", "1\t-\t-\t0\t-\t0\t", "x\t-\t-\t0\t-\t0\t-",
        "1\tx\t-\t0\t-\t0\t-", "1\t-\t-\t-1\t-\t0\t-", "1\t-\t-\t0\tnowhere\t0\t-",
        "1\t-\t-\t0\t192.0.2.1/24\t0\t-", "1\t-\t-\t0\t-\t4294967296\t-",
        "1\t-\t-\t0\t-\t0\t-\tmore", "1\t-\t-\t0\t\t0\t-"}) {
    const auto restored = History(2, true).restore(old_text() + memory_line(5, bad), kBoot);
    if (std::string_view(bad).empty()) continue;  // a tab at the end: as an earlier version has it
    ASSERT_FALSE(restored) << bad;
    EXPECT_EQ(restored.error().context, "line 8: malformed peer line") << bad;
  }
}

TEST(HistoryAsText, IsReadAsAnEarlierVersionWroteIt) {
  const std::string text =
      test::read_file(test::source_dir() / "tests/fixtures/state/first-seen-without-memories");
  History history(2, true);
  ASSERT_TRUE(history.restore(text, "f53ceb41-259b-49bb-b650-690cb8b7788f"));
  PeerTable& lisbon = history.of(device("", "gw-lisbon"), at(99)).peers;
  ASSERT_THAT(lisbon.entries(), SizeIs(3));
  EXPECT_EQ(lisbon.entries().at(0).first_seen, WallTime{1'796'036'778'354ms});
  EXPECT_EQ(lisbon.entries().at(0).key.base64(), "4AnYpqKN9F8c0CyGViWxm7uI88/YV067g29fIjflgBg=");
  EXPECT_TRUE(lisbon.memory_of(lisbon.entries().at(0))->undated);
  EXPECT_THAT(history.of(device("", "gw-oslo"), at(99)).peers.entries(), SizeIs(3));
}

TEST(RemovedPeersTest, AreForgottenOldestFirst) {
  RemovedPeers removed;
  for (std::uint32_t i = 0; i <= RemovedPeers::kMost; ++i) {
    PeerMemory memory;
    memory.removed = WallTime{std::chrono::seconds(i == 7 ? 0 : i + 1)};
    removed.add({"", "wg0", key(i)}, memory);
  }
  EXPECT_EQ(removed.all().size(), RemovedPeers::kMost);
  EXPECT_FALSE(removed.take({"", "wg0", key(7)})) << "it was removed first";
  EXPECT_TRUE(removed.take({"", "wg0", key(0)}));
  EXPECT_FALSE(removed.take({"", "wg0", key(0)})) << "taken";
}

TEST(HistoryAsText, HoldsAHundredThousandPeers) {
  History history(1);
  PeerTable& peers = history.of(device("", "wg0", 7), at(1)).peers;
  peers.begin_reading();
  for (std::uint32_t i = 0; i < 100'000; ++i) EXPECT_NE(peers.find(key(i), at(1)), nullptr);
  const std::string text = history.serialize(kBoot, kSaved);
  History again(2);
  ASSERT_TRUE(again.restore(text, kBoot));
  EXPECT_TRUE(again.serialize(kBoot, kSaved) == text);
}

}  // namespace
}  // namespace wgscope::exporter
