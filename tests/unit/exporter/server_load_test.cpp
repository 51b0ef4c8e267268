#include <atomic>
#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "exporter/http/server.hpp"
#include "server_fixture.hpp"
#include "wait.hpp"

namespace wgscope::exporter::http {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

/// Less than any time after which the server would give a silent client up, and more than a busy
/// machine needs.
constexpr auto kAtOnce = 8s;

class ServerUnderLoad : public ServerTest {
 protected:
  void SetUp() override {
    serve({{"/x", [](const Request&, Response& response) {
              respond(response, 200, "text/plain", "answer");
            }}});
  }

  /// Clients that connect, send `text` and then say nothing.
  [[nodiscard]] std::vector<os::UniqueFd> stalled_clients(std::size_t count,
                                                          std::string_view text) const {
    std::vector<os::UniqueFd> clients;
    for (std::size_t i = 0; i < count; ++i) {
      clients.push_back(test::connect_tcp(at_));
      if (!text.empty()) send(clients.back().get(), text.data(), text.size(), MSG_NOSIGNAL);
    }
    return clients;
  }

  /// Requests all at the same time. @returns how many were answered rightly.
  [[nodiscard]] int ask_at_once(int count) const {
    std::atomic<int> answered = 0;
    std::vector<std::jthread> askers;
    for (int i = 0; i < count; ++i)
      askers.emplace_back([&] {
        try {
          if (test::http(at_, {"/x"}).body == "answer") ++answered;
        } catch (const std::exception& error) {
          ADD_FAILURE() << error.what();
        }
      });
    askers.clear();
    return answered;
  }
};

TEST_F(ServerUnderLoad, AnswersFiftyAtOnce) { EXPECT_EQ(ask_at_once(50), 50); }

TEST_F(ServerUnderLoad, IsNotDelayedByClientsThatSayNothing) {
  const auto silent = stalled_clients(200, "");
  const auto start = Clock::now();
  EXPECT_EQ(ask("/x").body, "answer");
  EXPECT_EQ(ask_at_once(50), 50);
  EXPECT_LT(Clock::now() - start, kAtOnce);
}

TEST_F(ServerUnderLoad, AnswersFiftyBesideHalfRequests) {
  const auto half = stalled_clients(30, "GET /x HTTP/1.1\r\nHost: x\r\nX-Half");
  const auto start = Clock::now();
  EXPECT_EQ(ask_at_once(50), 50);
  EXPECT_LT(Clock::now() - start, kAtOnce);
}

TEST_F(ServerUnderLoad, RecoversFromMoreHalfRequestsThanItHasThreads) {
  const auto half = stalled_clients(80, "GET /x HTTP/1.1\r\n");
  EXPECT_TRUE(test::wait_until(
      [&] {
        try {
          return test::http(at_, {"/x"}, 15s).body == "answer";
        } catch (const std::exception&) {
          return false;
        }
      },
      40s));
}

TEST_F(ServerUnderLoad, EndsWhileClientsStall) {
  const auto silent = stalled_clients(20, "");
  const auto half = stalled_clients(5, "GET /x HT");
  EXPECT_EQ(ask("/x").body, "answer");
  const auto start = Clock::now();
  server_.reset();
  EXPECT_LT(Clock::now() - start, 15s);
}

TEST_F(ServerUnderLoad, EndsWhileManyAsk) {
  std::atomic<bool> stop = false;
  std::vector<std::jthread> askers;
  for (int i = 0; i < 8; ++i)
    askers.emplace_back([&, at = at_] {
      while (!stop) try {
          static_cast<void>(test::http(at, {"/x"}, 1s));
        } catch (const std::exception&) {  // the server has ended, or cut this one short
          if (!test::accepts_connections(at)) return;
        }
    });
  EXPECT_TRUE(test::wait_until([&] { return answered().size() > 50; }, 20s));
  server_.reset();
  stop = true;
}

}  // namespace
}  // namespace wgscope::exporter::http
