// How the exporter starts, refuses to start, and ends.

#include <chrono>
#include <csignal>
#include <optional>
#include <poll.h>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <vector>

#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "wgscope/os/unique_fd.hpp"

#include "exporter.hpp"
#include "http.hpp"
#include "metrics.hpp"
#include "process.hpp"
#include "temp_dir.hpp"
#include "uapi_server.hpp"
#include "wait.hpp"

namespace wgscope::test {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;
using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::StartsWith;

class LifecycleTest : public testing::Test {
 protected:
  [[nodiscard]] std::string empty_folder() const { return "--uapi.dir=" + folder_.path().string(); }
  TempDir folder_;
};

void expect_clean_end(Exporter& exporter, int signal, milliseconds limit = 2s) {
  const auto before = Clock::now();
  exporter.signal(signal);
  EXPECT_EQ(exporter.wait(10s), 0);
  EXPECT_LT(Clock::now() - before, limit);
  EXPECT_FALSE(accepts_connections(exporter.server()));
}

/// Waits until the first byte of an answer is there, and leaves it there.
bool answer_begins(const os::UniqueFd& client) {
  pollfd wait{client.get(), POLLIN, 0};
  char first = 0;
  return poll(&wait, 1, 20'000) == 1 && recv(client.get(), &first, 1, MSG_PEEK) == 1;
}

TEST_F(LifecycleTest, EndsAtOnceOnSigtermAndSigint) {
  for (const int signal : {SIGTERM, SIGINT}) {
    Exporter exporter({.flags = {empty_folder()}});
    static_cast<void>(exporter.scrape());
    expect_clean_end(exporter, signal);
    EXPECT_THAT(exporter.log(), HasSubstr("msg=\"stopping\""));
  }
}

TEST_F(LifecycleTest, EndsAtOnceBeforeTheFirstScrape) {
  Exporter exporter({.flags = {empty_folder()}});
  expect_clean_end(exporter, SIGTERM);
}

TEST_F(LifecycleTest, EndsInTimeWhileClientsHoldItsThreads) {
  const UapiServer server(folder_ / "wg0.sock", {uapi_answer(20'000)});
  Exporter exporter({.flags = {empty_folder()}});
  std::vector<os::UniqueFd> clients;
  // Silent ones, ones in the middle of a request, and ones that do not read their answer.
  for (const std::string_view text :
       {"", "GET /metrics HTTP/1.1\r\nHost", "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n"})
    for (int i = 0; i < 5; ++i) {
      clients.push_back(connect_tcp(exporter.server()));
      send(clients.back().get(), text.data(), text.size(), MSG_NOSIGNAL);
    }
  ASSERT_EQ(exporter.get("/-/healthy").status, 200);
  // Connections are served in the order in which they came, and an answer of this size does not
  // fit into a connection: once the last five get theirs, threads are busy with all of them.
  for (std::size_t i = clients.size() - 5; i < clients.size(); ++i)
    ASSERT_TRUE(answer_begins(clients[i])) << i;
  expect_clean_end(exporter, SIGTERM, 5s);  // three of them for clients to read what they asked for
}

TEST_F(LifecycleTest, EndsInTimeDuringACollection) {
  const UapiServer stuck(folder_ / "wg0.sock", {"", false});
  Exporter exporter({.flags = {empty_folder(), "--collect.timeout=1s"}});
  const os::UniqueFd client = connect_tcp(exporter.server());
  const std::string_view request = "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n";
  const int asked_before = stuck.requests();
  send(client.get(), request.data(), request.size(), MSG_NOSIGNAL);
  ASSERT_TRUE(wait_until([&] { return stuck.requests() > asked_before; }, 10s));
  expect_clean_end(exporter, SIGTERM);
}

TEST_F(LifecycleTest, EndsInTimeWhileTheSamplerWaitsForADaemonThatHangs) {
  const UapiServer stuck(folder_ / "wg0.sock", {"", false});
  Exporter exporter({.flags = {empty_folder(), "--collect.timeout=1s", "--sample.interval=100ms"}});
  const int asked_before = stuck.requests();
  ASSERT_TRUE(wait_until([&] { return stuck.requests() > asked_before; }, 10s));
  expect_clean_end(exporter, SIGTERM);
}

TEST_F(LifecycleTest, GoesOnAfterSighup) {
  Exporter exporter({.flags = {empty_folder()}});
  exporter.signal(SIGHUP);
  EXPECT_EQ(exporter.get("/-/healthy").status, 200);
  EXPECT_TRUE(exporter.running());
  expect_clean_end(exporter, SIGTERM);
}

TEST_F(LifecycleTest, APortInUseEndsWithOneLine) {
  const Exporter first({.flags = {empty_folder()}});
  const std::string address = fmt::format("127.0.0.1:{}", first.server().port);
  const Finished second =
      run({Exporter::program(), "--web.listen-address=" + address, empty_folder()});
  EXPECT_EQ(second.exit_code, 1);
  EXPECT_THAT(second.out, IsEmpty());
  EXPECT_EQ(count_of(second.err, "\n"), 1U) << second.err;
  EXPECT_THAT(second.err, AllOf(HasSubstr("listen on " + address), HasSubstr("in use"),
                                HasSubstr("--web.listen-address")));
}

TEST_F(LifecycleTest, WrongFlagsEndWithTwoAndSayWhich) {
  const std::vector<std::vector<std::string>> wrong{
      {"--no-such-flag"},
      {"--interface.include=("},
      {"--collect.timeout=5x"},
      {"--collect.max-age=-1s"},
      {"--sample.interval=1ms"},
      {"--peer.endpoint=some"},
      {"--peer.allowed-ips=all"},
      {"--peer-label=endpoint"},
      {"--log.level=loud"},
      {"--log.format=xml"},
      {"--state.dir=/no/such/folder"},
      {"--web.telemetry-path=metrics"},
      {"--textfile=/tmp/x.prom"},
      {"--web.systemd-socket", "--web.listen-address=:1"},
      {"stray"}};
  for (const auto& flags : wrong) {
    std::vector<std::string> command{Exporter::program()};
    command.insert(command.end(), flags.begin(), flags.end());
    const Finished finished = run(command);
    EXPECT_EQ(finished.exit_code, 2) << flags[0] << "\n" << finished.err;
    const std::string flag = flags[0].substr(0, flags[0].find('='));
    EXPECT_THAT(finished.err, HasSubstr(flag));
    EXPECT_THAT(finished.out, IsEmpty()) << flags[0];
  }
}

TEST_F(LifecycleTest, AnAddressThatIsNoneEndsWithOneLine) {
  for (const char* address :
       {"nonsense", "127.0.0.1:99999", "300.1.1.1:1", "[::1", "192.0.2.77:1"}) {
    const Finished finished =
        run({Exporter::program(), std::string("--web.listen-address=") + address, empty_folder()});
    EXPECT_EQ(finished.exit_code, 1) << address;
    EXPECT_EQ(count_of(finished.err, "\n"), 1U) << finished.err;
    EXPECT_THAT(finished.err, HasSubstr(address));
  }
}

TEST_F(LifecycleTest, TellsVersionAndHelpOnStandardOutput) {
  const Finished version = run({Exporter::program(), "--version"});
  EXPECT_EQ(version.exit_code, 0);
  EXPECT_THAT(version.out, StartsWith("wgscope-exporter "));
  const Finished help = run({Exporter::program(), "--help"});
  EXPECT_EQ(help.exit_code, 0);
  for (const char* flag : {"--web.listen-address", "--netns", "--names.file", "--once", "9586"})
    EXPECT_THAT(help.out, HasSubstr(flag));
  EXPECT_THAT(version.err + help.err, IsEmpty());
}

TEST_F(LifecycleTest, ListensOnEveryAddressItIsGiven) {
  // Two free ports are found by exporters that hold them for a moment.
  std::vector<std::uint16_t> ports;
  {
    const Exporter one({.flags = {empty_folder()}});
    const Exporter two({.flags = {empty_folder()}});
    ports = {one.server().port, two.server().port};
  }
  const Exporter exporter(
      {.flags = {empty_folder(), fmt::format("--web.listen-address=127.0.0.1:{}", ports[0]),
                 fmt::format("--web.listen-address=127.0.0.1:{}", ports[1])}});
  for (const std::uint16_t port : ports)
    EXPECT_EQ(http({.port = port}, {.path = "/-/healthy"}).status, 200);
}

}  // namespace
}  // namespace wgscope::test
