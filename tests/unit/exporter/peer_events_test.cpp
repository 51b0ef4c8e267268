// What counts as a handshake, a change of endpoint and an alternation.

#include <chrono>
#include <cstdint>
#include <optional>
#include <ostream>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "wgscope/base/time.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/model/device.hpp"

#include "exporter/history.hpp"
#include "exporter/peer_history.hpp"
#include "keys.hpp"

namespace wgscope::exporter {

void PrintTo(const PeerEvents& e, std::ostream* out) {
  *out << e.handshakes << " handshakes, " << e.endpoint_changes << " changes, "
       << e.endpoint_alternations << " alternations";
}

namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t kSeed = 7;
constexpr WallTime kStart{1'700'000'000s};
constexpr const char* kA = "192.0.2.1:51820";
constexpr const char* kB = "198.51.100.7:4500";
constexpr const char* kC = "[2001:db8::1]:51820";

PeerEvents events(std::uint32_t handshakes, std::uint32_t changes = 0,
                  std::uint32_t alternations = 0) {
  return {handshakes, changes, alternations};
}

/// A peer on a machine with clocks, read by an exporter as view_device() does it.
class Watched {
 public:
  void pass(Nanoseconds time) {
    now_.boot.since_boot += time;
    now_.wall.since_epoch += time;
  }
  void step(Nanoseconds by) { now_.wall.since_epoch += by; }

  /// The implementation takes the wall clock at the handshake.
  void shake() { peer_.last_handshake = now_.wall; }
  void shake_at(WallTime time) { peer_.last_handshake = time; }
  void be_at(const char* endpoint) {
    peer_.endpoint =
        endpoint != nullptr ? std::optional(Endpoint::parse(endpoint).value()) : std::nullopt;
  }
  /// Removed and added again: nothing of it is left.
  void be_made_anew() { peer_ = Peer{}; }

  /// A reading 5 s later.
  PeerEvents read() {
    pass(5s);
    look();
    if (peer_.last_handshake) static_cast<void>(handshake_age(entry_, *peer_.last_handshake, now_));
    return entry_.events;
  }

  /// As BoringTun reports: an age, told `late` after the reading's clock was read.
  PeerEvents read_age(Nanoseconds age, Nanoseconds late = 0ns) {
    peer_.handshake_from_age = true;
    pass(5s);
    peer_.last_handshake = WallTime{now_.wall.since_epoch - age - late};
    look();
    static_cast<void>(handshake_age(entry_, *peer_.last_handshake, now_));
    return entry_.events;
  }

 private:
  void look() {
    static_cast<void>(look_for_changes(entry_, peer_, kSeed, now_));
    entry_.judge.judge({.at = now_.boot});
  }

  Now now_{Instant{5000s}, kStart};
  Peer peer_;
  PeerHistory entry_;
};

TEST(Handshakes, AreCountedFromTheFirstReadingOn) {
  Watched peer;
  peer.shake();
  EXPECT_EQ(peer.read(), events(0)) << "it was before";
  EXPECT_EQ(peer.read(), events(0));
  peer.shake();
  EXPECT_EQ(peer.read(), events(1));
  EXPECT_EQ(peer.read(), events(1)) << "once";
  peer.shake();
  peer.pass(1s);
  peer.shake();
  EXPECT_EQ(peer.read(), events(2)) << "of two between readings one is seen";
}

TEST(Handshakes, CountTheFirstOfAPeerThatNeverCame) {
  Watched peer;
  EXPECT_EQ(peer.read(), events(0));
  peer.shake();
  EXPECT_EQ(peer.read(), events(1));
}

TEST(Handshakes, AreNotMadeByStepsOfTheClock) {
  for (const Nanoseconds step : {Nanoseconds(-24h), Nanoseconds(-1s), Nanoseconds(24h * 365)}) {
    Watched peer;
    peer.shake();
    peer.read();
    peer.step(step);
    EXPECT_EQ(peer.read(), events(0)) << step.count();
    peer.step(-2 * step);
    EXPECT_EQ(peer.read(), events(0)) << step.count();
    peer.shake();
    EXPECT_EQ(peer.read(), events(1)) << "also one that looks earlier than the last";
  }
}

TEST(Handshakes, StartFromNothingWithAPeerThatWasMadeAnew) {
  Watched peer;
  peer.be_at(kA);
  peer.read();
  peer.shake();
  peer.be_at(kB);
  ASSERT_EQ(peer.read(), events(1, 1));
  peer.be_made_anew();
  EXPECT_EQ(peer.read(), events(0)) << "it had a handshake and has none";
  peer.shake();
  peer.be_at(kA);
  EXPECT_EQ(peer.read(), events(1)) << "and its first endpoint is no change";
  peer.be_at(kB);
  EXPECT_EQ(peer.read(), events(1, 1));
  peer.be_at(kA);
  EXPECT_EQ(peer.read(), events(1, 2, 1));
}

TEST(Handshakes, OfAnImplementationThatTellsAgesAreNotMadeByDelaysAndSteps) {
  Watched peer;
  EXPECT_EQ(peer.read_age(100s), events(0));
  EXPECT_EQ(peer.read_age(105s + 700us), events(0));
  EXPECT_EQ(peer.read_age(110s, 2500ms), events(0)) << "it hung for half of --collect.timeout";
  EXPECT_EQ(peer.read_age(115s), events(0));
  peer.step(-1h);
  EXPECT_EQ(peer.read_age(120s), events(0));
  peer.step(2h);
  EXPECT_EQ(peer.read_age(125s), events(0));
  EXPECT_EQ(peer.read_age(2s), events(1));
  EXPECT_EQ(peer.read_age(7s), events(1));
  EXPECT_EQ(peer.read_age(1s), events(2));
}

/// What is counted on a peer that is read once at each of these endpoints.
PeerEvents walk(const std::vector<const char*>& endpoints) {
  Watched peer;
  PeerEvents counted;
  for (const char* endpoint : endpoints) {
    peer.be_at(endpoint);
    counted = peer.read();
  }
  return counted;
}

TEST(EndpointChanges, AreFromOneKnownEndpointToAnother) {
  EXPECT_EQ(walk({kA}), events(0, 0));
  EXPECT_EQ(walk({kA, kA, kA}), events(0, 0));
  EXPECT_EQ(walk({nullptr, kA}), events(0, 0)) << "it came; it did not move";
  EXPECT_EQ(walk({kA, nullptr, kA}), events(0, 0));
  EXPECT_EQ(walk({kA, nullptr, kB}), events(0, 1));
  EXPECT_EQ(walk({kA, kB}), events(0, 1));
  EXPECT_EQ(walk({kA, kB, kB, kC}), events(0, 2));
}

TEST(EndpointChanges, DifferInAddressPortFamilyAndScope) {
  for (const char* other :
       {"192.0.2.1:51821", "192.0.2.2:51820", "[c000:201::]:51820", "[::c000:201]:51820"})
    EXPECT_EQ(walk({kA, other}), events(0, 1)) << other;
  EXPECT_EQ(walk({"[fe80::1%3]:9", "[fe80::1%4]:9"}), events(0, 1));
  EXPECT_EQ(walk({"[fe80::1%3]:9", "[fe80::1%3]:9"}), events(0, 0));
}

TEST(EndpointAlternations, AreReturnsToTheEndpointBeforeTheLast) {
  EXPECT_EQ(walk({kA, kB, kA}), events(0, 2, 1));
  EXPECT_EQ(walk({kA, kB, kA, kB, kA}), events(0, 4, 3));
  EXPECT_EQ(walk({kA, kC, kA}), events(0, 2, 1)) << "IPv4 and IPv6";
  EXPECT_EQ(walk({kA, kB, kC}), events(0, 2, 0));
  EXPECT_EQ(walk({kA, kB, kC, kA}), events(0, 3, 0)) << "a round of three is roaming";
  EXPECT_EQ(walk({kA, kB, kB, nullptr, kA}), events(0, 2, 1));
}

TEST(EndpointMarks, AreNoneForNoEndpointAndDependOnTheSeed) {
  const Endpoint endpoint = Endpoint::parse(kA).value();
  EXPECT_NE(mark_endpoint(endpoint, 1), EndpointMark::none);
  EXPECT_NE(mark_endpoint(Endpoint{}, 0), EndpointMark::none);
  EXPECT_NE(mark_endpoint(endpoint, 1), mark_endpoint(endpoint, 2));
}

TEST(PeerHistory, StaysSmall) {
  // At 100 000 peers a pointer more is a megabyte.
  EXPECT_LE(sizeof(PeerHistory), 136U);
}

// What the history of an interface does to them.

Device device(std::optional<std::uint32_t> ifindex) {
  Device made;
  made.name = "wg0";
  if (ifindex) made.link.emplace().ifindex = *ifindex;
  return made;
}

PeerEvents read(History& history, const Device& on, const Peer& peer) {
  PeerTable& peers = history.of(on, kStart).peers;
  peers.begin_reading();
  PeerHistory* entry = peers.find(peer.public_key, kStart);
  static_cast<void>(look_for_changes(*entry, peer, kSeed, {Instant{5000s}, kStart}));
  entry->judge.judge({.at = Instant{5000s}});
  entry->handshake = peer.last_handshake;
  return entry->events;
}

TEST(EventsOfAnInterface, StartFromNothingWhenItWasMadeAnew) {
  History history(1);
  Peer peer;
  peer.public_key = key(1);
  const auto shake = [&](int second) {
    peer.last_handshake = WallTime{kStart.since_epoch + std::chrono::seconds(second)};
  };
  peer.endpoint = Endpoint::parse(kA).value();
  EXPECT_EQ(read(history, device(7), peer), events(0));
  shake(1);
  EXPECT_EQ(read(history, device(7), peer), events(1));
  shake(2);
  EXPECT_EQ(read(history, device(std::nullopt), peer), events(2)) << "the link was not read";
  shake(3);
  EXPECT_EQ(read(history, device(7), peer), events(3));
  shake(4);
  peer.endpoint = Endpoint::parse(kB).value();
  EXPECT_EQ(read(history, device(8), peer), events(0))
      << "its handshake and endpoint are those of another peer with that key";
  shake(5);
  EXPECT_EQ(read(history, device(8), peer), events(1));
}

TEST(EventsOfAnInterface, GoOnWhenItsIndexIsKnownAtLast) {
  History history(1);
  Peer peer;
  peer.public_key = key(1);
  EXPECT_EQ(read(history, device(std::nullopt), peer), events(0));
  peer.last_handshake = kStart;
  EXPECT_EQ(read(history, device(7), peer), events(1));
}

TEST(EventsOfAnInterface, CountNothingInTheFirstReadingAfterARestart) {
  History before(1);
  Peer peer;
  peer.public_key = key(1);
  peer.endpoint = Endpoint::parse(kA).value();
  read(before, device(7), peer);
  peer.last_handshake = kStart;
  ASSERT_EQ(read(before, device(7), peer), events(1));
  const std::string boot = "11111111-2222-3333-4444-555555555555";
  History after(1);
  ASSERT_TRUE(after.restore(before.serialize(boot, kStart), boot));
  peer.last_handshake = WallTime{kStart.since_epoch + 9s};
  peer.endpoint = Endpoint::parse(kB).value();
  EXPECT_EQ(read(after, device(7), peer), events(0));
  peer.last_handshake = WallTime{kStart.since_epoch + 10s};
  EXPECT_EQ(read(after, device(7), peer), events(1));
}

}  // namespace
}  // namespace wgscope::exporter
