#include "traffic.hpp"

#include <chrono>

#include <gtest/gtest.h>

namespace wgscope::simulator {
namespace {

using namespace std::chrono_literals;

struct Tunnel {
  Tunnel()
      : peer(clock, chance, "key", "name", [] { return Time(0); }),
        device(peer.add_device(std::nullopt)) {
    peer.start();
    device.send({100, 1, 0, 0});
  }
  Clock clock;
  Chance chance{1};
  Peer peer;
  Device& device;
};

TEST(TcpSender, TransfersAtItsRate) {
  Tunnel tunnel;
  TcpSender sender(tunnel.clock, tunnel.peer, 200ms);
  sender.start(100'000, 60s);
  tunnel.clock.run_until(2min);
  EXPECT_FALSE(sender.active());
  EXPECT_NEAR(static_cast<double>(tunnel.peer.side().sent()), 6e6, 6e5);
  EXPECT_GT(tunnel.peer.side().received(), 60'000);
}

TEST(TcpSender, GivesUpOnASleeperAfterAQuarterOfAnHour) {
  Tunnel tunnel;
  TcpSender sender(tunnel.clock, tunnel.peer, 200ms);
  sender.start(100'000, 10min);
  tunnel.clock.run_until(60s);
  tunnel.device.suspend();
  tunnel.clock.run_until(60s + 920s);
  EXPECT_TRUE(sender.active());
  tunnel.clock.run_until(60s + 1050s);
  EXPECT_FALSE(sender.active());
}

TEST(TcpSender, GoesOnWhenTheSleeperWakes) {
  Tunnel tunnel;
  TcpSender sender(tunnel.clock, tunnel.peer, 200ms);
  sender.start(100'000, 120s);
  tunnel.clock.run_until(60s);
  tunnel.device.suspend();
  tunnel.clock.run_until(5min);
  tunnel.device.resume();
  tunnel.device.send({100, 1, 0, 0});
  tunnel.clock.run_until(10min);
  EXPECT_FALSE(sender.active());
  EXPECT_NEAR(static_cast<double>(tunnel.peer.side().sent()), 12e6, 1e6);
}

TEST(IdleConnection, ProbesNineTimesAfterTwoHours) {
  Tunnel tunnel;
  IdleConnection connection(tunnel.clock, tunnel.peer);
  connection.used();
  tunnel.device.set_connected(false);
  tunnel.clock.run_until(2h - 1s);
  EXPECT_EQ(tunnel.peer.data_sent(), 0);
  const auto before = tunnel.peer.side().sent();
  tunnel.clock.run_until(3h);
  // Each probe finds no session, and has WireGuard try for a minute and a half: it never rests.
  EXPECT_NEAR(static_cast<double>(tunnel.peer.side().sent() - before), 148 * 700 / 5.16, 148 * 8);
}

TEST(Timer, FiresAtTheLastDeadlineOnly) {
  Clock clock;
  int fired = 0;
  Timer timer(clock, [&] { ++fired; });
  timer.set(10s);
  timer.set(20s);
  timer.set(5s);
  timer.set(7s);
  clock.run_until(6s);
  EXPECT_EQ(fired, 0);
  clock.run_until(7s);
  EXPECT_EQ(fired, 1);
  clock.run_until(1min);
  EXPECT_EQ(fired, 1);
  timer.set(1s);
  timer.cancel();
  clock.run_until(2min);
  EXPECT_EQ(fired, 1);
}

}  // namespace
}  // namespace wgscope::simulator
