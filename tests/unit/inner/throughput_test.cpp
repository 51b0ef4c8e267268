#include "wgscope/inner/throughput.hpp"

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <variant>
#include <vector>

#include <gtest/gtest.h>

#include "wgscope/wire/udp.hpp"

#include "network.hpp"

namespace wgscope::inner {
namespace {

using namespace std::chrono_literals;
using testing::address;
using testing::Bytes;
using testing::Network;
using testing::Weather;

/// A stream from left to right.
struct Stream {
  explicit Stream(Network& net, StreamOptions options = {}) : network(&net), receiver(99) {
    options.to = {address("10.9.0.2"), 0, 5001};
    options.stream = 99;
    EXPECT_TRUE(net.right.bind_udp(5001));
    sender.emplace(net.now, net.left, options);
    net.next_alarm = [this] { return sender->next_timeout(); };
    net.on_alarm = [this] { sender->handle_timeout(network->now); };
    net.on_event = [this](Host& at, const Event& event) {
      if (&at != &network->right) return;
      const auto& received = std::get<UdpReceived>(event);
      EXPECT_TRUE(
          receiver.handle_datagram(received.at, received.payload,
                                   wire::udp_packet_size(Family::v4, received.payload.size())));
    };
  }
  void run() {
    network->run(3600s, [] { return false; });
  }

  Network* network;
  std::optional<PacedSender> sender;
  StreamReceiver receiver;
};

TEST(PacedStream, ArrivesWholeAndAtItsRateOverACleanWay) {
  Network network;
  Stream stream(network, {.bits_per_second = 10'000'000, .duration = 10s});
  stream.run();
  const StreamReport report = stream.receiver.report();
  EXPECT_TRUE(stream.sender->done());
  EXPECT_EQ(stream.sender->sent().packets, report.received);
  EXPECT_EQ(stream.sender->sent().left_out, 0U);
  EXPECT_NEAR(static_cast<double>(report.received), 10e6 * 10 / (8 * 1228), 1.0);
  EXPECT_NEAR(static_cast<double>(report.bits_per_second.value()), 10e6, 1e3);
  EXPECT_EQ(report.lost, 0U);
  EXPECT_EQ(report.duplicates, 0U);
  EXPECT_EQ(report.reordered, 0U);
  EXPECT_LT(report.jitter, 2ns);
}

TEST(PacedStream, CountsLossDuplicatesAndReordering) {
  Network network(11, {5ms, 3ms, 0.05, 0.02});
  Stream stream(network, {.bits_per_second = 10'000'000, .duration = 20s});
  stream.run();
  const StreamReport report = stream.receiver.report();
  const auto sent = static_cast<double>(stream.sender->sent().packets);
  EXPECT_NEAR(static_cast<double>(report.lost_of(stream.sender->sent().packets)), 0.05 * sent,
              0.01 * sent);
  EXPECT_NEAR(static_cast<double>(report.duplicates), 0.95 * 0.02 * sent, 0.01 * sent);
  EXPECT_GT(report.reordered, sent / 10);
  // The mean difference of two numbers drawn evenly from 3 ms is 1 ms.
  EXPECT_GT(report.jitter, 500us);
  EXPECT_LT(report.jitter, 2ms);
}

TEST(PacedStream, LeavesOutWhatCouldOnlyGoInABurst) {
  Network network;
  Stream stream(network, {.bits_per_second = 10'000'000, .duration = 10s});
  stream.sender->handle_timeout(network.now + 5s);
  const StreamSent& sent = stream.sender->sent();
  EXPECT_NEAR(static_cast<double>(sent.packets), 0.020 * 10e6 / (8 * 1228), 2.0);
  EXPECT_GT(sent.left_out, 4000U);
}

TEST(PacedStream, CountsWhatTheQueueRefused) {
  Network network;
  Stream stream(network, {.bits_per_second = 1'000'000'000, .duration = 1s});
  for (int i = 0; i < 200; ++i) stream.sender->handle_timeout(network.now + i * 1ms);
  EXPECT_GT(stream.sender->sent().refused, 1000U);
  EXPECT_EQ(stream.sender->sent().refused, network.left.stats().dropped(Drop::queue_full));
}

Bytes datagram(std::uint64_t sequence, Nanoseconds sent = 0ns, std::uint32_t stream = 1) {
  Bytes bytes(StreamHeader::kSize);
  StreamHeader{stream, sequence, sent}.write(std::span(bytes).first<StreamHeader::kSize>());
  return bytes;
}

StreamReport report_of(const std::vector<std::uint64_t>& sequences) {
  StreamReceiver receiver(1);
  Instant at{1s};
  for (const std::uint64_t sequence : sequences) {
    at = at + 1ms;
    EXPECT_TRUE(receiver.handle_datagram(at, datagram(sequence), 100));
  }
  return receiver.report();
}

TEST(StreamReceiver, CountsByTheNumbers) {
  const StreamReport report = report_of({0, 1, 3, 2, 2, 7, 7, 1});
  EXPECT_EQ(report.received, 5U);
  EXPECT_EQ(report.lost, 3U);
  EXPECT_EQ(report.duplicates, 3U);
  EXPECT_EQ(report.reordered, 1U);
  EXPECT_EQ(report.bytes, 500U);
}

TEST(StreamReceiver, StaysRightOverLongGaps) {
  const StreamReport report = report_of({0, 100'000, 99'999, 100'000, 8191, 108'192, 100'001});
  EXPECT_EQ(report.received, 6U);
  EXPECT_EQ(report.duplicates, 1U);
  EXPECT_EQ(report.reordered, 3U);
  EXPECT_EQ(report.lost, 108'193U - 6U);
}

TEST(StreamReceiver, MeasuresNoRateOfOneDatagram) {
  const StreamReport report = report_of({0});
  EXPECT_FALSE(report.duration);
  EXPECT_FALSE(report.bits_per_second);
}

TEST(StreamReceiver, TakesNothingElseForItsStream) {
  StreamReceiver receiver(1);
  EXPECT_FALSE(receiver.handle_datagram({}, {}, 0));
  EXPECT_FALSE(receiver.handle_datagram({}, datagram(0, 0ns, 2), 0));
  EXPECT_FALSE(receiver.handle_datagram({}, datagram(UINT64_MAX), 0));
  EXPECT_FALSE(receiver.handle_datagram({}, datagram(0, Nanoseconds{-1}), 0));
  Bytes other = datagram(0);
  other[0] = std::byte{0};
  EXPECT_FALSE(receiver.handle_datagram({}, other, 0));
  Bytes cut = datagram(0);
  cut.pop_back();
  EXPECT_FALSE(receiver.handle_datagram({}, cut, 0));
  EXPECT_EQ(receiver.report().received, 0U);
}

TEST(StreamReceiver, BoundsWhatForgedTimesDoToTheJitter) {
  StreamReceiver receiver(1);
  for (std::uint64_t i = 0; i < 10'000; ++i)
    receiver.handle_datagram({1s}, datagram(i, Nanoseconds{i % 2 == 0 ? 0 : INT64_MAX / 2}), 100);
  EXPECT_LE(receiver.report().jitter, 1h);
}

}  // namespace
}  // namespace wgscope::inner
