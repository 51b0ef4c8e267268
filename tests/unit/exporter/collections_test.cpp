#include <chrono>
#include <cstddef>
#include <filesystem>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "wgscope/base/time.hpp"
#include "wgscope/model/snapshot.hpp"
#include "wgscope/os/clock.hpp"

#include "collections_fixture.hpp"
#include "exporter/collection.hpp"
#include "fake_daemon.hpp"
#include "files.hpp"
#include "keys.hpp"
#include "sample_collection.hpp"
#include "wait.hpp"

namespace wgscope::exporter {
namespace {

using namespace std::chrono_literals;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

/// First sights of an interface's peers.
std::vector<WallTime> first_seen(const Collection& collection) {
  std::vector<WallTime> times;
  for (const PeerView& view : collection.views.at(0).peers) times.push_back(view.first_seen);
  return times;
}

TEST_F(CollectionsTest, ReadsWhatTheDaemonSays) {
  FakeDaemon daemon(folder_.path(), "lo", daemon_answer({{1, 0, 77}, {2}}));
  Collections collections(options(), collect_warnings());
  const auto collection = get(collections);
  ASSERT_THAT(collection->snapshot.devices, SizeIs(1));
  EXPECT_EQ(collection->snapshot.devices[0].name, "lo");
  EXPECT_EQ(collection->snapshot.devices[0].peers.at(0).receive_bytes, 77U);
  ASSERT_THAT(collection->views, SizeIs(1));
  EXPECT_THAT(collection->views[0].peers, SizeIs(2));
  const auto& text = collection->views[0].peers[1].key_text;
  EXPECT_EQ(std::string(text.begin(), text.end()), key(2).base64());
  EXPECT_TRUE(collection->views[0].created);
  EXPECT_THAT(warnings(), IsEmpty());
}

TEST_F(CollectionsTest, TellsTheStateOfEachPeer) {
  const auto now =
      std::chrono::duration_cast<std::chrono::seconds>(os::now().wall.since_epoch).count();
  FakeDaemon daemon(
      folder_.path(), "lo",
      daemon_answer({{1}, {2, now - 5}, {3, now - 100}, {4, now - 181}, {5, now + 3600}}));
  Collections collections(options(), collect_warnings());
  const auto collection = get(collections);
  const DeviceView& view = collection->views.at(0);
  std::vector<PeerState> states;
  for (const PeerView& peer : view.peers) states.push_back(peer.state);
  EXPECT_THAT(states, ElementsAre(PeerState::never, PeerState::live, PeerState::live,
                                  PeerState::idle, PeerState::live));
  EXPECT_EQ(view.by_state, (std::array<std::uint64_t, kPeerStateCount>{1, 3, 1}));
  EXPECT_EQ(view.peers[4].handshake_age, 0s) << "a handshake in the future is none long ago";
}

TEST_F(CollectionsTest, NamesPeersFromFilesThatMayChange) {
  FakeDaemon daemon(folder_.path(), "lo", daemon_answer({{1}, {2}}));
  test::write_file(folder_ / "names", fmt::format("{}: ann\n", key(1).base64()));
  CollectorOptions with_names = options();
  with_names.names.push_back({(folder_ / "names").string(), NamesFile::Kind::map});
  Collections collections(with_names, collect_warnings());
  const auto first = get(collections);
  ASSERT_NE(first->views.at(0).peers[0].name, nullptr);
  EXPECT_EQ(*first->views.at(0).peers[0].name, "ann");
  EXPECT_EQ(first->views.at(0).peers[1].name, nullptr);

  test::write_file(folder_ / "names", "- a list\n- is no map\n");
  const auto second = get(collections);
  ASSERT_NE(second->views.at(0).peers[0].name, nullptr);
  EXPECT_EQ(*second->views.at(0).peers[0].name, "ann");
  EXPECT_FALSE(second->names_report.success);
  EXPECT_THAT(warnings(), ElementsAre(HasSubstr("keeps the 1 names")));

  test::write_file(folder_ / "names", fmt::format("{}: bob the second\n", key(2).base64()));
  const auto third = get(collections);
  EXPECT_EQ(third->views.at(0).peers[0].name, nullptr);
  ASSERT_NE(third->views.at(0).peers[1].name, nullptr);
  EXPECT_EQ(*third->views.at(0).peers[1].name, "bob the second");
  EXPECT_EQ(*first->views.at(0).peers[0].name, "ann")
      << "a collection keeps the names it was made with";
}

TEST_F(CollectionsTest, ShowsAPeerOnceThatADaemonListsTwice) {
  FakeDaemon daemon(folder_.path(), "lo", daemon_answer({{1, 0, 5}, {2}, {1, 0, 6}}));
  Collections collections(options(), collect_warnings());
  const auto collection = get(collections);
  const DeviceView& view = collection->views.at(0);
  EXPECT_THAT(view.peers, SizeIs(3));
  EXPECT_TRUE(view.peers[0].shown);
  EXPECT_TRUE(view.peers[1].shown);
  EXPECT_FALSE(view.peers[2].shown);
  EXPECT_EQ(view.by_state[0], 2U);
  ASSERT_THAT(collection->snapshot.failures, SizeIs(1));
  EXPECT_EQ(collection->snapshot.failures[0].interface, "lo");
  EXPECT_EQ(collection->snapshot.failures[0].reason, FailureReason::malformed);
  EXPECT_FALSE(collection->snapshot.report(Collector::uapi).success);
  EXPECT_THAT(warnings(), ElementsAre(AllOf(HasSubstr("lo"), HasSubstr("lists a peer twice"))));
  get(collections);
  EXPECT_THAT(warnings(), IsEmpty());
}

TEST_F(CollectionsTest, WarnsOnceOfASourceThatFailsAndAgainAfterItRecovered) {
  FakeDaemon good(folder_.path(), "lo", daemon_answer({{1}}));
  FakeDaemon daemon(folder_.path(), "bad", "nonsense\n");
  Collections collections(options(), collect_warnings());
  for (int round = 0; round < 2; ++round) {
    daemon.answer_with("nonsense\n");
    const auto failed = get(collections);
    EXPECT_THAT(failed->snapshot.devices, SizeIs(1)) << "the other interface is read";
    EXPECT_THAT(warnings(), ElementsAre(AllOf(HasSubstr("malformed"), HasSubstr("bad.sock"))));
    get(collections);
    EXPECT_THAT(warnings(), IsEmpty()) << "said once";
    daemon.answer_with("errno=1\n\n");
    get(collections);
    EXPECT_THAT(warnings(), ElementsAre(HasSubstr("errno=1"))) << "another failure";
    daemon.answer_with(daemon_answer({}));
    get(collections);
    EXPECT_THAT(warnings(), Not(Contains(HasSubstr("bad.sock")))) << "only its link is missing now";
  }
}

TEST_F(CollectionsTest, CostsOnlyTheInterfaceOfADaemonThatHangs) {
  FakeDaemon good(folder_.path(), "lo", daemon_answer({{1}}));
  FakeDaemon stuck(folder_.path(), "stuck", daemon_answer({{2}}));
  stuck.hold();
  Collections collections(options(), collect_warnings());
  const auto start = os::boot_now();
  const auto collection = collections.get(in(1s));
  EXPECT_LT(os::boot_now() - start, 10s);
  ASSERT_TRUE(collection);
  ASSERT_THAT((*collection)->snapshot.devices, SizeIs(1));
  EXPECT_EQ((*collection)->snapshot.devices[0].name, "lo");
  ASSERT_THAT((*collection)->snapshot.failures, SizeIs(1));
  EXPECT_EQ((*collection)->snapshot.failures[0].interface, "stuck");
  EXPECT_EQ((*collection)->snapshot.failures[0].reason, FailureReason::timeout);
}

TEST_F(CollectionsTest, RemembersFirstSightsOfPeersAsLongAsTheyAreThere) {
  for (const char* interface : {"lo", "linkless"}) {
    FakeDaemon daemon(folder_.path(), interface, daemon_answer({{1}, {2}}));
    Collections collections(options(), collect_warnings());
    const auto at_first = first_seen(*get(collections));
    ASSERT_THAT(at_first, SizeIs(2));
    EXPECT_EQ(first_seen(*get(collections)), at_first);
    daemon.answer_with(daemon_answer({{1}}));
    EXPECT_EQ(first_seen(*get(collections)), std::vector{at_first[0]});
    daemon.answer_with(daemon_answer({{2}, {1}}));
    const auto back = first_seen(*get(collections));
    EXPECT_GT(back[0], at_first[1])
        << "forgotten when it went, also where the link cannot be read: " << interface;
    EXPECT_EQ(back[1], at_first[0]);
  }
}

TEST_F(CollectionsTest, RemembersAnInterfaceThatFailsButNoneThatIsGone) {
  std::optional<FakeDaemon> daemon(std::in_place, folder_.path(), "lo", daemon_answer({{1}}));
  Collections collections(options(), collect_warnings());
  const auto at_first = first_seen(*get(collections));
  const auto created = get(collections)->views.at(0).created;
  daemon->answer_with("errno=1\n\n");
  EXPECT_THAT(get(collections)->views, IsEmpty());
  daemon->answer_with(daemon_answer({{1}}));
  EXPECT_EQ(first_seen(*get(collections)), at_first) << "it had only failed";
  EXPECT_EQ(get(collections)->views.at(0).created, created);

  daemon.reset();
  EXPECT_THAT(get(collections)->snapshot.failures, IsEmpty());
  daemon.emplace(folder_.path(), "lo", daemon_answer({{1}}));
  EXPECT_GT(first_seen(*get(collections)).at(0), at_first.at(0)) << "it was made anew";
}

TEST_F(CollectionsTest, IsNotStuckAfterAnException) {
  FakeDaemon daemon(folder_.path(), "lo", "nonsense\n");
  bool thrown = false;
  Collections collections(options(), [&](const std::string&) {
    if (!std::exchange(thrown, true)) throw std::runtime_error("no memory for a warning");
  });
  EXPECT_THROW(static_cast<void>(collections.get(soon())), std::runtime_error);
  daemon.answer_with(daemon_answer({{1}}));
  EXPECT_THAT(get(collections)->views, SizeIs(1));
}

class CollectionsWithStateTest : public CollectionsTest {
 protected:
  [[nodiscard]] CollectorOptions options_with_state() const {
    CollectorOptions made = options();
    made.state_dir = state_.path().string();
    return made;
  }
  /// Waits until the thread that writes has.
  [[nodiscard]] bool is_written() const {
    return test::wait_until([&] { return std::filesystem::exists(state_ / "first-seen"); }, 20s);
  }

  test::TempDir state_;
};

TEST_F(CollectionsWithStateTest, BringsFirstSightsThroughARestart) {
  FakeDaemon daemon(folder_.path(), "lo", daemon_answer({{1}, {2}}));
  std::vector<WallTime> before;
  std::optional<WallTime> created;
  {
    Collections collections(options_with_state(), collect_warnings());
    const auto collection = get(collections);
    before = first_seen(*collection);
    created = collection->views.at(0).created;
    EXPECT_TRUE(is_written()) << "at once: the next may be long away";
  }
  Collections collections(options_with_state(), collect_warnings());
  const auto after = get(collections);
  const auto to_ms = [](WallTime time) {
    return std::chrono::duration_cast<std::chrono::milliseconds>(time.since_epoch);
  };
  ASSERT_THAT(after->views.at(0).peers, SizeIs(2));
  EXPECT_EQ(to_ms(after->views.at(0).peers[0].first_seen), to_ms(before[0]));
  EXPECT_EQ(to_ms(*after->views.at(0).created), to_ms(*created));
  EXPECT_THAT(warnings(), IsEmpty());
}

TEST_F(CollectionsWithStateTest, WritesLaterChangesAtTheEnd) {
  FakeDaemon daemon(folder_.path(), "lo", daemon_answer({{1}}));
  Collections collections(options_with_state(), collect_warnings());
  get(collections);
  ASSERT_TRUE(is_written());
  daemon.answer_with(daemon_answer({{1}, {2}}));
  get(collections);
  EXPECT_THAT(test::read_file(state_ / "first-seen"), Not(HasSubstr(key(2).base64())))
      << "not within 30 s of the last time";
  collections.stop();
  EXPECT_THAT(test::read_file(state_ / "first-seen"), HasSubstr(key(2).base64()));
  const auto written = std::filesystem::last_write_time(state_ / "first-seen");
  collections.stop();
  EXPECT_EQ(std::filesystem::last_write_time(state_ / "first-seen"), written) << "nothing changed";
}

TEST_F(CollectionsWithStateTest, GoesOnWithoutAStateFileThatIsBroken) {
  test::write_file(state_ / "first-seen", "junk\n");
  FakeDaemon daemon(folder_.path(), "lo", daemon_answer({{1}}));
  Collections collections(options_with_state(), collect_warnings());
  EXPECT_THAT(warnings(), ElementsAre(AllOf(HasSubstr("first-seen"), HasSubstr("line 1"))));
  EXPECT_THAT(get(collections)->views, SizeIs(1));
  ASSERT_TRUE(is_written());
  EXPECT_THAT(test::read_file(state_ / "first-seen"), HasSubstr(key(1).base64()));
  EXPECT_EQ(test::read_file(state_ / "first-seen.corrupt"), "junk\n") << "it is set aside";
}

TEST_F(CollectionsWithStateTest, GoesOnWhereStateCannotBeWritten) {
  FakeDaemon daemon(folder_.path(), "lo", daemon_answer({{1}}));
  Collections collections(options_with_state(), collect_warnings());
  std::filesystem::remove(state_.path());
  EXPECT_THAT(get(collections)->views, SizeIs(1));
  // What came of writing, another reading tells.
  std::vector<std::string> warned;
  ASSERT_TRUE(test::wait_until(
      [&] {
        EXPECT_THAT(get(collections)->views, SizeIs(1));
        return !(warned = warnings()).empty();
      },
      20s));
  EXPECT_THAT(warned, ElementsAre(AllOf(HasSubstr("first-seen"), HasSubstr("No such file"))));
  EXPECT_EQ(get(collections)->state_success, false);
  EXPECT_THAT(warnings(), IsEmpty());
  std::filesystem::create_directory(state_.path());
  collections.stop();
  EXPECT_THAT(test::read_file(state_ / "first-seen"), HasSubstr(key(1).base64()))
      << "it was not given up";
}

}  // namespace
}  // namespace wgscope::exporter
