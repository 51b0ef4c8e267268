// What a server says of itself, and how it stops to accept.

#include <atomic>
#include <chrono>
#include <memory>
#include <string>
#include <sys/socket.h>
#include <thread>
#include <utility>

#include <gtest/gtest.h>

#include "wgscope/base/time.hpp"
#include "wgscope/os/unique_fd.hpp"

#include "exporter/http/server.hpp"
#include "server_fixture.hpp"
#include "wait.hpp"

namespace wgscope::exporter::http {
namespace {

using namespace std::chrono_literals;

/// A server with a page that takes as long as the test likes.
class ServerLifeTest : public ServerTest {
 protected:
  ServerLifeTest() {
    serve({{"/slow",
            [this](const Request&, Response& response) {
              ++asked_;
              release_.wait(false);
              respond(response, 200, "text/plain", "done");
            }},
           {"/", [](const Request&, Response& response) {
              respond(response, 200, "text/plain", "here");
            }}});
  }
  ~ServerLifeTest() override { release(); }

  void release() {
    release_ = true;
    release_.notify_all();
  }

  /// Asks for /slow, and returns once it is being answered.
  std::jthread begin_slow(std::atomic<int>& status) {
    std::jthread client([&] { status = ask("/slow").status; });
    EXPECT_TRUE(test::wait_until([&] { return asked_ > 0; }, 10s));
    return client;
  }

  bool comes_to_work(Nanoseconds longest) {
    return test::wait_until([&] { return server_->works(longest); }, 10s);
  }

  std::atomic<int> asked_ = 0;
  std::atomic<bool> release_ = false;
};

TEST_F(ServerLifeTest, WorksWhileNobodyAsks) { EXPECT_TRUE(comes_to_work(0ns)); }

TEST_F(ServerLifeTest, WorksUnlessNoAnswerEnds) {
  std::atomic<int> status = 0;
  const std::jthread client = begin_slow(status);
  EXPECT_TRUE(comes_to_work(1h));
  EXPECT_FALSE(test::wait_until([&] { return server_->works(1ns); }, 300ms));
  EXPECT_EQ(ask("/").status, 200);
  EXPECT_TRUE(comes_to_work(10s)) << "one answer that is stuck does not hold up the others";
  release();
  EXPECT_TRUE(comes_to_work(1ns)) << "nothing is being answered";
}

TEST_F(ServerLifeTest, AnswersWhatWasAskedBeforeItStoppedToAccept) {
  std::atomic<int> status = 0;
  {
    const std::jthread client = begin_slow(status);
    server_->stop_accepting();
    EXPECT_FALSE(server_->is_idle());
    release();
  }
  EXPECT_EQ(status, 200);
  EXPECT_TRUE(test::wait_until([&] { return server_->is_idle(); }, 10s));
}

TEST_F(ServerLifeTest, IsIdleBesideClientsThatHaveNotAsked) {
  const os::UniqueFd silent = test::connect_tcp(at_);
  const os::UniqueFd half = test::connect_tcp(at_);
  ASSERT_GT(send(half.get(), "GET /", 5, MSG_NOSIGNAL), 0);
  ASSERT_EQ(ask("/").status, 200) << "those before it are known by now";
  server_->stop_accepting();
  EXPECT_TRUE(test::wait_until([&] { return server_->is_idle(); }, 10s));
}

TEST_F(ServerLifeTest, LeavesThoseWhoStillComeToTheNextProcess) {
  server_->stop_accepting();
  const os::UniqueFd late = test::connect_tcp(at_);
  const std::string request = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
  ASSERT_GT(send(late.get(), request.data(), request.size(), MSG_NOSIGNAL), 0);
  ASSERT_TRUE(comes_to_work(1h));
  ASSERT_TRUE(comes_to_work(1h));
  char byte = 0;
  EXPECT_EQ(recv(late.get(), &byte, 1, MSG_DONTWAIT), -1) << "neither an answer nor an end";
  EXPECT_TRUE(answered().empty());
}

}  // namespace
}  // namespace wgscope::exporter::http
