#include "wgscope/endpoint/measuring_service.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "wgscope/base/time.hpp"
#include "wgscope/crypto/random.hpp"
#include "wgscope/inner/host.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/tunnel/event.hpp"
#include "wgscope/wire/ip.hpp"
#include "wgscope/wire/measuring.hpp"
#include "wgscope/wire/udp.hpp"

namespace wgscope::endpoint {
namespace {

using namespace std::chrono_literals;

constexpr std::uint16_t kAskersPort = 50000;

class MeasuringServiceTest : public testing::Test {
 protected:
  static std::vector<std::byte> packet_with(std::span<const std::byte> payload,
                                            const std::string& from = "10.9.0.2",
                                            const std::string& to = "10.9.0.1",
                                            std::uint16_t port = wire::kMeasuringPort) {
    const wire::IpHeader header{.source = *IpAddress::parse(from),
                                .destination = *IpAddress::parse(to)};
    std::vector<std::byte> packet(wire::udp_packet_size(header.source.family, payload.size()));
    wire::write_udp_packet(packet, header, {.source = kAskersPort, .destination = port}, payload);
    return packet;
  }

  bool hand_in(std::span<const std::byte> packet, std::uint32_t peer = 1) {
    return service_.handle_packet(now_, host_,
                                  {.peer = tunnel::PeerId{peer},
                                   .from = asker_,
                                   .datagram_size = 100,
                                   .largest_fragment = fragment_,
                                   .packet = packet});
  }
  bool ask(std::uint16_t size, std::uint32_t peer = 1) {
    return hand_in(packet_with(wire::build_measuring_request({.serial = 7, .answer_size = size})),
                   peer);
  }

  static wire::MeasuringAnswer answer_in(const MeasuringService::Outgoing& out) {
    const auto packet = wire::parse_ip(out.packet()).value();
    const auto datagram = wire::parse_udp(packet).value();
    EXPECT_EQ(datagram.ports.source, wire::kMeasuringPort);
    EXPECT_EQ(datagram.ports.destination, kAskersPort);
    return wire::parse_measuring_answer(datagram.payload).value();
  }

  /// Bytes of answers that so many requests for large ones cause, all at once.
  std::size_t flood(std::size_t requests, std::uint32_t peer = 1) {
    std::size_t bytes = 0;
    for (std::size_t i = 0; i < requests; ++i) {
      ask(9000, peer);
      while (const auto out = service_.poll_answer()) bytes += out->datagram_size;
    }
    return bytes;
  }

  crypto::SystemRandom random_;
  inner::Host host_{{.addresses = {*Prefix::parse("10.9.0.1/24"), *Prefix::parse("fd09::1/64")}},
                    random_};
  MeasuringService service_;
  Instant now_{1h};
  Endpoint asker_ = *Endpoint::parse("192.0.2.7:41641");
  std::optional<std::size_t> fragment_;
};

TEST_F(MeasuringServiceTest, AnswersInTheSizeThatWasAskedFor) {
  ASSERT_TRUE(ask(1433));
  const auto out = service_.poll_answer();
  ASSERT_TRUE(out);
  EXPECT_EQ(out->datagram_size, 1433U - 20 - 8);
  EXPECT_EQ(out->to, asker_);
  const auto answer = answer_in(*out);
  EXPECT_EQ(answer.serial, 7U);
  EXPECT_EQ(answer.answer_size, 1433U);
  EXPECT_EQ(answer.asker, asker_);
  EXPECT_EQ(answer.request_size, 100U + 20 + 8);
  EXPECT_EQ(answer.largest_fragment, std::nullopt);
  EXPECT_EQ(answer.largest_answer, MeasuringService::kLargestAnswer);
  EXPECT_FALSE(service_.poll_answer());
}

TEST_F(MeasuringServiceTest, CountsTheOuterHeadersOfIpv6) {
  asker_ = *Endpoint::parse("[2001:db8::7]:41641");
  fragment_ = 1276;
  ASSERT_TRUE(hand_in(packet_with(wire::build_measuring_request({.serial = 9, .answer_size = 1433}),
                                  "fd09::2", "fd09::1")));
  const auto out = service_.poll_answer();
  ASSERT_TRUE(out);
  EXPECT_EQ(out->datagram_size, 1433U - 40 - 8);
  EXPECT_EQ(answer_in(*out).request_size, 100U + 40 + 8);
  EXPECT_EQ(answer_in(*out).largest_fragment, 1276U);
}

TEST_F(MeasuringServiceTest, LeavesToTheHostWhatIsNotForIt) {
  const auto request = wire::build_measuring_request({.serial = 1, .answer_size = 0});
  EXPECT_FALSE(hand_in(packet_with(request, "10.9.0.2", "10.9.0.1", 7)));
  EXPECT_FALSE(hand_in(packet_with(request, "10.9.0.2", "10.9.0.9")));
  EXPECT_FALSE(hand_in(packet_with(request, "10.9.0.1", "10.9.0.1"))) << "from itself";
  EXPECT_FALSE(hand_in(packet_with(request, "224.0.0.1", "10.9.0.1")));
  EXPECT_FALSE(hand_in({}));
  auto broken = packet_with(request);
  broken.back() ^= std::byte{1};
  EXPECT_FALSE(hand_in(broken)) << "its checksum is wrong";
  EXPECT_EQ(service_.stats().requests, 0U);
}

TEST_F(MeasuringServiceTest, IgnoresWhatIsNoRequestAndCountsIt) {
  EXPECT_TRUE(hand_in(packet_with({})));
  EXPECT_TRUE(ask(100)) << "smaller than any answer";
  EXPECT_TRUE(ask(MeasuringService::kLargestAnswer + 1));
  EXPECT_TRUE(hand_in(packet_with(wire::build_measuring_answer({}))));
  EXPECT_FALSE(service_.poll_answer());
  EXPECT_EQ(service_.stats().malformed, 4U);
}

TEST_F(MeasuringServiceTest, SendsNoMoreThanItsBurstAtOnceAndItsRateForLong) {
  EXPECT_LE(flood(1000), MeasuringService::kBurst);
  EXPECT_GT(service_.stats().limited, 0U);
  std::size_t later = 0;
  for (int i = 0; i < 100; ++i) {
    now_ = now_ + 100ms;
    later += flood(10);
  }
  EXPECT_LE(later, 10 * MeasuringService::kBytesPerSecond + 9000);
  EXPECT_GE(later, 9 * MeasuringService::kBytesPerSecond);
}

TEST_F(MeasuringServiceTest, LetsOnePeersFloodCostNoOther) {
  flood(1000, 1);
  ASSERT_TRUE(ask(1433, 2));
  EXPECT_TRUE(service_.poll_answer());
}

TEST_F(MeasuringServiceTest, KeepsNoMoreWaitingThanASearchNeeds) {
  for (int i = 0; i < 1000; ++i) ask(0);
  std::size_t waiting = 0;
  while (service_.poll_answer()) ++waiting;
  EXPECT_LE(waiting, 64U);
}

TEST_F(MeasuringServiceTest, TellsWhatARouterReportedForAWhile) {
  const wire::MeasuringReport report{.from = *IpAddress::parse("192.0.2.9"), .mtu = 1397};
  EXPECT_FALSE(service_.handle_too_big(now_, asker_, report)) << "nobody asked yet";
  ask(1433);
  service_.poll_answer();
  EXPECT_FALSE(service_.handle_too_big(now_, *Endpoint::parse("192.0.2.8:1"), report));
  EXPECT_TRUE(service_.handle_too_big(now_, asker_, report));
  ask(0);
  EXPECT_EQ(answer_in(service_.poll_answer().value()).report, report);
  now_ = now_ + MeasuringService::kReportLife;
  ask(0);
  EXPECT_EQ(answer_in(service_.poll_answer().value()).report, std::nullopt);
}

TEST_F(MeasuringServiceTest, SaysInASmallAnswerWhatItsInterfaceTakes) {
  ask(9000);
  const auto refused = MeasuringService::refused(service_.poll_answer().value(), 1500);
  EXPECT_EQ(refused.datagram_size, 0U);
  EXPECT_EQ(answer_in(refused).refused_above, 1500U);
  EXPECT_EQ(answer_in(refused).answer_size, 9000U);
}

}  // namespace
}  // namespace wgscope::endpoint
