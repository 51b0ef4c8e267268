#include "exporter/recorder.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "wgscope/base/time.hpp"
#include "wgscope/journal/event.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/model/device.hpp"
#include "wgscope/model/snapshot.hpp"

#include "exporter/device_view.hpp"
#include "exporter/endpoint_detail.hpp"
#include "exporter/history.hpp"
#include "keys.hpp"

namespace wgscope::exporter {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr WallTime kStart{1'800'000'000s};

class KeptEvents final : public EventSink {
 public:
  void take(const journal::Event& event) override { events.push_back(event); }
  void flush() override { ++flushes; }
  bool begun_anew() override { return std::exchange(anew, false); }

  std::vector<journal::Event> events;
  int flushes = 0;
  bool anew = false;
};

/// A peer of the script: what one reading shows of it.
struct Shown {
  std::uint32_t number = 1;
  std::optional<int> handshake;  ///< seconds since kStart
  const char* endpoint = nullptr;
  std::uint64_t bytes = 1000;
};

/// An exporter's readings of wg0, of which the test says when and what.
class Readings {
 public:
  explicit Readings(Recorder::Settings settings = {}) : recorder_(std::move(settings), &sink_) {}

  /// @returns the events of a reading at `second`: their names, and whose they are.
  std::vector<std::string> read(int second, const std::vector<Shown>& peers, bool whole = true) {
    Snapshot snapshot = at(second);
    Device& device = snapshot.devices.emplace_back();
    device.name = "wg0";
    for (const Shown& shown : peers) {
      Peer& peer = device.peers.emplace_back();
      peer.public_key = key(shown.number);
      peer.receive_bytes = peer.transmit_bytes = shown.bytes;
      if (shown.handshake) peer.last_handshake = wall(*shown.handshake);
      if (shown.endpoint != nullptr) peer.endpoint = Endpoint::parse(shown.endpoint).value();
    }
    if (!whole) snapshot.failures.push_back({"", "wg0", FailureReason::interrupted, ""});
    return take(snapshot, whole);
  }

  /// A reading that fails, for wg0 or for all of the namespace.
  std::vector<std::string> fail(int second, std::string interface) {
    Snapshot snapshot = at(second);
    snapshot.failures.push_back({"", std::move(interface), FailureReason::timeout, ""});
    return take(snapshot, false);
  }
  /// A reading that shows that there is no interface.
  std::vector<std::string> read_nothing(int second) { return take(at(second), true); }

  std::vector<std::string> stop(int second) {
    recorder_.stop(wall(second));
    return names();
  }

  static WallTime wall(int second) { return {kStart.since_epoch + std::chrono::seconds(second)}; }

  KeptEvents sink_;
  History history_{1, true};
  Recorder recorder_;
  std::uint64_t steps_ = 0;
  Nanoseconds step_{};

 private:
  [[nodiscard]] Snapshot at(int second) const {
    Snapshot snapshot;
    snapshot.taken = {Instant{std::chrono::seconds(10'000 + second)},
                      WallTime{wall(second).since_epoch + step_}};
    return snapshot;
  }

  std::vector<std::string> take(const Snapshot& snapshot, bool whole) {
    recorder_.begin(snapshot, nullptr, steps_);
    for (const Device& device : snapshot.devices) {
      DeviceView view;
      const Lens lens{snapshot.taken, nullptr, 1, &recorder_, &history_.removed()};
      view_device(device, whole, history_.of(device, snapshot.taken.wall), lens, view);
    }
    history_.forget_unless(
        [&](const std::string& netns, const std::string& name) {
          return !snapshot.devices.empty() || !snapshot.failures.empty() || !netns.empty() ||
                 name != "wg0";
        },
        [&](const std::string& netns, const std::string& name, InterfaceHistory& interface) {
          for (const PeerHistory& peer : interface.peers.entries())
            recorder_.gone({netns, name, peer.key}, *interface.peers.memory_of(peer),
                           history_.removed());
        });
    recorder_.end(snapshot, history_);
    return names();
  }

  std::vector<std::string> names() {
    std::vector<std::string> made;
    for (const journal::Event& event : sink_.events) {
      std::string name(journal::kEventNames.at(static_cast<std::size_t>(event.kind)));
      if (event.key)
        for (std::uint32_t number = 1; number < 10; ++number)
          if (*event.key == key(number)) name += fmt::format(" {}", number);
      made.push_back(std::move(name));
    }
    last_ = std::exchange(sink_.events, {});
    return made;
  }

 public:
  std::vector<journal::Event> last_;  ///< the events that the last call returned
};

TEST(RecorderTest, BeginsWithWhoIsConnectedAndInventsNothing) {
  Readings readings({.interval = 5s, .version = "1.2.3"});
  EXPECT_THAT(readings.read(0, {{1, -10, "192.0.2.1:1"}, {2, -500}, {3}}),
              ElementsAre("exporter_started", "found_connected 1", "connections_listed"))
      << "nobody knows when these were added, or when the first handshake was";
  EXPECT_EQ(readings.last_[0].detail, "1.2.3");
  EXPECT_EQ(readings.last_[0].seconds, 5);
  EXPECT_EQ(readings.last_[1].endpoint, "192.0.2.1:1");
  EXPECT_EQ(readings.last_[1].handshake, Readings::wall(-10));
  EXPECT_EQ(readings.last_[2].count, 1U);
  EXPECT_EQ(readings.last_[2].time, Readings::wall(0));
  EXPECT_THAT(readings.read(5, {{1, -10, "192.0.2.1:1"}, {2, -500}, {3}}), IsEmpty());
  EXPECT_EQ(readings.sink_.flushes, 2);
}

TEST(RecorderTest, TellsOfAPeersWholeLife) {
  Readings readings;
  readings.read(0, {{1}});
  EXPECT_THAT(readings.read(5, {{1}, {2}}), ElementsAre("peer_added 2"));
  EXPECT_THAT(readings.read(10, {{1}, {2, 8, "192.0.2.1:1"}}), ElementsAre("first_handshake 2"));
  EXPECT_EQ(readings.last_[0].handshake, Readings::wall(8));
  EXPECT_THAT(readings.read(130, {{1}, {2, 128, "192.0.2.1:1"}}), IsEmpty()) << "a new session";
  EXPECT_THAT(readings.read(140, {{1}, {2, 128, "192.0.2.9:1"}}),
              ElementsAre("endpoint_changed 2"));
  EXPECT_EQ(readings.last_[0].endpoint, "192.0.2.9:1");
  EXPECT_EQ(readings.last_[0].endpoint_before, "192.0.2.1:1");
  EXPECT_THAT(readings.read(307, {{1}, {2, 128, "192.0.2.9:1"}}), IsEmpty());
  EXPECT_THAT(readings.read(308, {{1}, {2, 128, "192.0.2.9:1"}}), ElementsAre("went 2"));
  EXPECT_EQ(readings.last_[0].handshake, Readings::wall(128));
  EXPECT_THAT(readings.read(400, {{1}, {2, 398, "192.0.2.9:1"}}), ElementsAre("came_back 2"));
  EXPECT_THAT(readings.read(405, {{1}}), ElementsAre("peer_removed 2"));
  EXPECT_THAT(readings.read(500, {{1}, {2}}), ElementsAre("peer_added 2"));
  EXPECT_THAT(readings.read(505, {{1}, {2, 503}}), ElementsAre("came_back 2"))
      << "this key was here before";
  EXPECT_THAT(readings.stop(506), ElementsAre("exporter_stopped"));
}

TEST(RecorderTest, SeesASessionThatEndedBetweenTwoReadings) {
  Readings readings;
  readings.read(0, {{1, -10}});
  EXPECT_THAT(readings.read(300, {{1, 295}}), ElementsAre("went 1", "came_back 1"));
  EXPECT_EQ(readings.last_[0].handshake, Readings::wall(-10));
  EXPECT_THAT(readings.read(900, {{1, 500}}), ElementsAre("went 1", "came_back 1", "went 1"))
      << "came and went while nobody looked";
  EXPECT_EQ(readings.last_[2].handshake, Readings::wall(500));
}

TEST(RecorderTest, SeesAPeerThatWasRemovedAndAddedAgain) {
  Readings readings;
  readings.read(0, {{1, -10}});
  EXPECT_THAT(readings.read(5, {{.number = 1, .handshake = {}, .bytes = 0}}),
              ElementsAre("peer_removed 1", "peer_added 1"));
  EXPECT_EQ(readings.last_[0].handshake, Readings::wall(-10)) << "of the session that was cut off";
}

TEST(RecorderTest, SeesAnInterfaceComeAndGo) {
  Readings readings;
  EXPECT_THAT(readings.read_nothing(0), ElementsAre("exporter_started", "connections_listed"));
  EXPECT_THAT(readings.read(5, {{1}, {2}}), ElementsAre("peer_added 1", "peer_added 2"));
  EXPECT_THAT(readings.read_nothing(10), ElementsAre("peer_removed 1", "peer_removed 2"));
}

TEST(RecorderTest, DoesNotTakeForRemovedOrAddedWhatCouldNotBeRead) {
  Readings readings;
  EXPECT_THAT(readings.fail(0, "wg0"), ElementsAre("exporter_started", "connections_listed"));
  EXPECT_THAT(readings.read(5, {{1, 0}, {2}}), ElementsAre("found_connected 1"))
      << "it may have been there before";
  EXPECT_THAT(readings.fail(10, "wg0"), ElementsAre("reading_failed"));
  EXPECT_EQ(readings.last_[0].interface, "wg0");
  EXPECT_THAT(readings.fail(15, "wg0"), IsEmpty()) << "once";
  EXPECT_THAT(readings.read(20, {{1, 0}, {2}}), ElementsAre("found_connected 1", "reading_resumed"))
      << "who is connected is listed again";
  EXPECT_THAT(readings.fail(25, ""), ElementsAre("reading_failed", "reading_failed"));
  EXPECT_EQ(readings.last_[1].interface, "") << "others may be hidden as well";
  EXPECT_THAT(readings.read(30, {{1, 0}, {2}}),
              ElementsAre("found_connected 1", "reading_resumed", "reading_resumed"));
  EXPECT_THAT(readings.read(35, {{1, 0}}, false), IsEmpty()) << "an interrupted reading";
}

TEST(RecorderTest, ListsWhoIsConnectedAgainInANewFile) {
  Readings readings;
  readings.read(0, {{1, -10}, {2}});
  readings.sink_.anew = true;
  EXPECT_THAT(readings.read(5, {{1, -10}, {2}}),
              ElementsAre("found_connected 1", "connections_listed"));
  EXPECT_THAT(readings.read(10, {{1, -10}, {2}}), IsEmpty());
}

TEST(RecorderTest, SaysNowAndThenThatItStillReads) {
  Readings readings;
  readings.read(0, {{1}});
  EXPECT_THAT(readings.read(599, {{1}}), IsEmpty());
  EXPECT_THAT(readings.read(600, {{1}}), ElementsAre("exporter_running"));
  EXPECT_THAT(readings.read(700, {{1}, {2}}), ElementsAre("peer_added 2"));
  EXPECT_THAT(readings.read(1299, {{1}, {2}}), IsEmpty()) << "since the last event";
  EXPECT_THAT(readings.read(1300, {{1}, {2}}), ElementsAre("exporter_running"));
}

TEST(RecorderTest, SaysThatTheClockWasStepped) {
  Readings readings;
  readings.read(0, {{1, -10}});
  readings.steps_ = 1;
  readings.step_ = -1h;
  EXPECT_THAT(readings.read(5, {{1, -10}}), ElementsAre("clock_stepped"));
  EXPECT_EQ(readings.last_[0].seconds, -3600);
  EXPECT_THAT(readings.read(10, {{1, -10}}), IsEmpty());
}

TEST(RecorderTest, ShowsOfEndpointsWhatIsAllowedAndNoChangeOfTheRest) {
  const auto changes = [](EndpointDetail detail, const char* to) {
    Readings readings({.endpoint = detail});
    readings.read(0, {{1, -10, "192.0.2.1:1000"}});
    const auto names = readings.read(5, {{1, -10, to}});
    return names.empty() ? std::string("nothing")
                         : readings.last_[0].endpoint_before + " " + readings.last_[0].endpoint;
  };
  EXPECT_EQ(changes(EndpointDetail::full, "192.0.2.1:1001"), "192.0.2.1:1000 192.0.2.1:1001");
  EXPECT_EQ(changes(EndpointDetail::ip, "192.0.2.1:1001"), "nothing");
  EXPECT_EQ(changes(EndpointDetail::ip, "192.0.2.2:1000"), "192.0.2.1 192.0.2.2");
  EXPECT_EQ(changes(EndpointDetail::subnet, "192.0.2.2:1000"), "nothing");
  EXPECT_EQ(changes(EndpointDetail::subnet, "192.0.3.1:1000"), "192.0.2.0/24 192.0.3.0/24");
  EXPECT_EQ(changes(EndpointDetail::off, "198.51.100.7:9"), "nothing");
}

TEST(RecorderTest, TellsAfterARestartWhatHappenedMeanwhile) {
  Readings before;
  before.read(0, {{1, -10, "192.0.2.1:1"}, {2, -20}, {3, -900}, {4, -30}, {5}, {6, -900}});
  before.read(50, {{1, 40, "192.0.2.1:1"}, {2, -20}, {3, -900}, {4, -30}, {5}, {6, -900}});
  before.stop(50);
  Readings after({.restored = true});
  ASSERT_TRUE(
      after.history_.restore(before.history_.serialize("boot", Readings::wall(50)), "boot"));
  EXPECT_THAT(
      after.read(400, {{1, 390, "192.0.2.7:1"}, {2, -20}, {3, 395}, {5, 100}, {6, -900}, {7, 300}}),
      ElementsAre("exporter_started", "endpoint_changed 1", "went 1", "came_back 1", "went 2",
                  "came_back 3", "first_handshake 5", "went 5", "peer_added 7", "first_handshake 7",
                  "peer_removed 4", "connections_listed"));
  EXPECT_THAT(
      after.read(405, {{1, 390, "192.0.2.7:1"}, {2, -20}, {3, 395}, {5, 100}, {6, -900}, {7, 300}}),
      IsEmpty());
}

TEST(RecorderTest, KeepsMemoriesOfRemovedPeersOverARestart) {
  Readings before;
  before.read(0, {{1}, {2, -10, "192.0.2.1:1"}});
  before.read(5, {{1}});
  Readings after({.restored = true});
  ASSERT_TRUE(after.history_.restore(before.history_.serialize("boot", Readings::wall(5)), "boot"));
  after.read(10, {{1}});
  EXPECT_THAT(after.read(20, {{1}, {2, 18, "192.0.2.1:1"}}),
              ElementsAre("peer_added 2", "came_back 2"));
  Device wg0;
  wg0.name = "wg0";
  PeerTable& peers = after.history_.of(wg0, kStart).peers;
  const PeerMemory* memory = peers.memory_of(peers.entries().back());
  EXPECT_EQ(memory->first_seen, Readings::wall(0));
  EXPECT_EQ(memory->first_handshake, Readings::wall(-10));
  EXPECT_EQ(memory->last_handshake, Readings::wall(18));
  EXPECT_EQ(memory->removals, 1U);
  EXPECT_EQ(memory->removed, std::nullopt);
  EXPECT_EQ(peers.entries().back().first_seen, Readings::wall(20)) << "on the interface, as ever";
}

TEST(RecorderTest, TakesPeersOfAnEarlierVersionsFileForKnownAndTheirHandshakesForOld) {
  Readings after({.restored = true});
  ASSERT_TRUE(after.history_.restore(
      fmt::format("wgscope first sights 1\nboot\tx\ninterface\t\twg0\t0\t0\npeer\t{}\t1000\n",
                  key(1).base64()),
      "boot"));
  EXPECT_THAT(after.read(0, {{1, -10}}),
              ElementsAre("exporter_started", "found_connected 1", "connections_listed"));
  EXPECT_THAT(after.read(5, {{1, 3}}), IsEmpty());
}

TEST(RecorderTest, TakesWhatTheDeclaredStateTells) {
  Readings readings;
  readings.read(0, {{1}});
  Device device;
  device.netns = "blue";
  device.name = "wg3";
  const PublicKey undeclared = key(4);
  readings.recorder_.declare(journal::EventKind::key_undeclared, device, {&undeclared, nullptr},
                             "");
  readings.recorder_.declare(journal::EventKind::configuration_drifted, device, {}, "MTU");
  ASSERT_EQ(readings.sink_.events.size(), 2U);
  EXPECT_EQ(readings.sink_.events[0].key, undeclared);
  EXPECT_EQ(readings.sink_.events[0].netns, "blue");
  EXPECT_EQ(readings.sink_.events[0].time, Readings::wall(0));
  EXPECT_EQ(readings.sink_.events[1].detail, "MTU");
  EXPECT_EQ(readings.sink_.events[1].key, std::nullopt);
}

}  // namespace
}  // namespace wgscope::exporter
