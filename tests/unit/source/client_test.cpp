#include "wgscope/source/uapi/client.hpp"

#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <memory>
#include <ostream>
#include <span>
#include <stdexcept>
#include <string>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "wgscope/base/result.hpp"
#include "wgscope/os/clock.hpp"
#include "wgscope/os/unique_fd.hpp"
#include "wgscope/source/uapi/answer.hpp"

#include "describe.hpp"
#include "scripted_server.hpp"
#include "temp_dir.hpp"
#include "uapi_answers.hpp"

namespace wgscope::uapi {
namespace {

using namespace std::chrono_literals;
using testing::answer;
using testing::bind_socket;
using testing::ScriptedServer;

constexpr WallTime kNow{1'700'000'100s};

class ListSockets : public ::testing::Test {
 protected:
  static std::vector<std::string> names(const std::vector<SocketFile>& sockets) {
    std::vector<std::string> names;
    for (const SocketFile& socket : sockets) names.push_back(socket.interface);
    return names;
  }
  test::TempDir folder_;
};

TEST_F(ListSockets, FindsSocketsByNameInOrder) {
  const auto b = bind_socket(folder_ / "wgb.sock");
  const auto a = bind_socket(folder_ / "wga.sock");
  const auto sockets = list_sockets(folder_.path());
  ASSERT_TRUE(sockets);
  EXPECT_EQ(names(*sockets), (std::vector<std::string>{"wga", "wgb"}));
  EXPECT_EQ((*sockets)[0].path, (folder_ / "wga.sock").string());
}

TEST_F(ListSockets, PassesOverEverythingElse) {
  const auto other = bind_socket(folder_ / "wg0.socket");
  const auto nameless = bind_socket(folder_ / ".sock");
  std::ofstream(folder_ / "file.sock").flush();
  std::filesystem::create_directory(folder_ / "folder.sock");
  std::filesystem::create_symlink("nowhere", folder_ / "broken.sock");
  EXPECT_TRUE(list_sockets(folder_.path()).value().empty());
}

TEST_F(ListSockets, FollowsALinkToASocket) {
  const auto socket = bind_socket(folder_ / "real");
  std::filesystem::create_symlink("real", folder_ / "wg0.sock");
  EXPECT_EQ(names(list_sockets(folder_.path()).value()), (std::vector<std::string>{"wg0"}));
}

TEST_F(ListSockets, AreNoneWithoutTheFolder) {
  EXPECT_TRUE(list_sockets(folder_ / "missing").value().empty());
}

TEST_F(ListSockets, FailsWhereAFileStands) {
  std::ofstream(folder_ / "file").flush();
  const auto sockets = list_sockets(folder_ / "file");
  ASSERT_FALSE(sockets);
  EXPECT_EQ(sockets.error().code, Errc::io);
  EXPECT_NE(sockets.error().context.find((folder_ / "file").string()), std::string::npos);
}

/// The rest of a test as a user who may not read what root made.
class AsNobody {
 public:
  AsNobody() : was_root_(geteuid() == 0) {
    if (was_root_ && seteuid(65534) != 0) throw std::runtime_error("cannot become another user");
  }
  ~AsNobody() {
    if (was_root_ && seteuid(0) != 0) std::abort();
  }
  AsNobody(const AsNobody&) = delete;
  AsNobody& operator=(const AsNobody&) = delete;

 private:
  bool was_root_;
};

TEST_F(ListSockets, SaysThatAFolderMayNotBeRead) {
  const std::filesystem::path locked = folder_ / "wireguard";
  std::filesystem::create_directory(locked);
  std::filesystem::permissions(folder_.path(), std::filesystem::perms(0755));
  std::filesystem::permissions(locked, std::filesystem::perms::none);
  const AsNobody other_user;
  const auto sockets = list_sockets(locked);
  ASSERT_FALSE(sockets);
  EXPECT_EQ(sockets.error().code, Errc::access_denied);
  EXPECT_NE(sockets.error().context.find(locked.string()), std::string::npos);
}

TEST_F(ListSockets, ListsOneThatCannotBeLookedAtSoThatAskingTellsWhy) {
  std::filesystem::create_symlink("loop.sock", folder_ / "loop.sock");
  std::filesystem::create_symlink("gone", folder_ / "dangling.sock");
  EXPECT_EQ(names(list_sockets(folder_.path()).value()), (std::vector<std::string>{"loop"}));
}

TEST_F(ListSockets, TellsAServedSocketFromOneThatWasLeft) {
  const auto left = bind_socket(folder_ / "left.sock");
  const ScriptedServer server(folder_ / "served.sock", testing::answers(answer(1)));
  EXPECT_TRUE(is_served(folder_ / "served.sock"));
  EXPECT_FALSE(is_served(folder_ / "left.sock"));
  EXPECT_FALSE(is_served(folder_ / "missing.sock"));
}

/// How a daemon can be bad, and what is to be said of it.
struct Bad {
  const char* name;
  Errc code;
  bool waits;  ///< until the deadline
  std::function<std::shared_ptr<void>(const std::string& path)> start;
};

std::ostream& operator<<(std::ostream& out, const Bad& bad) { return out << bad.name; }

std::function<std::shared_ptr<void>(const std::string&)> served(
    ScriptedServer::Conversation conversation) {
  return [conversation = std::move(conversation)](const std::string& path) {
    return std::make_shared<ScriptedServer>(path, conversation);
  };
}

std::shared_ptr<void> does_not_listen(const std::string& path) {
  return std::make_shared<os::UniqueFd>(bind_socket(path));
}

std::shared_ptr<void> does_not_accept(const std::string& path) {
  auto socket = std::make_shared<os::UniqueFd>(bind_socket(path));
  listen(socket->get(), 8);
  return socket;
}

/// Its queue has room for one client, and that one has been waiting already.
std::shared_ptr<void> has_a_full_queue(const std::string& path) {
  struct Full {
    os::UniqueFd listener;
    os::UniqueFd waiting{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
  };
  auto full = std::make_shared<Full>();
  full->listener = bind_socket(path);
  listen(full->listener.get(), 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  if (connect(full->waiting.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) !=
      0)
    throw std::runtime_error("cannot fill the queue of " + path);
  return full;
}

std::vector<Bad> bad_daemons() {
  const std::string whole = answer(20);
  return {
      {"Refuses", Errc::refused, false, does_not_listen},
      {"HasAFullQueue", Errc::timeout, false, has_a_full_queue},
      {"DoesNotAccept", Errc::timeout, true, does_not_accept},
      {"SaysNothing", Errc::timeout, true, served(testing::sends_and_hangs(""))},
      {"StopsInsideALine", Errc::timeout, true,
       served(testing::sends_and_hangs(whole.substr(0, 1000)))},
      {"DripsPastTheDeadline", Errc::timeout, true, served(testing::drips("future=x\n"))},
      {"FloodsPastTheDeadline", Errc::timeout, true, served(testing::floods("future=x\n"))},
      {"ClosesAtOnce", Errc::truncated, false, served(testing::sends_and_closes(""))},
      {"ClosesInsideALine", Errc::truncated, false,
       served(testing::sends_and_closes(whole.substr(0, 1000)))},
      {"ClosesBeforeTheLastByte", Errc::truncated, false,
       served(testing::sends_and_closes(whole.substr(0, whole.size() - 1)))},
      {"TalksHttp", Errc::bad_value, false,
       served(testing::sends_and_hangs("HTTP/1.1 400 Bad Request\r\n\r\n"))},
      {"TalksGarbage", Errc::bad_value, false,
       served(testing::sends_and_hangs(std::string("\0\xff\n\0\n", 5)))},
      {"NeverEndsALine", Errc::too_large, false, served(testing::never_ends_a_line())},
      {"HasAShortKey", Errc::bad_value, false,
       served(testing::sends_and_hangs("private_key=1234\nerrno=0\n\n"))},
      {"AnswersAnErrno", Errc::refused, false, served(testing::sends_and_hangs("errno=95\n\n"))},
      {"GoesOnAfterTheEnd", Errc::truncated, false,
       served(testing::sends_and_hangs("errno=0\n\nerrno=0\n\n"))},
  };
}

class AskAll : public ::testing::Test {
 protected:
  Query query(const std::string& interface) {
    Query query;
    query.socket = {(folder_ / (interface + ".sock")).string(), interface};
    return query;
  }
  std::string path(const std::string& interface) { return folder_ / (interface + ".sock"); }

  static void expect_whole(const Query& query, std::uint32_t peers) {
    ASSERT_TRUE(query.result) << query.result.error().context;
    Device expected;
    AnswerReader reader(expected, kNow);
    ASSERT_TRUE(reader.feed(answer(peers)));
    EXPECT_EQ(wgscope::testing::describe(query.device), wgscope::testing::describe(expected));
    EXPECT_EQ(query.listener, getpid());
  }

  test::TempDir folder_;
};

class AskAllBeside : public AskAll, public ::testing::WithParamInterface<Bad> {};

TEST_P(AskAllBeside, ReadsTheHealthyOnesWhole) {
  const auto bad = GetParam().start(path("wg1"));
  const ScriptedServer first(path("wg0"), testing::answers_in_pieces(answer(50)));
  const ScriptedServer last(path("wg2"), testing::answers(answer(2000)));
  std::vector<Query> queries;
  for (const char* interface : {"wg0", "wg1", "wg2"}) queries.push_back(query(interface));

  const Nanoseconds limit = GetParam().waits ? 2s : 30s;
  const Instant start = os::boot_now();
  ask_all(queries, kNow, start + limit);
  const Nanoseconds took = os::boot_now() - start;

  expect_whole(queries[0], 50);
  expect_whole(queries[2], 2000);
  ASSERT_FALSE(queries[1].result);
  const Error& error = queries[1].result.error();
  EXPECT_EQ(error.code, GetParam().code) << to_string(error.code) << ": " << error.context;
  EXPECT_NE(error.context.find(path("wg1")), std::string::npos) << error.context;
  if (GetParam().waits) {
    EXPECT_GE(took, limit - 1ms);
    EXPECT_LT(took, limit + 2s);
  } else {
    EXPECT_LT(took, 20s) << "what is known at once is not waited for";
  }
}

INSTANTIATE_TEST_SUITE_P(, AskAllBeside, ::testing::ValuesIn(bad_daemons()),
                         [](const ::testing::TestParamInfo<Bad>& tested) {
                           return std::string(tested.param.name);
                         });

TEST_F(AskAll, WaitsForManyStuckDaemonsNoLongerThanForOne) {
  std::vector<std::shared_ptr<void>> daemons;
  std::vector<Query> queries;
  for (const Bad& bad : bad_daemons()) {
    for (int copy = 0; copy < 3; ++copy) {
      const std::string interface = bad.name + std::to_string(copy);
      daemons.push_back(bad.start(path(interface)));
      queries.push_back(query(interface));
    }
  }
  daemons.push_back(std::make_shared<ScriptedServer>(path("wg0"), testing::answers(answer(50))));
  queries.push_back(query("wg0"));

  const Instant start = os::boot_now();
  ask_all(queries, kNow, start + 2s);
  const Nanoseconds took = os::boot_now() - start;
  expect_whole(queries.back(), 50);
  EXPECT_GE(took, 2s - 1ms);
  EXPECT_LT(took, 6s);
  for (const Query& query : std::span(queries).first(queries.size() - 1))
    EXPECT_FALSE(query.result) << query.socket.interface;
}

TEST_F(AskAll, AsksNobody) { ask_all({}, kNow, os::boot_now() + 10s); }

TEST_F(AskAll, TimesOutAtOnceWhenTheDeadlineHasPassed) {
  const ScriptedServer server(path("wg0"), testing::answers(answer(1)));
  std::vector<Query> queries;
  queries.push_back(query("wg0"));
  ask_all(queries, kNow, os::boot_now() - 1s);
  ASSERT_FALSE(queries[0].result);
  EXPECT_EQ(queries[0].result.error().code, Errc::timeout);
}

TEST_F(AskAll, SaysThatASocketIsGone) {
  std::vector<Query> queries;
  queries.push_back(query("wg0"));
  ask_all(queries, kNow, os::boot_now() + 10s);
  ASSERT_FALSE(queries[0].result);
  EXPECT_EQ(queries[0].result.error().sys_errno, ENOENT);
}

TEST_F(AskAll, SaysThatAPathIsTooLong) {
  std::vector<Query> queries(1);
  queries[0].socket = {"/" + std::string(200, 'x') + ".sock", "wg0"};
  ask_all(queries, kNow, os::boot_now() + 10s);
  ASSERT_FALSE(queries[0].result);
  EXPECT_EQ(queries[0].result.error().code, Errc::bad_value);
}

TEST_F(AskAll, SaysThatASocketMayNotBeUsed) {
  const ScriptedServer server(path("wg0"), testing::answers(answer(1)));
  std::filesystem::permissions(folder_.path(), std::filesystem::perms(0755));
  std::filesystem::permissions(path("wg0"), std::filesystem::perms::none);
  std::vector<Query> queries;
  queries.push_back(query("wg0"));
  {
    const AsNobody other_user;
    ask_all(queries, kNow, os::boot_now() + 10s);
  }
  ASSERT_FALSE(queries[0].result);
  EXPECT_EQ(queries[0].result.error().code, Errc::access_denied);
}

TEST_F(AskAll, LeavesRefusedSocketsWhereTheyAre) {
  const auto socket = bind_socket(path("wg0"));
  std::vector<Query> queries;
  queries.push_back(query("wg0"));
  ask_all(queries, kNow, os::boot_now() + 10s);
  EXPECT_FALSE(queries[0].result);
  EXPECT_TRUE(std::filesystem::is_socket(path("wg0")));
}

TEST_F(AskAll, KeepsNoDescriptorOpen) {
  const auto descriptors = [] {
    return std::distance(std::filesystem::directory_iterator("/proc/self/fd"),
                         std::filesystem::directory_iterator());
  };
  const auto hanging = does_not_accept(path("wg0"));
  const auto refusing = does_not_listen(path("wg1"));
  std::vector<Query> queries;
  queries.push_back(query("wg0"));
  queries.push_back(query("wg1"));
  const auto before = descriptors();
  ask_all(queries, kNow, os::boot_now() + 50ms);
  EXPECT_EQ(descriptors(), before);
}

}  // namespace
}  // namespace wgscope::uapi
