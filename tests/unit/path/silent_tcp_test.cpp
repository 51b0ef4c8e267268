#include "wgscope/path/silent_tcp.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "wgscope/wire/ip.hpp"
#include "wgscope/wire/tcp.hpp"

namespace wgscope::path {
namespace {

using std::chrono::seconds;
using State = SilentTcp::State;

Endpoint endpoint(const char* text) { return Endpoint::parse(text).value(); }

/// A client of 10.9.0.2 and the service that it speaks to, whose packets the test makes.
struct Pair {
  Endpoint ours = endpoint("10.9.0.2:50000");
  Endpoint theirs = endpoint("10.9.0.1:22");
  Instant now{seconds(1000)};
  SilentTcp client{ours, theirs, 0xffffffff, now};

  /// What the client sends next.
  std::optional<wire::TcpSegment> sent() {
    const auto packet = client.poll_packet();
    if (!packet) return std::nullopt;
    kept = *packet;
    return wire::parse_tcp(wire::parse_ip(kept).value()).value();
  }
  TcpSeen receive(wire::TcpSegment segment, std::string_view text = {}) {
    segment.source = theirs.port;
    segment.destination = ours.port;
    segment.payload = std::as_bytes(std::span(text));
    std::vector<std::byte> packet(wire::tcp_packet_size(Family::v4, text.size()));
    wire::write_tcp_packet(packet, {theirs.address, ours.address}, segment);
    return client.handle_packet(now, wire::parse_ip(packet).value());
  }
  void expire() {
    now = *client.next_timeout();
    client.handle_timeout(now);
  }
  void connect() {
    static_cast<void>(sent());
    receive({.sequence = 77, .acknowledgement = 0, .syn = true, .ack = true});
    static_cast<void>(sent());
  }
  std::vector<std::byte> kept;
};

TEST(SilentTcp, ConnectsAndLeavesTheFirstDataUnacknowledged) {
  Pair pair;
  const auto syn = pair.sent().value();
  EXPECT_TRUE(syn.syn && !syn.ack);
  EXPECT_EQ(pair.receive({.sequence = 77, .acknowledgement = 0, .syn = true, .ack = true}),
            TcpSeen::progress);
  const auto ack = pair.sent().value();
  EXPECT_TRUE(ack.ack && !ack.syn);
  EXPECT_EQ(ack.acknowledgement, 78U);
  EXPECT_EQ(ack.sequence, 0U);
  for (int i = 0; i < 3; ++i)
    EXPECT_EQ(pair.receive({.sequence = 78, .acknowledgement = 0, .ack = true}, "SSH-2.0"),
              TcpSeen::data);
  EXPECT_EQ(pair.client.state(), State::stalled);
  EXPECT_FALSE(pair.sent());
  EXPECT_EQ(pair.client.next_timeout(), std::nullopt);
}

TEST(SilentTcp, AsksWithAByteThatTheOtherSideHasHad) {
  Pair pair;
  pair.connect();
  pair.client.ask();
  EXPECT_FALSE(pair.sent()) << "there is no data yet";
  pair.receive({.sequence = 78, .acknowledgement = 0, .ack = true}, "SSH-2.0");
  pair.client.ask();
  const auto asked = pair.sent().value();
  EXPECT_EQ(asked.sequence, 0xffffffff);
  EXPECT_EQ(asked.acknowledgement, 78U) << "the data is still not acknowledged";
  EXPECT_TRUE(asked.payload.empty());
  EXPECT_EQ(pair.receive({.sequence = 85, .acknowledgement = 0, .ack = true}), TcpSeen::answer);
}

TEST(SilentTcp, RequestsByHttpWhereNothingComesByItself) {
  Pair pair;
  pair.connect();
  pair.expire();
  const auto request = pair.sent().value();
  const std::string text(reinterpret_cast<const char*>(request.payload.data()),
                         request.payload.size());
  EXPECT_TRUE(text.starts_with("GET / HTTP/1.1\r\nHost: 10.9.0.1\r\n")) << text;
  pair.expire();
  EXPECT_EQ(pair.sent()->sequence, request.sequence) << "the same again, as it may be lost";
  const auto acknowledged = static_cast<std::uint32_t>(request.payload.size());
  EXPECT_EQ(pair.receive({.sequence = 78, .acknowledgement = acknowledged, .ack = true}),
            TcpSeen::progress);
  EXPECT_EQ(pair.receive({.sequence = 78, .acknowledgement = acknowledged, .ack = true}, "HTTP"),
            TcpSeen::data);
  pair.client.ask();
  EXPECT_EQ(pair.sent()->sequence, acknowledged - 1);
}

TEST(SilentTcp, SaysWhyAServiceIsNoGood) {
  Pair silent;
  while (silent.client.next_timeout()) silent.expire();
  EXPECT_EQ(silent.client.state(), State::silent);
  EXPECT_LE(silent.now, (Instant{seconds(1006)}));

  Pair refused;
  EXPECT_EQ(refused.receive({.acknowledgement = 0, .ack = true, .rst = true}), TcpSeen::ended);
  EXPECT_EQ(refused.client.state(), State::refused);

  Pair no_data;
  no_data.connect();
  while (no_data.client.next_timeout()) no_data.expire();
  EXPECT_EQ(no_data.client.state(), State::no_data);

  Pair closes;
  closes.connect();
  closes.receive({.sequence = 78, .acknowledgement = 0, .ack = true, .fin = true});
  EXPECT_EQ(closes.client.state(), State::no_data);

  Pair ends;
  ends.connect();
  ends.receive({.sequence = 78, .acknowledgement = 0, .ack = true}, "SSH-2.0");
  EXPECT_EQ(ends.receive({.sequence = 85, .acknowledgement = 0, .ack = true, .rst = true}),
            TcpSeen::ended);
  EXPECT_EQ(ends.client.state(), State::ended);
}

TEST(SilentTcp, IsNotEndedOrFooledByPacketsThatAreNotOfIt) {
  Pair pair;
  EXPECT_EQ(pair.receive({.acknowledgement = 5, .ack = true, .rst = true}), TcpSeen::nothing);
  EXPECT_EQ(pair.receive({.sequence = 7, .acknowledgement = 5, .syn = true, .ack = true}),
            TcpSeen::nothing);
  EXPECT_EQ(pair.client.state(), State::connecting);
  pair.connect();
  EXPECT_EQ(pair.receive({.sequence = 500'000, .rst = true}), TcpSeen::nothing);
  EXPECT_EQ(pair.receive({.sequence = 79, .ack = true}, "data"), TcpSeen::nothing);
  pair.theirs.port = 23;
  EXPECT_EQ(pair.receive({.sequence = 78, .ack = true}, "data"), TcpSeen::nothing);
  EXPECT_EQ(pair.client.state(), State::waiting);
}

TEST(SilentTcp, ResetsWhatItHasOpened) {
  Pair pair;
  pair.connect();
  pair.receive({.sequence = 78, .acknowledgement = 0, .ack = true}, "SSH-2.0");
  pair.client.reset();
  EXPECT_TRUE(pair.sent()->rst);
  EXPECT_EQ(pair.client.state(), State::ended);
}

}  // namespace
}  // namespace wgscope::path
