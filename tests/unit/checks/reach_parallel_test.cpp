// Targets are asked at the same time: many of them take no longer than the slowest.

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <fmt/core.h>
#include <gtest/gtest.h>

#include "wgscope/base/time.hpp"
#include "wgscope/checks/reach.hpp"
#include "wgscope/checks/run.hpp"
#include "wgscope/config/expectations.hpp"
#include "wgscope/diagnosis/reach.hpp"
#include "wgscope/inner/tcp.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/os/clock.hpp"
#include "wgscope/os/poll_loop.hpp"
#include "wgscope/os/udp_socket.hpp"

#include "reach_fixture.hpp"
#include "udp_sockets.hpp"

namespace wgscope::checks {
namespace {

using namespace std::chrono_literals;

/// A long way between the probe and its gateway.
class LongWay {
 public:
  LongWay(Run& run, std::uint16_t gateway_port, Nanoseconds one_way)
      : gateway_(test::loopback(Family::v4, gateway_port)), one_way_(one_way) {
    watches_.push_back(
        run.loop()
            .add(socket_.fd(), {.readable = [this] { receive(); }, .writable = {}, .error = {}})
            .value());
    watches_.push_back(run.loop().add({.next = [this]() -> std::optional<Instant> {
                                         if (late_.empty()) return std::nullopt;
                                         return late_.front().due;
                                       },
                                       .expired = [this](Instant now) { deliver(now); }}));
  }

  [[nodiscard]] std::uint16_t port() const { return socket_.local_port(); }

 private:
  struct Late {
    Instant due;
    Endpoint to;
    std::vector<std::byte> bytes;
  };

  void receive() {
    const auto report = socket_.receive([&](const os::Received& one) {
      if (one.from != gateway_) probe_ = one.from;
      late_.push_back({os::boot_now() + one_way_,
                       one.from == gateway_ ? probe_ : gateway_,
                       {one.datagram.begin(), one.datagram.end()}});
    });
    ASSERT_TRUE(report);
  }
  void deliver(Instant now) {
    for (; !late_.empty() && late_.front().due <= now; late_.pop_front()) {
      const Late& late = late_.front();
      const os::SendBatch batch{
          .to = late.to, .bytes = late.bytes, .segment_size = late.bytes.size()};
      socket_.send(std::span(&batch, 1));
    }
  }

  Endpoint gateway_;
  Endpoint probe_;
  Nanoseconds one_way_;
  os::UdpSocket socket_ = test::must_open(test::loopback(Family::v4));
  std::deque<Late> late_;
  std::vector<os::PollLoop::Watch> watches_;
};

TEST_F(ReachInTunnel, AsksSixtyFourTargetsInTheTimeOfTheSlowest) {
  LongWay way(run_, gateway_.port(), 510ms);
  Target target = gateway_.target();
  target.endpoint.port = way.port();
  connect(target);
  std::vector<config::Expectation> expectations;
  for (std::uint16_t port = 1001; port <= 1064; ++port) {
    if (port % 4 != 0) {
      ASSERT_TRUE(gateway_.endpoint().host().tcp().listen(port));
    }
    expectations.push_back(open(config::ReachKind::tcp, fmt::format("10.9.0.1:{}", port)));
  }
  options_.tries = 1;
  options_.try_timeout = 20s;
  const Instant begun = os::boot_now();
  const auto facts = reach(expectations);
  const Nanoseconds took = os::boot_now() - begun;

  Nanoseconds slowest{};
  for (const diagnosis::ReachResult& result : facts.results) {
    ASSERT_EQ(result.tries.size(), 1U);
    EXPECT_EQ(result.tries[0].outcome, result.expectation.where.port % 4 != 0
                                           ? diagnosis::ReachOutcome::answered
                                           : diagnosis::ReachOutcome::refused);
    slowest = std::max(slowest, result.tries[0].after);
  }
  EXPECT_GE(slowest, 1s);
  EXPECT_LE(took, slowest + slowest / 10);
}

TEST_F(ReachInTunnel, AsksNoMoreTargetsAtATimeThanAllowed) {
  LongWay way(run_, gateway_.port(), 50ms);
  Target target = gateway_.target();
  target.endpoint.port = way.port();
  connect(target);
  options_.tries = 1;
  options_.parallel = 2;
  options_.try_timeout = 20s;
  const std::vector expectations(6, open(config::ReachKind::icmp, "10.9.0.1"));
  const Instant begun = os::boot_now();
  const auto facts = reach(expectations);
  EXPECT_GE(os::boot_now() - begun, 300ms);
  for (const diagnosis::ReachResult& result : facts.results)
    EXPECT_EQ(result.tries.at(0).outcome, diagnosis::ReachOutcome::answered);
}

}  // namespace
}  // namespace wgscope::checks
