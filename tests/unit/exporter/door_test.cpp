// Clients that hold on to their connections, on real sockets. Each test failed without the door, or
// took as long as the clients liked.

#include "exporter/http/door.hpp"

#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>
#include <utility>
#include <vector>

#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "wgscope/os/unique_fd.hpp"

#include "exporter/http/server.hpp"
#include "hostile_client.hpp"
#include "server_fixture.hpp"
#include "wait.hpp"

namespace wgscope::exporter::http {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::StartsWith;
using Clock = std::chrono::steady_clock;

constexpr std::string_view kGet = "GET /large HTTP/1.1\r\nHost: x\r\n\r\n";
/// More than the buffers of both sockets hold, as 5 000 peers are.
constexpr std::size_t kLarge = 6U << 20U;
/// A scrape beside hostile clients must not be slower than this on a busy machine. Each of the
/// attacks held it up for over nine seconds, most of them for as long as they went on.
constexpr auto kSoon = 6s;

class DoorTest : public testing::Test {
 protected:
  void serve(TurnstileLimits limits = {}) {
    ServerOptions options;
    options.listen = {"127.0.0.1:0"};
    options.limits = limits;
    options.door_events.on_refused = [this](Refusal reason) {
      const std::lock_guard lock(mutex_);
      ++refused_[reason];
    };
    options.door_events.on_connections = [this](std::size_t open) { open_ = open; };
    options.routes = {{"/large",
                       [this](const Request&, Response& response) {
                         const std::string piece(128U << 10U, 'x');
                         for (std::size_t sent = 0; sent < kLarge; sent += piece.size()) {
                           if (!response.write(piece)) return;
                           made_ += piece.size();
                         }
                         response.finish();
                       }},
                      {"/small", [](const Request&, Response& response) {
                         respond(response, 200, "text/plain", "small");
                       }}};
    auto started = Server::start(std::move(options));
    ASSERT_TRUE(started) << started.error().context;
    server_ = std::move(*started);
    at_ = {port_of(server_->urls()[0])};
  }

  [[nodiscard]] os::UniqueFd connect_from(std::size_t number, std::string_view text) const {
    os::UniqueFd fd = test::connect_from(at_.port, number);
    send(fd.get(), text.data(), text.size(), MSG_NOSIGNAL);
    return fd;
  }

  [[nodiscard]] std::vector<os::UniqueFd> clients(std::size_t count, std::size_t addresses,
                                                  std::string_view text) const {
    std::vector<os::UniqueFd> made;
    for (std::size_t i = 0; i < count; ++i) made.push_back(connect_from(1 + i % addresses, text));
    return made;
  }

  void expect_prompt_scrapes() const {
    for (int i = 0; i < 3; ++i) {
      const auto start = Clock::now();
      EXPECT_EQ(test::http(at_, {"/large"}, kSoon).body.size(), kLarge);
      EXPECT_EQ(test::http(at_, {"/small"}, kSoon).body, "small");
      EXPECT_LT(Clock::now() - start, kSoon);
    }
  }

  int refused(Refusal reason) {
    const std::lock_guard lock(mutex_);
    return refused_[reason];
  }

  /// All that arrives until the server closes; "…reset" if it does so with a reset.
  static std::string read_all(const os::UniqueFd& fd) {
    const timeval patience{.tv_sec = 20, .tv_usec = 0};
    setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    std::string all;
    std::array<char, 4096> piece{};
    for (;;) {
      const ssize_t size = recv(fd.get(), piece.data(), piece.size(), 0);
      if (size == 0) return all;
      if (size < 0) return all + (errno == ECONNRESET ? "…reset" : "…silence");
      all.append(piece.data(), static_cast<std::size_t>(size));
    }
  }

  test::HttpServer at_;
  std::atomic<std::size_t> open_ = 0;
  std::atomic<std::size_t> made_ = 0;  ///< bytes of large answers

 private:
  std::mutex mutex_;
  std::map<Refusal, int> refused_;

 protected:
  std::unique_ptr<Server> server_;  ///< last: its threads use the rest
};

TEST_F(DoorTest, AnswersBesideClientsThatDoNotReadFromManyAddresses) {
  serve();
  const auto readers = clients(300, 64, kGet);
  expect_prompt_scrapes();
  EXPECT_GT(refused(Refusal::slow_reader), 0);
}

TEST_F(DoorTest, AnswersBesideClientsThatDoNotReadFromOneAddress) {
  serve();
  const auto readers = clients(300, 1, kGet);
  expect_prompt_scrapes();
  EXPECT_GT(refused(Refusal::per_address), 0);
}

TEST_F(DoorTest, AnswersBesideHalfRequests) {
  serve();
  const auto half = clients(600, 64, "GET /met");
  expect_prompt_scrapes();
}

TEST_F(DoorTest, AnswersBesideAnnouncedBodies) {
  serve();
  const auto bodies =
      clients(200, 64, "POST /small HTTP/1.1\r\nHost: x\r\nContent-Length: 100000000\r\n\r\na");
  expect_prompt_scrapes();
  EXPECT_THAT(read_all(bodies.back()),
              testing::AllOf(StartsWith("HTTP/1.1 413 "), HasSubstr("body")));
  EXPECT_TRUE(test::wait_until([&] { return refused(Refusal::body) == 200; }, 10s));
}

TEST_F(DoorTest, EndsRequestsThatDoNotArriveInTime) {
  serve({.head_time = 300ms});
  const auto half = connect_from(1, "GET /small HT");
  EXPECT_THAT(read_all(half), StartsWith("HTTP/1.1 408 "));
  EXPECT_EQ(refused(Refusal::head_timeout), 1);
  EXPECT_TRUE(test::wait_until([&] { return open_ == 0; }, 10s));
}

TEST_F(DoorTest, TellsWhoSpeaksTlsThatItDoesNot) {
  serve();
  const auto tls = connect_from(1, std::string_view("\x16\x03\x01\x02\x00\x01\x00\x01\xfc", 9));
  EXPECT_THAT(read_all(tls), testing::AllOf(StartsWith("HTTP/1.1 400 "), HasSubstr("not HTTPS")));
  EXPECT_EQ(refused(Refusal::bad_head), 1);
}

TEST_F(DoorTest, AnswersARequestInPieces) {
  serve();
  const auto client = connect_from(1, "");
  for (const char byte : std::string_view("GET /small HTTP/1.1\r\nHost: x\r\n\r\n"))
    send(client.get(), &byte, 1, MSG_NOSIGNAL);
  EXPECT_THAT(read_all(client), HasSubstr("small"));
}

TEST_F(DoorTest, AnswersAClientThatHasClosedItsHalf) {
  serve();
  const auto client = connect_from(1, "GET /small HTTP/1.1\r\nHost: x\r\n\r\n");
  shutdown(client.get(), SHUT_WR);
  EXPECT_THAT(read_all(client), HasSubstr("small"));
}

TEST_F(DoorTest, ForgetsWhoLeavesBeforeAsking) {
  serve();
  for (int i = 0; i < 100; ++i) {
    auto client = connect_from(1, "GET /sm");
    const linger reset{.l_onoff = i % 2, .l_linger = 0};
    setsockopt(client.get(), SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
  }
  EXPECT_EQ(test::http(at_, {"/small"}).body, "small");
  EXPECT_TRUE(test::wait_until([&] { return open_ == 0; }, 10s));
}

// For the sanitizers: clients that go away at the moment at which they are handed over.
TEST_F(DoorTest, StandsClientsThatAskAndReset) {
  serve();
  for (int round = 0; round < 10; ++round) {
    const auto many = clients(400, 64, kGet);
    for (const os::UniqueFd& client : many) {
      const linger reset{.l_onoff = 1, .l_linger = 0};
      setsockopt(client.get(), SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    }
  }
  EXPECT_EQ(test::http(at_, {"/small"}).body, "small");
  EXPECT_TRUE(test::wait_until([&] { return open_ == 0; }, 10s));
}

TEST_F(DoorTest, SaysThatItIsFull) {
  serve({.connections = 4, .per_address = 2, .serving = 2, .answer_time = 60s, .least_rate = 0});
  const auto readers = clients(4, 4, kGet);
  ASSERT_TRUE(test::wait_until([&] { return open_ == 4; }, 10s));
  const auto one_more = connect_from(9, kGet);
  EXPECT_THAT(read_all(one_more), StartsWith("HTTP/1.1 503 "));
  EXPECT_EQ(refused(Refusal::total), 1);
}

// A thousand who came again as soon as they were sent away took most of a processor.
TEST_F(DoorTest, HasMostWhoAreSentAwayWaitASecond) {
  serve();
  std::vector<os::UniqueFd> clients(200);
  std::size_t connections = 0;
  const auto start = Clock::now();
  while (Clock::now() < start + 3s)
    for (os::UniqueFd& client : clients) {
      std::array<char, 512> said{};
      if (client) {
        const ssize_t size = recv(client.get(), said.data(), said.size(), MSG_DONTWAIT);
        if (size > 0 || (size < 0 && errno == EAGAIN)) continue;
      }
      client = connect_from(1, "GET /met");
      ++connections;
    }
  const auto seconds = static_cast<std::size_t>(
      std::chrono::ceil<std::chrono::seconds>(Clock::now() - start).count());
  EXPECT_LE(connections, (seconds + 1) * (clients.size() + 64));
  EXPECT_EQ(test::http(at_, {"/small"}).body, "small");
}

TEST_F(DoorTest, MakesLittleForClientsThatDoNotReadWhileItIsBusy) {
  serve({.serving = 4});
  // What is made for a client with long segments, until nothing more is.
  const auto made_for_one = [&] {
    made_ = 0;
    os::UniqueFd fd = test::connect_tcp(at_);
    send(fd.get(), kGet.data(), kGet.size(), MSG_NOSIGNAL);
    EXPECT_TRUE(test::wait_until([&] { return made_ > 0; }, 10s));
    std::size_t before = 0;
    while (test::wait_until([&] { return made_ > before; }, 300ms)) before = made_;
    return std::pair(std::move(fd), before);
  };
  const auto [first, plenty] = made_for_one();
  const auto others = clients(2, 2, kGet);
  ASSERT_TRUE(test::wait_until([&] { return open_ == 3; }, 10s));
  const auto [last, little] = made_for_one();
  EXPECT_LT(little, plenty / 2) << plenty;
}

TEST_F(DoorTest, LetsAScraperInWhereACrowdHasAsked) {
  serve({.connections = 6, .per_address = 3, .serving = 2, .answer_time = 60s, .least_rate = 0});
  const auto crowd = clients(6, 2, kGet);
  ASSERT_TRUE(test::wait_until([&] { return open_ == 6; }, 10s));
  const auto scraper = connect_from(9, "GET /small HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_THAT(read_all(scraper), HasSubstr("small"));
  EXPECT_THAT(read_all(crowd.back()), StartsWith("HTTP/1.1 503 "));
}

TEST_F(DoorTest, EndsAnAnswerThatIsReadForTooLong) {
  serve({.answer_time = 1s});
  const auto client = connect_from(1, kGet);
  ASSERT_TRUE(test::wait_until([&] { return refused(Refusal::slow_reader) == 1; }, 10s));
  EXPECT_TRUE(test::wait_until([&] { return open_ == 0; }, 10s));
  EXPECT_THAT(read_all(client), testing::EndsWith("…reset"));
}

TEST_F(DoorTest, EndsWhileClientsDoNotRead) {
  serve();
  const auto readers = clients(100, 64, kGet);
  const auto half = clients(20, 64, "GET /");
  ASSERT_TRUE(test::wait_until([&] { return open_ == 120; }, 10s));
  const auto start = Clock::now();
  server_.reset();
  EXPECT_LT(Clock::now() - start, kSoon);
}

}  // namespace
}  // namespace wgscope::exporter::http
