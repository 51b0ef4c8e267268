// Requests that are none, or that nobody answers: each gets its status and one line of the log, and
// nothing of them is said again.

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <vector>

#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "wgscope/os/unique_fd.hpp"

#include "certificates.hpp"
#include "exporter.hpp"
#include "files.hpp"
#include "http.hpp"
#include "https.hpp"
#include "temp_dir.hpp"
#include "wait.hpp"

namespace wgscope::test {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

constexpr std::string_view kMine = "cAnArY";

struct Bad {
  std::string request;
  int status;
};

std::string answer_to(const HttpServer& server, const std::string& request) {
  const os::UniqueFd client = connect_tcp(server);
  const timeval patience{.tv_sec = 20, .tv_usec = 0};
  setsockopt(client.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  send(client.get(), request.data(), request.size(), MSG_NOSIGNAL);
  std::string answer(4096, '\0');
  std::size_t size = 0;
  for (ssize_t got = 0; size < answer.size() && (got = recv(client.get(), answer.data() + size,
                                                            answer.size() - size, 0)) > 0;)
    size += static_cast<std::size_t>(got);
  answer.resize(size);
  return answer;
}

/// With kMine wherever a client can put something.
std::vector<Bad> bad_requests() {
  const std::string mine(kMine);
  return {{mine + " / HTTP/1.1\r\n\r\n", 400},
          {"GET http://" + mine + "/metrics HTTP/1.1\r\n\r\n", 400},
          {"GET /" + mine + " HTTP/" + mine + "\r\n\r\n", 505},
          {"GET / HTTP/1.1\r\n" + mine + "\r\n\r\n", 400},
          {"GET / HTTP/1.1\r\nHost: " + mine + "\x01\r\n\r\n", 400},
          {"GET /" + mine + " HTTP/2.0\r\n\r\n", 505},
          {"POST /" + mine + " HTTP/1.1\r\nContent-Length: 5\r\n\r\n" + mine, 413},
          {"GET /" + mine + std::string(9000, 'a') + " HTTP/1.1\r\n\r\n", 431}};
}

TEST(RefusedRequests, GetTheirStatusAndALineWithoutWhatWasInThem) {
  const TempDir folder;
  Exporter exporter({.flags = {"--uapi.dir=" + folder.path().string()}});
  std::size_t lines = 0;
  for (const Bad& bad : bad_requests()) {
    const std::string answer = answer_to(exporter.server(), bad.request);
    EXPECT_THAT(answer, StartsWith(fmt::format("HTTP/1.1 {} ", bad.status)))
        << bad.request.substr(0, 60);
    EXPECT_THAT(answer, Not(HasSubstr(kMine)));
    ++lines;
    ASSERT_TRUE(
        wait_until([&] { return count_of(exporter.log(), "refused a request") == lines; }, 10s))
        << exporter.log();
    EXPECT_THAT(exporter.log(), HasSubstr(fmt::format("answer=\"{} ", bad.status)));
  }
  EXPECT_THAT(exporter.log(), HasSubstr("from=\"127.0.0.1\""));
  EXPECT_THAT(exporter.log(), Not(HasSubstr(kMine)));
}

TEST(RefusedRequests, FillNoLog) {
  const TempDir folder;
  Exporter exporter({.flags = {"--uapi.dir=" + folder.path().string()}});
  for (int i = 0; i < 200; ++i)
    EXPECT_THAT(answer_to(exporter.server(), "nonsense\r\n\r\n"), StartsWith("HTTP/1.1 400 "));
  EXPECT_EQ(exporter.stop(), 0);
  EXPECT_GE(count_of(exporter.log(), "refused a request"), 10U);
  EXPECT_LE(count_of(exporter.log(), "refused a request"), 20U) << "two minutes may have begun";
}

/// An exporter that speaks TLS.
class RefusedTls : public testing::Test {
 protected:
  RefusedTls() {
    const Certificate made = make_certificate();
    write_file(folder_ / "web.crt", made.certificate);
    write_file(folder_ / "web.key", made.key);
    write_file(folder_ / "web.yml", "tls_server_config: {cert_file: web.crt, key_file: web.key}\n");
    exporter_.emplace(
        ExporterOptions{.flags = {"--uapi.dir=" + folder_.path().string(),
                                  "--web.config.file=" + (folder_ / "web.yml").string()}});
  }

  TempDir folder_;
  std::optional<Exporter> exporter_;
};

TEST_F(RefusedTls, IsALineWithTheAddressAndTheReasonAndNothingOfTheClients) {
  const std::string mine(kMine);
  // None of TLS, and a ClientHello that is none.
  EXPECT_EQ(answer_to(exporter_->server(), "\x80" + mine), "");
  EXPECT_EQ(answer_to(exporter_->server(), std::string("\x16\x03\x01\0\x0a\x01\0\0\x06", 9) + mine)
                .substr(0, 1),
            "\x15")
      << "an alert";
  EXPECT_THAT(answer_to(exporter_->server(), "GET /" + mine + " HTTP/1.1\r\n\r\n"),
              StartsWith("HTTP/1.1 400 "));
  EXPECT_THAT(
      https(exporter_->server(), {"/"}, {.trusted = make_certificate().certificate}).failure,
      HasSubstr("certificate verify failed"));
  for (const char* line :
       {"refused a TLS connection\" from=\"127.0.0.1\" reason=\"the client did not begin a TLS "
        "handshake\"",
        "refused a TLS connection\" from=\"127.0.0.1\" reason=\"the client sent bytes that are "
        "not valid TLS\"",
        "refused a request\" from=\"127.0.0.1\" answer=\"400 this port speaks HTTPS, not HTTP\"",
        "refused a TLS connection\" from=\"127.0.0.1\" reason=\"the client did not accept this "
        "exporter's certificate\""})
    EXPECT_TRUE(exporter_->wait_for_log(line, 20s)) << line << "\n" << exporter_->log();
  EXPECT_THAT(exporter_->log(), Not(HasSubstr(kMine)));
}

TEST_F(RefusedTls, FillsNoLog) {
  for (int i = 0; i < 200; ++i) answer_to(exporter_->server(), "\x80nonsense\r\n\r\n");
  EXPECT_EQ(exporter_->stop(), 0);
  EXPECT_GE(count_of(exporter_->log(), "refused a TLS connection"), 10U);
  EXPECT_LE(count_of(exporter_->log(), "refused a TLS connection"), 20U)
      << "two minutes may have begun";
}

TEST(Requests, LeaveNothingOfTheirsInMetricsOrLog) {
  const TempDir folder;
  Exporter exporter({.flags = {"--uapi.dir=" + folder.path().string()}});
  const std::string mine(kMine);
  for (const char* path : {"/", "/metrics", "/-/ready", "/no/such/"})
    for (const char* method : {"GET", "HEAD", "DELETE", "OPTIONS", "CANARY"})
      static_cast<void>(
          answer_to(exporter.server(),
                    fmt::format("{} {}{}?{}={} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n"
                                "{}: {}\r\nAccept: {}\r\n"
                                "Accept-Encoding: {}\r\nUser-Agent: {}\r\n"
                                "X-Prometheus-Scrape-Timeout-Seconds: {}\r\n\r\n",
                                method, path, std::string_view(path).size() > 9 ? kMine : "", mine,
                                mine, mine, mine, mine, mine, mine, mine, mine)));
  for (const Bad& bad : bad_requests())
    static_cast<void>(answer_to(exporter.server(), bad.request));
  const std::string metrics = exporter.get("/metrics").body;
  EXPECT_THAT(metrics, HasSubstr("path=\"other\""));
  EXPECT_THAT(metrics, HasSubstr("code=\"405\""));
  for (const std::string& text : {metrics, exporter.log(), exporter.get("/-/ready").body}) {
    EXPECT_THAT(text, Not(HasSubstr(kMine)));
    EXPECT_THAT(text, Not(HasSubstr("CANARY")));
  }
}

}  // namespace
}  // namespace wgscope::test
