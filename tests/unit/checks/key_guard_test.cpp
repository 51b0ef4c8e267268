#include "wgscope/checks/key_guard.hpp"

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "wgscope/diagnosis/handshake.hpp"
#include "wgscope/model/public_key.hpp"
#include "wgscope/os/clock.hpp"
#include "wgscope/os/unique_fd.hpp"

#include "scripted_server.hpp"
#include "temp_dir.hpp"
#include "uapi_answers.hpp"

namespace wgscope::checks {
namespace {

using namespace std::chrono_literals;
using diagnosis::KeyUse;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using uapi::testing::answer;
using uapi::testing::answers;
using uapi::testing::bind_socket;
using uapi::testing::ScriptedServer;
using uapi::testing::sends_and_closes;
using uapi::testing::sends_and_hangs;

class KeyGuard : public ::testing::Test {
 protected:
  void serve(const std::string& interface, ScriptedServer::Conversation conversation) {
    servers_.push_back(std::make_unique<ScriptedServer>(path(interface), std::move(conversation)));
  }
  std::string path(const std::string& interface) { return folder_ / (interface + ".sock"); }
  FoundKeyUse look(const PublicKey& key, Nanoseconds patience = 20s) {
    return find_key_use(key, folder_.path(), patience);
  }

  // That of uapi_answers.hpp's interface, and one that nobody has.
  const PublicKey used_ = PublicKey::from_hex(uapi::testing::kPublicKey).value();
  const PublicKey other_ = PublicKey::from_hex(uapi::testing::peer_key(0)).value();
  test::TempDir folder_;
  std::vector<std::unique_ptr<ScriptedServer>> servers_;
};

TEST_F(KeyGuard, FindsNoUserWhereThereIsNoInterface) {
  EXPECT_EQ(look(used_).use, KeyUse::free);
  EXPECT_THAT(look(used_).user, IsEmpty());
  EXPECT_EQ(find_key_use(used_, folder_ / "missing").use, KeyUse::free);
}

TEST_F(KeyGuard, NamesTheInterfaceThatHasTheKey) {
  serve("wgs-a", answers("private_key=" + std::string(64, '1') + "\nerrno=0\n\n"));
  serve("wgs-b", answers(answer(3)));
  const FoundKeyUse found = look(used_);
  EXPECT_EQ(found.use, KeyUse::used);
  EXPECT_EQ(found.user, "wgs-b");
}

TEST_F(KeyGuard, TakesNoPeersKeyForAnInterfacesOwn) {
  serve("wgs-a", answers(answer(3)));
  EXPECT_EQ(look(other_).use, KeyUse::free) << "it is that of peer 0";
}

TEST_F(KeyGuard, DoesNotKnowWhereAnInterfaceDoesNotAnswerInTime) {
  serve("wgs-hung", sends_and_hangs("private_key="));
  const Instant start = os::boot_now();
  const FoundKeyUse found = look(used_, 100ms);
  EXPECT_GE(os::boot_now() - start, 40ms);
  EXPECT_LT(os::boot_now() - start, 10s) << "a daemon that hangs must not hold the probe";
  EXPECT_EQ(found.use, KeyUse::not_known);
  EXPECT_THAT(found.user,
              AllOf(HasSubstr("wgs-hung.sock"), HasSubstr("the answer was not complete in time")));
  EXPECT_EQ(found.unread, "wgs-hung");
  EXPECT_FALSE(found.forbidden);
}

TEST_F(KeyGuard, FindsTheUserBesideAnInterfaceThatHangs) {
  serve("wgs-a", sends_and_hangs("private_key="));
  serve("wgs-b", answers(answer(1)));
  EXPECT_EQ(look(used_, 1s).user, "wgs-b");
}

TEST_F(KeyGuard, DoesNotKnowWhatAnInterfaceMeansThatTalksGarbage) {
  serve("wgs-a", sends_and_closes("private_key=x\n"));
  const FoundKeyUse found = look(used_);
  EXPECT_EQ(found.use, KeyUse::not_known);
  EXPECT_THAT(found.user, HasSubstr("wgs-a.sock"));
}

TEST_F(KeyGuard, LetsASocketBeThatItsDaemonLeftBehind) {
  const os::UniqueFd left = bind_socket(path("wgs-gone"));
  EXPECT_EQ(look(used_).use, KeyUse::free);
}

/// Root may connect to any socket.
TEST_F(KeyGuard, DoesNotKnowWhatItMayNotAsk) {
  serve("wgs-a", answers(answer(1)));
  ASSERT_EQ(chmod(path("wgs-a").c_str(), 0), 0);
  ASSERT_EQ(chmod(folder_.path().c_str(), 0755), 0);
  constexpr uid_t kNobody = 65534;
  const bool is_root = geteuid() == 0;
  ASSERT_EQ(seteuid(is_root ? kNobody : geteuid()), 0);
  const FoundKeyUse found = look(used_);
  ASSERT_EQ(seteuid(is_root ? 0 : geteuid()), 0);
  EXPECT_EQ(found.use, KeyUse::not_known);
  EXPECT_THAT(found.user, AllOf(HasSubstr("wgs-a.sock"), HasSubstr("run as root")));
  EXPECT_TRUE(found.forbidden);
}

}  // namespace
}  // namespace wgscope::checks
