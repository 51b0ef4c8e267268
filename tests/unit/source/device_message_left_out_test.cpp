// Peers with a value that cannot be what it says: they cost nothing but themselves.

#include <array>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <linux/wireguard.h>

#include "wgscope/model/device.hpp"
#include "wgscope/source/netlink/wireguard.hpp"

#include "attribute_builder.hpp"
#include "device_message_fixture.hpp"

namespace wgscope::netlink {
namespace {

using testing::bytes_of;

TEST(DeviceMessage, LeavesOutAPeerWhoseHandshakeIsNoTime) {
  for (const auto& [seconds, nanoseconds] : {std::pair<std::int64_t, std::int64_t>{-1, 0},
                                             {0, -1},
                                             {1, 1'000'000'000},
                                             {9'223'372'037, 0},
                                             {INT64_MAX, 0},
                                             {INT64_MIN, 0},
                                             {0, INT64_MIN},
                                             {0, INT64_MAX}}) {
    const std::array<std::int64_t, 2> time{seconds, nanoseconds};
    LeftOut left_out;
    const auto device =
        decode({with_peers({peer(1).put(WGPEER_A_LAST_HANDSHAKE_TIME, bytes_of(time))})}, left_out);
    ASSERT_TRUE(device) << reason(device);
    EXPECT_TRUE(device->peers.empty()) << seconds << ' ' << nanoseconds;
    EXPECT_EQ(left_out.peers, 1U);
    EXPECT_EQ(left_out.fault, "WGPEER_A_LAST_HANDSHAKE_TIME: not a valid time");
  }
}

const std::array<std::int64_t, 2> kNoTime{1, 1'000'000'000};

TEST(DeviceMessage, LeavesOutOnlyThePeerWithAValueOutOfRange) {
  const auto good = [](unsigned char number) {
    return peer(number)
        .put(WGPEER_A_RX_BYTES, std::uint64_t{number})
        .nest(WGPEER_A_ALLOWEDIPS, list({ip({10, 0, 0, number}, 32)}));
  };
  LeftOut left_out;
  const auto device = decode(
      {with_peers({good(1), peer(2)
                                .nest(WGPEER_A_ALLOWEDIPS, list({ip({10, 0, 0, 2}, 32)}))
                                .put(WGPEER_A_LAST_HANDSHAKE_TIME, bytes_of(kNoTime))}),
       with_peers(
           {good(3),
            peer(4).nest(WGPEER_A_ALLOWEDIPS, list({ip({10, 0, 0, 4}, 32), ip({10, 0, 0, 5}, 33)})),
            good(5)})},
      left_out);
  ASSERT_TRUE(device) << reason(device);
  ASSERT_EQ(device->peers.size(), 3U);
  EXPECT_EQ(device->peers[1].public_key, key_of(3));
  EXPECT_EQ(device->peers[1].receive_bytes, 3U);
  EXPECT_EQ(allowed_ips(*device, 1), std::vector<std::string>{"10.0.0.3/32"});
  EXPECT_EQ(allowed_ips(*device, 2), std::vector<std::string>{"10.0.0.5/32"});
  EXPECT_EQ(device->allowed_ips.size(), 3U);
  EXPECT_EQ(left_out.peers, 2U);
  EXPECT_EQ(left_out.fault, "WGPEER_A_LAST_HANDSHAKE_TIME: not a valid time") << "of the first";
}

TEST(DeviceMessage, LeavesOutAPeerWithAllItsMessages) {
  const auto ips = [](unsigned char last, std::uint8_t bits) {
    return list({ip({10, 0, 0, last}, bits)});
  };
  const Attributes more = peer(2).nest(WGPEER_A_ALLOWEDIPS, ips(2, 32));
  LeftOut left_out;
  const auto begun_badly =
      decode({with_peers({peer(1), peer(2).put(WGPEER_A_LAST_HANDSHAKE_TIME, bytes_of(kNoTime))}),
              with_peers({more}), with_peers({more, peer(3)})},
             left_out);
  ASSERT_TRUE(begun_badly) << reason(begun_badly);
  ASSERT_EQ(begun_badly->peers.size(), 2U);
  EXPECT_EQ(begun_badly->peers[1].public_key, key_of(3));
  EXPECT_TRUE(begun_badly->allowed_ips.empty());
  EXPECT_EQ(left_out.peers, 1U);

  left_out = {};
  const auto ended_badly =
      decode({with_peers({peer(1).nest(WGPEER_A_ALLOWEDIPS, ips(1, 32)), more}),
              with_peers({peer(2).nest(WGPEER_A_ALLOWEDIPS, ips(9, 33))}), with_peers({more})},
             left_out);
  ASSERT_TRUE(ended_badly) << reason(ended_badly);
  ASSERT_EQ(ended_badly->peers.size(), 1U);
  EXPECT_EQ(ended_badly->allowed_ips.size(), 1U);
  EXPECT_EQ(left_out.peers, 1U);
}

}  // namespace
}  // namespace wgscope::netlink
