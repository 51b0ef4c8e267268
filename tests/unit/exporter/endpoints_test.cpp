#include "exporter/endpoints.hpp"

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "wgscope/model/snapshot.hpp"

#include "collections_fixture.hpp"
#include "exporter/collection.hpp"
#include "exporter/http/server.hpp"
#include "exposition_checker.hpp"
#include "fake_daemon.hpp"
#include "http.hpp"
#include "keys.hpp"
#include "metrics.hpp"
#include "server_fixture.hpp"
#include "wait.hpp"

namespace wgscope::exporter {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr std::string_view kOpenMetrics = "application/openmetrics-text;version=1.0.0";

/// A whole exporter with one fake daemon.
class EndpointsTest : public CollectionsTest {
 protected:
  void serve(const std::string& telemetry_path = "/metrics") {
    collections_.emplace(options(), collect_warnings());
    endpoints_.emplace(*collections_, Endpoints::Settings{telemetry_path, {}, 10s});
    http::ServerOptions server_options;
    server_options.listen = {"127.0.0.1:0"};
    server_options.routes = endpoints_->routes();
    server_options.on_answered = [this](std::string_view path, int status, double seconds) {
      endpoints_->count(path, status, seconds);
    };
    auto started = http::Server::start(std::move(server_options));
    ASSERT_TRUE(started) << started.error().context;
    server_ = std::move(*started);
    at_ = {http::port_of(server_->urls().at(0))};
  }

  test::HttpResponse ask(const std::string& path, std::vector<test::HttpHeader> headers = {},
                         const std::string& method = "GET") const {
    return test::http(at_, {path, method, std::move(headers)});
  }

  FakeDaemon daemon_{folder_.path(), "lo", daemon_answer({{1, 0, 77}, {2}})};
  std::optional<Collections> collections_;
  std::optional<Endpoints> endpoints_;
  test::HttpServer at_;
  std::unique_ptr<http::Server> server_;
};

TEST_F(EndpointsTest, WriteText) {
  serve();
  const auto answer = ask("/metrics");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.header("Content-Type"), "text/plain; version=0.0.4; charset=utf-8");
  EXPECT_EQ(answer.header("Content-Encoding"), std::nullopt);
  EXPECT_EQ(answer.header("Vary"), "Accept, Accept-Encoding");
  EXPECT_THAT(test::check_exposition(answer.body, test::Syntax::text), IsEmpty());
  EXPECT_EQ(test::Metrics::parse(answer.body)
                .value("wireguard_peer_receive_bytes_total", {{"public_key", key(1).base64()}}),
            77);
}

TEST_F(EndpointsTest, WriteOpenMetricsToThoseWhoWantIt) {
  serve();
  ask("/metrics");
  ask("/nothing");
  const auto answer = ask("/metrics", {{"Accept", std::string(kOpenMetrics)}});
  EXPECT_EQ(answer.header("Content-Type"),
            "application/openmetrics-text; version=1.0.0; charset=utf-8");
  // All of it: peers, process and the server's own counters and histograms.
  EXPECT_THAT(test::check_exposition(answer.body, test::Syntax::openmetrics), IsEmpty());
}

TEST_F(EndpointsTest, CompressForThoseWhoWantIt) {
  serve();
  const auto answer =
      ask("/metrics", {{"Accept", std::string(kOpenMetrics)}, {"Accept-Encoding", "gzip"}});
  EXPECT_EQ(answer.header("Content-Encoding"), "gzip");
  EXPECT_THAT(test::check_exposition(test::gunzip(answer.body), test::Syntax::openmetrics),
              IsEmpty());
  EXPECT_EQ(ask("/metrics", {{"Accept-Encoding", "gzip;q=0"}}).header("Content-Encoding"),
            std::nullopt);
}

TEST_F(EndpointsTest, WriteLargeExpositionsInChunks) {
  constexpr std::uint32_t kPeers = 3000;
  std::vector<DaemonPeer> peers;
  for (std::uint32_t i = 0; i < kPeers; ++i) peers.push_back({i});
  daemon_.answer_with(daemon_answer(peers));
  serve();
  const auto plain = ask("/metrics");
  EXPECT_EQ(plain.header("Transfer-Encoding"), "chunked");
  EXPECT_THAT(test::check_exposition(plain.body, test::Syntax::text), IsEmpty());
  EXPECT_EQ(test::Metrics::parse(plain.body).find("wireguard_peer_info").size(), kPeers);
  const auto zipped = ask("/metrics", {{"Accept-Encoding", "gzip"}});
  EXPECT_EQ(test::Metrics::parse(test::gunzip(zipped.body)).find("wireguard_peer_info").size(),
            kPeers);
}

TEST_F(EndpointsTest, AnswerHeadWithTheHeadersOfGet) {
  serve();
  const auto answer = ask("/metrics", {{"Accept-Encoding", "gzip"}}, "HEAD");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.header("Content-Encoding"), "gzip");
  EXPECT_EQ(answer.header("Content-Type"), "text/plain; version=0.0.4; charset=utf-8");
  EXPECT_EQ(answer.header("Content-Length"), std::nullopt) << "it is not known";
}

TEST_F(EndpointsTest, CountTheirOwnAnswers) {
  serve();
  ask("/metrics");
  ask("/-/healthy");
  ask("/one");
  ask("/two");
  ask("/metrics", {{"Content-Length", "0"}}, "POST");
  const auto metrics = test::Metrics::parse(ask("/metrics").body);
  const auto requests = [&](const char* code, const char* path) {
    return metrics.value("wireguard_exporter_http_requests_total",
                         {{"code", code}, {"path", path}});
  };
  EXPECT_EQ(requests("200", "/metrics"), 1);
  EXPECT_EQ(requests("200", "/-/healthy"), 1);
  EXPECT_EQ(requests("404", "other"), 2) << "not a series for every path somebody thinks of";
  EXPECT_EQ(requests("405", "/metrics"), 1);
  EXPECT_EQ(metrics.value("wireguard_exporter_http_request_duration_seconds_count",
                          {{"path", "/metrics"}}),
            2);
  EXPECT_EQ(metrics.value("wireguard_exporter_scrapes_in_flight"), 1);
}

TEST_F(EndpointsTest, HonourTheScrapeTimeout) {
  serve();
  daemon_.hold();
  const auto start = std::chrono::steady_clock::now();
  const auto answer = ask("/metrics", {{"X-Prometheus-Scrape-Timeout-Seconds", "1"}});
  EXPECT_LT(std::chrono::steady_clock::now() - start, 5s) << "not the ten of its own";
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(test::Metrics::parse(answer.body)
                .value("wireguard_exporter_interface_failures",
                       {{"interface", "lo"}, {"reason", "timeout"}}),
            1);
}

TEST_F(EndpointsTest, SaySoWhenACollectionUnderWayTakesTooLong) {
  serve();
  daemon_.hold();
  std::jthread patient([&] { static_cast<void>(ask("/metrics")); });
  ASSERT_TRUE(test::wait_until([&] { return daemon_.asked() == 1; }, 10s));
  const auto answer = ask("/metrics", {{"X-Prometheus-Scrape-Timeout-Seconds", "0.5"}});
  EXPECT_EQ(answer.status, 503);
  EXPECT_EQ(answer.body, "503 the collection already running did not end in time\n");
  EXPECT_EQ(ask("/-/healthy").status, 200) << "asks nobody";
  daemon_.release();
}

TEST_F(EndpointsTest, AreReadyWhileAnythingCanBeRead) {
  serve();
  const FakeDaemon other(folder_.path(), "bad", "nonsense\n");
  auto ready = ask("/-/ready");
  EXPECT_EQ(ready.status, 200);
  EXPECT_THAT(ready.body, HasSubstr("wgscope-exporter is ready.\n"));
  EXPECT_THAT(ready.body, HasSubstr("bad: malformed: "));
  daemon_.answer_with("errno=1\n\n");
  ready = ask("/-/ready");
  EXPECT_EQ(ready.status, 503);
  EXPECT_THAT(ready.body,
              HasSubstr("wgscope-exporter is not ready: it could not read anything.\n"));
  EXPECT_THAT(ready.body, HasSubstr("lo: refused: "));
  EXPECT_EQ(ask("/-/healthy").status, 200);
  EXPECT_EQ(ask("/metrics").status, 200) << "what fails is in the metrics";
}

TEST_F(EndpointsTest, ShowALandingPage) {
  serve("/a\"><b>&");
  const auto answer = ask("/");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.header("Content-Type"), "text/html; charset=utf-8");
  EXPECT_THAT(answer.body, HasSubstr("href=\"/a&quot;>&lt;b>&amp;\""));
  EXPECT_THAT(answer.body, HasSubstr("/-/ready"));
}

Snapshot snapshot(std::vector<Failure> failures) {
  Snapshot made;
  made.failures = std::move(failures);
  for (auto& report : made.collectors) report = {true, true, 0s};
  return made;
}

TEST(NothingReadable, MeansThatNotOneSourceWasWhole) {
  const Failure failure{"", "wg0", FailureReason::eperm, "read wg0: not permitted"};
  EXPECT_FALSE(nothing_readable(snapshot({}))) << "an empty host is none of ours to mend";
  Snapshot with_device = snapshot({failure});
  with_device.report(Collector::netlink).success = false;
  with_device.devices.emplace_back();
  EXPECT_FALSE(nothing_readable(with_device));

  Snapshot no_kernel = snapshot({failure});
  no_kernel.report(Collector::netlink).success = false;
  EXPECT_TRUE(nothing_readable(no_kernel))
      << "that there are no sockets does not say that there is nothing";
  Snapshot no_links = snapshot({failure});
  no_links.report(Collector::links).success = false;
  EXPECT_TRUE(nothing_readable(no_links));
  Snapshot no_sockets = snapshot({failure});
  no_sockets.report(Collector::uapi).success = false;
  EXPECT_FALSE(nothing_readable(no_sockets)) << "the kernel says that it has none";
  Snapshot only_sockets = no_sockets;
  only_sockets.report(Collector::netlink).ran = false;
  EXPECT_TRUE(nothing_readable(only_sockets));
  only_sockets.report(Collector::uapi).success = true;
  EXPECT_FALSE(nothing_readable(only_sockets));
}

TEST(DescribeFailures, NamesWhatFailedAndWhy) {
  EXPECT_EQ(describe_failures(snapshot({})), "");
  EXPECT_EQ(
      describe_failures(snapshot({{"", "wg0", FailureReason::eperm, "read wg0: not permitted"},
                                  {"blue", "wg1", FailureReason::timeout, "late"},
                                  {"gone", "", FailureReason::netns_gone, "there is none"},
                                  {"", "", FailureReason::eacces, "list sockets"}})),
      "wg0: eperm: read wg0: not permitted\nblue/wg1: timeout: late\ngone: netns_gone: there is "
      "none\n"
      "eacces: list sockets\n");
}

}  // namespace
}  // namespace wgscope::exporter
