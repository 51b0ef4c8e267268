// Many clients at once, among them silent and slow ones.

#include <atomic>
#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <thread>
#include <vector>

#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "wgscope/os/unique_fd.hpp"

#include "exporter.hpp"
#include "http.hpp"
#include "metrics.hpp"
#include "temp_dir.hpp"
#include "uapi_server.hpp"
#include "wait.hpp"

namespace wgscope::test {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;
using testing::Each;
using testing::IsEmpty;

class ServingTest : public testing::Test {
 protected:
  Exporter start(std::vector<std::string> flags = {}, const std::string& max_age = "0s") {
    flags.push_back("--uapi.dir=" + folder_.path().string());
    return Exporter({.flags = std::move(flags), .max_age = max_age});
  }
  UapiServer serve(const std::string& interface, UapiReply reply) {
    return UapiServer(folder_ / (interface + ".sock"), std::move(reply));
  }
  TempDir folder_;
};

/// What a scrape got, empty if it is whole: every peer, and in OpenMetrics the end that says so.
std::string what_is_wrong(const HttpResponse& response, bool gzip, bool openmetrics,
                          std::size_t peers) {
  if (response.status != 200) return fmt::format("status {}", response.status);
  if (response.header("Content-Encoding").has_value() != gzip) return "wrong encoding";
  const std::string body = gzip ? gunzip(response.body) : response.body;
  if (body.ends_with("\n# EOF\n") != openmetrics) return "wrong format";
  const std::size_t found =
      Metrics::parse(body).find("wireguard_peer_first_seen_timestamp_seconds").size();
  return found == peers ? "" : fmt::format("{} peers of {}", found, peers);
}

TEST_F(ServingTest, FiftyScrapesShareOneCollectionWhileAHundredClientsSayNothing) {
  constexpr std::size_t kPeers = 1000;
  constexpr auto kMaxAge = 700ms;
  const UapiServer server = serve("wg0", {uapi_answer(kPeers), true, 300ms});
  const Exporter exporter = start({}, "700ms");
  const auto started = Clock::now();
  std::vector<os::UniqueFd> silent;
  for (int i = 0; i < 100; ++i) silent.push_back(connect_tcp(exporter.server()));
  // Until the collection that was made at the start is too old to be shared.
  ASSERT_TRUE(wait_until([&] { return Clock::now() - started > kMaxAge; }, 10s));
  const int before = server.requests();

  constexpr std::size_t kScrapes = 50;
  std::vector<std::string> problems(kScrapes);
  const auto start_time = Clock::now();
  std::vector<std::thread> scrapers;
  for (std::size_t i = 0; i < kScrapes; ++i)
    scrapers.emplace_back([&, i] {
      const bool gzip = i % 2 == 0;
      const bool openmetrics = i % 3 == 0;
      try {
        const HttpResponse response = exporter.get(
            "/metrics",
            {{"Accept", openmetrics ? "application/openmetrics-text;version=1.0.0" : "text/plain"},
             {"Accept-Encoding", gzip ? "gzip" : "identity"}});
        problems[i] = what_is_wrong(response, gzip, openmetrics, kPeers);
      } catch (const std::exception& error) {
        problems[i] = error.what();
      }
    });
  for (std::thread& scraper : scrapers) scraper.join();
  const auto took = Clock::now() - start_time;
  EXPECT_THAT(problems, Each(IsEmpty()));
  EXPECT_LT(took, 10s);
  // One, unless the machine is so busy that they did not come at the same time.
  EXPECT_GE(server.requests() - before, 1);
  EXPECT_LE(server.requests() - before, 1 + took / kMaxAge);
}

TEST_F(ServingTest, ClientsInTheMiddleOfARequestDoNotHoldUpOthers) {
  const UapiServer server = serve("wg0", {uapi_answer(10)});
  const Exporter exporter = start();
  std::vector<os::UniqueFd> half;
  const std::string_view text = "GET /metrics HTTP/1.1\r\nHo";
  for (int i = 0; i < 40; ++i) {
    half.push_back(connect_tcp(exporter.server()));
    ASSERT_GT(send(half.back().get(), text.data(), text.size(), MSG_NOSIGNAL), 0);
  }
  for (int i = 0; i < 10; ++i) {
    const auto before = Clock::now();
    EXPECT_EQ(exporter.get("/metrics").status, 200);
    EXPECT_LT(Clock::now() - before, 2s);
  }
}

/// Reads everything in small pieces, and stops after each share of it until others have been served
/// once more; gives up when nobody is.
std::string read_slowly(int socket, const std::atomic<int>& served) {
  constexpr std::size_t kShare = 4U << 20U;
  std::string received;
  std::vector<char> buffer(64U << 10U);
  int seen = served;
  for (std::size_t share = kShare;;) {
    const ssize_t count = recv(socket, buffer.data(), buffer.size(), 0);
    if (count <= 0) return received;
    received.append(buffer.data(), static_cast<std::size_t>(count));
    if (received.size() < share) continue;
    share += kShare;
    if (!wait_until([&] { return served != seen; }, 20s)) return received;
    seen = served;
  }
}

TEST_F(ServingTest, ASlowReaderGetsEverythingWhileOthersAreServed) {
  constexpr std::size_t kPeers = 20'000;
  const UapiServer server = serve("wg0", {uapi_answer(kPeers)});
  const Exporter exporter = start();
  std::string raw;
  std::atomic<bool> slow_is_through = false;
  std::atomic<int> served_meanwhile = 0;
  std::jthread slow([&] {
    const os::UniqueFd socket = connect_tcp(exporter.server());
    constexpr int kSmall = 32 * 1024;
    setsockopt(socket.get(), SOL_SOCKET, SO_RCVBUF, &kSmall, sizeof kSmall);
    const std::string_view request =
        "GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    send(socket.get(), request.data(), request.size(), MSG_NOSIGNAL);
    raw = read_slowly(socket.get(), served_meanwhile);
    slow_is_through = true;
  });
  do {
    const HttpResponse response = exporter.get("/metrics", {{"Accept-Encoding", "gzip"}});
    EXPECT_EQ(what_is_wrong(response, true, false, kPeers), "");
    if (!slow_is_through) ++served_meanwhile;
  } while (!slow_is_through);
  slow.join();
  EXPECT_GE(served_meanwhile, 2);
  EXPECT_EQ(what_is_wrong(parse_response(raw), false, false, kPeers), "");
}

TEST_F(ServingTest, AClientThatGoesAwayCostsNothing) {
  const UapiServer server = serve("wg0", {uapi_answer(5'000)});
  Exporter exporter = start();
  for (int i = 0; i < 20; ++i) {
    const os::UniqueFd socket = connect_tcp(exporter.server());
    const std::string_view request = "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n";
    send(socket.get(), request.data(), request.size(), MSG_NOSIGNAL);
  }
  EXPECT_EQ(what_is_wrong(exporter.get("/metrics"), false, false, 5'000), "");
  EXPECT_TRUE(exporter.running());
}

TEST_F(ServingTest, TheAnnouncedScrapeTimeoutIsKept) {
  const UapiServer healthy = serve("wg0", {uapi_answer(2)});
  const UapiServer stuck = serve("wg1", {"", false});
  const Exporter exporter = start({"--collect.timeout=3s"});
  for (const auto& [announced, limit] :
       {std::pair("1", 1000ms), std::pair("0.5", 500ms), std::pair("1.5", 1500ms)}) {
    const auto before = Clock::now();
    const HttpResponse response =
        exporter.get("/metrics", {{"X-Prometheus-Scrape-Timeout-Seconds", announced}});
    EXPECT_LT(Clock::now() - before, limit) << announced;
    ASSERT_EQ(response.status, 200);
    const Metrics metrics = Metrics::parse(response.body);
    EXPECT_EQ(metrics.value("wireguard_exporter_interface_failures",
                            {{"interface", "wg1"}, {"reason", "timeout"}}),
              1);
    EXPECT_EQ(metrics.value("wireguard_interface_peers", {{"interface", "wg0"}}), 2);
  }
  // A longer one than --collect.timeout does not make it wait longer.
  const auto before = Clock::now();
  EXPECT_EQ(exporter.get("/metrics", {{"X-Prometheus-Scrape-Timeout-Seconds", "60"}}).status, 200);
  EXPECT_LT(Clock::now() - before, 4s);
}

TEST_F(ServingTest, MoreScrapesAtOnceThanAllowedAreRefused) {
  const UapiServer slow = serve("wg0", {uapi_answer(2), true, 1s});
  const Exporter exporter = start({"--web.max-requests=1", "--sample.interval=0"});
  const int before = slow.requests();
  int status = 0;
  std::jthread first([&] { status = exporter.get("/metrics").status; });
  ASSERT_TRUE(wait_until([&] { return slow.requests() > before; }, 20s));
  const HttpResponse second = exporter.get("/metrics");
  EXPECT_EQ(second.status, 503);
  EXPECT_EQ(second.body, "503 too many scrapes at once\n");
  EXPECT_EQ(exporter.get("/-/healthy").status, 200);
  first.join();
  EXPECT_EQ(status, 200);
  EXPECT_EQ(exporter.get("/metrics").status, 200);
}

}  // namespace
}  // namespace wgscope::test
