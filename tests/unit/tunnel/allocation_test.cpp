#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include <gtest/gtest.h>

#include "wgscope/base/time.hpp"
#include "wgscope/tunnel/event.hpp"
#include "wgscope/tunnel/interface.hpp"

#include "../source/allocation_watch.hpp"
#include "net.hpp"

// A program of its own: it counts what operator new does. OpenSSL's own memory is not counted, but
// its contexts are kept, too.

namespace wgscope::tunnel {
namespace {

using namespace std::chrono_literals;
using testing::Bytes;
using testing::ipv4;
using testing::make_pair;
using testing::Net;
using ::wgscope::testing::AllocationWatch;

/// Carries everything that `from` has to send to `to`, without the simulated network,
/// whose queues allocate.
struct Carrier {
  Net& net;
  Bytes buffer = Bytes(65'536);
  std::size_t packets = 0;
  std::size_t datagrams = 0;

  void carry(std::size_t from, std::size_t to, Instant boot) {
    while (const auto batch = net.interface(from).poll_transmit()) {
      for (std::span<const std::byte> left = batch->bytes; !left.empty();) {
        const auto one = left.first(std::min(left.size(), batch->segment_size));
        left = left.subspan(one.size());
        std::ranges::copy(one, buffer.begin());
        const auto received = net.interface(to).handle_datagram(
            {boot, {}}, net[from].address, std::span(buffer).first(one.size()));
        packets += received.packet.empty() ? 0U : 1U;
        ++datagrams;
      }
    }
  }
};

/// One second of traffic, and everything that time does; the same both ways.
void one_second(Carrier& carrier, Instant& boot, const Bytes& there, const Bytes& back) {
  Net& net = carrier.net;
  for (int i = 0; i < 50; ++i) {
    for (int burst = 0; burst < 10; ++burst) net.interface(0).send({boot, {}}, there);
    carrier.carry(0, 1, boot);
    net.interface(1).send({boot, {}}, back);
    carrier.carry(1, 0, boot);
    boot = boot + 20ms;
    for (std::size_t node = 0; node < 2; ++node) {
      net.interface(node).handle_timeout({boot, {}});
      while (net.interface(node).poll_event()) {
      }
    }
  }
}

TEST(Allocation, ThePacketPathTakesNothingFromTheHeapOnceItIsWarm) {
  Net net = make_pair({.persistent_keepalive = 1s}, {.endpoint = true});
  net.initiate(0, 1);
  net.advance(1s);
  const Bytes there = ipv4(net[0].inner, net[1].inner, "there", 1000);
  const Bytes back = ipv4(net[1].inner, net[0].inner, "back", 100);
  Carrier carrier{net};
  Instant boot = net.boot();
  one_second(carrier, boot, there, back);  // warms up
  const std::size_t warm = carrier.packets;

  AllocationWatch::start();
  for (int second = 0; second < 30; ++second) one_second(carrier, boot, there, back);
  AllocationWatch::stop();
  EXPECT_EQ(carrier.packets - warm, 30U * 50U * 11U);
  EXPECT_EQ(AllocationWatch::count(), 0U);
}

TEST(Allocation, KeepalivesOfEveryKindAndRefusedDatagramsTakeNothingEither) {
  Net net = make_pair({.persistent_keepalive = 1s}, {.endpoint = true});
  net.initiate(0, 1);
  net.advance(1s);
  const Bytes there = ipv4(net[0].inner, net[1].inner, "there", 1000);
  Carrier carrier{net};
  Instant boot = net.boot();
  one_second(carrier, boot, there, there);
  Bytes garbage(200, std::byte{4});
  const std::size_t before = carrier.datagrams;

  AllocationWatch::start();
  net.interface(0).send({boot, {}}, there);
  carrier.carry(0, 1, boot);
  for (int step = 0; step < 600; ++step) {  // a minute: persistent and passive keepalives
    boot = boot + 100ms;
    for (std::size_t node = 0; node < 2; ++node) {
      net.interface(node).handle_timeout({boot, {}});
      net.interface(node).handle_datagram({boot, {}}, net[0].address, garbage);
      carrier.carry(node, 1 - node, boot);
    }
  }
  net.interface(0).send_keepalive({boot, {}}, net.id(0, 1));
  carrier.carry(0, 1, boot);
  AllocationWatch::stop();
  EXPECT_GT(carrier.datagrams - before, 50U);
  EXPECT_EQ(AllocationWatch::count(), 0U);
}

}  // namespace
}  // namespace wgscope::tunnel
