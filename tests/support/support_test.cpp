// The parsers that other tests rely on, and what those need of processes.

#include <chrono>
#include <regex>
#include <signal.h>
#include <stdexcept>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "files.hpp"
#include "http.hpp"
#include "metrics.hpp"
#include "process.hpp"
#include "temp_dir.hpp"

namespace wgscope::test {
namespace {

using namespace std::chrono_literals;
using testing::IsEmpty;
using testing::SizeIs;

TEST(HttpResponse, PutsChunksTogether) {
  const auto response = parse_response(
      "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\nX-Two:  a b \r\n\r\n"
      "3\r\nabc\r\nA\r\n0123456789\r\n0\r\n\r\n");
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.body, "abc0123456789");
  EXPECT_EQ(response.header("x-two"), "a b");
  EXPECT_EQ(response.header("X-Three"), std::nullopt);
}

TEST(HttpResponse, RefusesWhatIsCutShort) {
  EXPECT_THROW(parse_response(""), std::runtime_error);
  EXPECT_THROW(parse_response("HTTP/1.1 200 OK\r\nContent-"), std::runtime_error);
  EXPECT_THROW(parse_response("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nab"),
               std::runtime_error);
  const std::string chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
  EXPECT_THROW(parse_response(chunked + "3\r\nab"), std::runtime_error);
  EXPECT_THROW(parse_response(chunked + "3\r\nabc\r\n"), std::runtime_error);
  EXPECT_THROW(parse_response(chunked + "2\r\nabc\r\n0\r\n\r\n"), std::runtime_error);
}

TEST(HttpResponse, ToHeadHasNoBody) {
  EXPECT_THAT(parse_response("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n", "HEAD").body,
              IsEmpty());
}

TEST(Gunzip, ReadsAllMembersAndRefusesHalfOnes) {
  const TempDir folder;
  write_file(folder / "a", "one ");
  write_file(folder / "b", std::string(300'000, 'x'));
  const std::string packed = must_run({"gzip", "-c", folder / "a", folder / "b"});
  EXPECT_EQ(gunzip(packed), "one " + std::string(300'000, 'x'));
  EXPECT_THROW(gunzip(packed.substr(0, packed.size() - 1)), std::runtime_error);
  EXPECT_THROW(gunzip("plain"), std::runtime_error);
}

TEST(Metrics, ReadsSamplesLabelsAndTypes) {
  const auto metrics = Metrics::parse(
      "# HELP a_total Help \"text\" {with} anything.\n"
      "# TYPE a_total counter\n"
      "a_total{interface=\"wg0\",name=\"q\\\"b\\\\n\\n\"} 18446744073709551615\n"
      "a_total{interface=\"wg1\",} 2e3 1700000000\n"
      "up 1\n"
      "# EOF\n");
  EXPECT_THAT(metrics.samples(), SizeIs(3));
  EXPECT_EQ(metrics.type("a_total"), "counter");
  EXPECT_EQ(metrics.value("up"), 1);
  EXPECT_EQ(metrics.value("down"), std::nullopt);
  EXPECT_EQ(metrics.value("a_total", {{"interface", "wg1"}}), 2000);
  const auto first = metrics.sample("a_total", {{"interface", "wg0"}});
  ASSERT_TRUE(first);
  EXPECT_EQ(first->text, "18446744073709551615");
  EXPECT_EQ(first->labels.at("name"), "q\"b\\n\n");
  EXPECT_THAT(metrics.find("a_total", {{"interface", "wg2"}}), IsEmpty());
  EXPECT_THROW(static_cast<void>(metrics.value("a_total")), std::runtime_error);
}

TEST(Metrics, RefusesWhatIsNoExposition) {
  for (const char* text : {"up 1", "up\n", "up one\n", "up{a=\"b} 1\n", "up{a=\"\\x\"} 1\n",
                           "up{a=\"1\",a=\"2\"} 1\n", "# TYPE a gauge\n# TYPE a gauge\n"})
    EXPECT_THROW(Metrics::parse(text), std::runtime_error) << text;
}

TEST(Process, KeepsOutputsAndExitStatus) {
  const Finished finished = run({"sh", "-c", "cat; echo \"$COLOUR\" >&2; exit 3"},
                                {.env = {"COLOUR=red"}, .netns = {}, .input = "in"});
  EXPECT_EQ(finished.exit_code, 3);
  EXPECT_EQ(finished.out, "in");
  EXPECT_EQ(finished.err, "red\n");
  EXPECT_EQ(run({"/no/such/program"}).exit_code, 127);
  EXPECT_THROW(must_run({"false"}), std::runtime_error);
}

TEST(Process, WaitsForOutputAndSignals) {
  // The shell's own `wait` ends at once for a trap; what it waits for must not outlive the test.
  Process process({"sh", "-c",
                   "trap 'echo caught; kill $!; exit 5' TERM; tail -f /dev/null & echo ready 42; "
                   "wait"});
  ASSERT_TRUE(process.wait_for_output(std::regex("ready [0-9]+"), 10s));
  EXPECT_FALSE(process.wait_for_output("caught", 10ms));
  EXPECT_TRUE(process.running());
  process.signal(SIGTERM);
  EXPECT_TRUE(process.wait_for_output("caught", 10s));
  EXPECT_EQ(process.wait(10s), 5);
  EXPECT_FALSE(process.running());
}

TEST(Process, GivesUpAtTheDeadlineAndKills) {
  EXPECT_THROW(run({"tail", "-f", "/dev/null"}, {}, 20ms), std::runtime_error);
  Process process({"tail", "-f", "/dev/null"});
  EXPECT_EQ(process.wait(20ms), std::nullopt);
  process.signal(SIGKILL);
  EXPECT_EQ(process.wait(10s), 128 + SIGKILL);
}

}  // namespace
}  // namespace wgscope::test
