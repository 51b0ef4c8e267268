// wgscope listen as a user runs it, and an embedded endpoint that tries its tunnel on it.

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstddef>
#include <string>
#include <sys/stat.h>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "wgscope/config/wg_quick.hpp"

#include "files.hpp"
#include "other_side.hpp"
#include "paths.hpp"
#include "process.hpp"
#include "temp_dir.hpp"

namespace wgscope::probe {
namespace {

using std::chrono::seconds;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr seconds kPatience{30};

std::string program() { return test::binary_dir() / "probe/wgscope"; }

TEST(Listen, AnswersTheOtherSideOfTheFileItMadeAndShowsIt) {
  const test::TempDir temp;
  const std::string file = temp / "other.conf";
  test::Process listen({program(), "listen", "--generate", "--peer-file", file, "--json",
                        "--uapi.dir", temp / "uapi"});
  ASSERT_TRUE(listen.wait_for_output("stop with Ctrl-C", kPatience)) << listen.err();
  struct stat status{};
  ASSERT_EQ(stat(file.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777U, 0600U) << "it has a private key";

  OtherSide other(file);
  EXPECT_TRUE(other.ping("10.95.86.1"));
  EXPECT_TRUE(other.ping("fd95:86::1"));
  EXPECT_TRUE(listen.wait_for_output(R"("event":"key_confirmed","peer":)", kPatience));
  EXPECT_THAT(listen.out(), HasSubstr(R"("name":"the other side","endpoint":"127.0.0.1:)"));
  ASSERT_EQ(stat((temp / "uapi/wgscope0.sock").c_str(), &status), 0);

  listen.signal(SIGTERM);
  EXPECT_EQ(listen.wait(kPatience), 0) << listen.err();
  EXPECT_NE(stat((temp / "uapi/wgscope0.sock").c_str(), &status), 0) << "it is left behind";
}

TEST(Listen, NamesNobodyWithRedact) {
  const test::TempDir temp;
  const std::string file = temp / "other.conf";
  test::Process listen({program(), "listen", "--generate", "--peer-file", file, "--redact",
                        "--uapi.dir", temp / "uapi"});
  ASSERT_TRUE(listen.wait_for_output("<key-1> on UDP port ", kPatience)) << listen.err();
  ASSERT_TRUE(listen.wait_for_output("stop with Ctrl-C", kPatience));
  OtherSide other(file);
  EXPECT_TRUE(other.ping("10.95.86.1"));
  EXPECT_TRUE(listen.wait_for_output("<name-1>  key confirmed  <ipv4-1>:", kPatience));
  listen.signal(SIGTERM);
  EXPECT_EQ(listen.wait(kPatience), 0) << listen.err();
  const std::string all = listen.out() + listen.err();
  EXPECT_THAT(all, Not(HasSubstr("127.0.0.1")));
  EXPECT_THAT(all, Not(HasSubstr("the other side")));
  EXPECT_THAT(all, Not(HasSubstr("=")));

  const test::Finished refused = test::run({program(), "listen", "--generate", "--redact"});
  EXPECT_EQ(refused.exit_code, 3);
  EXPECT_EQ(refused.out, "") << "the other side's file has keys";
}

TEST(Listen, SaysHowASecondOneGetsANameOfItsOwn) {
  const test::TempDir temp;
  const std::string uapi = temp / "uapi";
  test::Process first(
      {program(), "listen", "--generate", "--peer-file", temp / "first.conf", "--uapi-dir", uapi});
  ASSERT_TRUE(first.wait_for_output("stop with Ctrl-C", kPatience)) << first.err();
  const test::Finished second = test::run(
      {program(), "listen", "--generate", "--peer-file", temp / "second.conf", "--uapi-dir", uapi});
  EXPECT_EQ(second.exit_code, 3);
  EXPECT_THAT(second.err, HasSubstr("wgscope0.sock: another process is listening on this path"));
  EXPECT_THAT(second.err, HasSubstr("; --interface NAME gives this one another name"));
}

/// Whatever keeps it from listening, programs get one document that says so.
TEST(Listen, SaysAsJsonWhyItCannotBegin) {
  const test::TempDir temp;
  const std::string uapi = temp / "uapi";
  test::Process first(
      {program(), "listen", "--generate", "--peer-file", temp / "first.conf", "--uapi.dir", uapi});
  ASSERT_TRUE(first.wait_for_output("stop with Ctrl-C", kPatience)) << first.err();
  const std::string said = first.err();
  const std::size_t at = said.find("UDP port ") + 9;
  const std::string taken = said.substr(at, said.find(';', at) - at);
  test::write_file(temp / "file", "");
  test::write_file(temp / "own.conf",
                   "[Interface]\nPrivateKey = oK56DE9Ue9zK76rAc8pBl6opph+1v36lm7cXXsQKrQM=\n"
                   "Address = 10.9.0.1/24\n");
  ASSERT_EQ(chmod((temp / "own.conf").c_str(), 0600), 0);
  const std::string own = temp / "own.conf";
  const std::string no_folder = temp / "file";
  const std::vector<std::vector<std::string>> failures{
      {"--generate", "--peer-file", temp / "a.conf", "--listen-port", taken},
      {"--generate", "--peer-file", temp / "none/a.conf"},
      {"--config", temp / "missing.conf"},
      {"--config", no_folder},
      {"--config", own, "--state-dir", no_folder},
      {"--config", own, "--state-dir", temp / "state", "--uapi-dir", no_folder},
  };
  for (const std::vector<std::string>& failure : failures) {
    std::vector<std::string> argv{program(), "listen", "--json", "--interface", "second"};
    argv.insert(argv.end(), failure.begin(), failure.end());
    if (std::ranges::find(failure, "--uapi-dir") == failure.end())
      argv.insert(argv.end(), {"--uapi-dir", uapi});
    const test::Finished ended = test::run(argv);
    EXPECT_EQ(ended.exit_code, 3);
    const auto report = nlohmann::json::parse(ended.out, nullptr, false);
    ASSERT_TRUE(report.is_object()) << failure.back() << ": " << ended.out << ended.err;
    EXPECT_EQ(report["verb"], "listen");
    EXPECT_EQ(report["status"], "unknown");
    EXPECT_THAT(ended.err, HasSubstr(report["verdict"].get<std::string>()));
  }
}

TEST(Listen, PrintsTheOtherSidesFile) {
  const test::TempDir temp;
  test::Process listen(
      {program(), "listen", "--generate", "--endpoint", "gw.example", "--uapi.dir", temp / "uapi"});
  ASSERT_TRUE(listen.wait_for_output("stop with Ctrl-C", kPatience)) << listen.err();
  ASSERT_TRUE(listen.wait_for_output("[Peer]", kPatience));
  const auto config = config::parse_wg_quick(listen.out());
  ASSERT_TRUE(config) << config.error().context;
  EXPECT_EQ(config->peers.at(0).endpoint.value().host, "gw.example");
  listen.signal(SIGINT);
  EXPECT_EQ(listen.wait(kPatience), 0);
}

TEST(Listen, ListensWhereTheOtherSidesFileSays) {
  const test::TempDir temp;
  const std::string file = temp / "other.conf";
  const auto endpoint_of = [&](std::vector<std::string> more) {
    std::vector<std::string> argv{program(), "listen",     "--generate", "--peer-file",
                                  file,      "--uapi-dir", temp / "uapi"};
    argv.insert(argv.end(), more.begin(), more.end());
    test::Process listen(argv);
    EXPECT_TRUE(listen.wait_for_output("stop with Ctrl-C", kPatience)) << listen.err();
    const auto config = config::parse_wg_quick(test::read_file(file)).value();
    const std::size_t at = listen.err().find("UDP port ") + 9;
    return config.peers.at(0).endpoint.value().to_string() + " on " +
           listen.err().substr(at, listen.err().find(';') - at);
  };
  std::string free = endpoint_of({"--endpoint", "gw.example"});
  const std::string port = free.substr(free.find(" on ") + 4);
  EXPECT_EQ(free, "gw.example:" + port + " on " + port);
  EXPECT_EQ(endpoint_of({"--endpoint", "gw.example:" + port}),
            "gw.example:" + port + " on " + port);
  EXPECT_EQ(endpoint_of({"--endpoint", "[2001:db8::1]:443", "--listen-port", port}),
            "[2001:db8::1]:443 on " + port)
      << "a port that is forwarded";
  const auto refused = test::run({program(), "listen", "--generate", "--endpoint", "two words"});
  EXPECT_EQ(refused.exit_code, 3);
  EXPECT_THAT(refused.err, HasSubstr("--endpoint: expected HOST or HOST:PORT"));
}

/// A file that nobody else can read.
void write_own(const std::string& path, const std::string& text) {
  test::write_file(path, text);
  ASSERT_EQ(chmod(path.c_str(), 0600), 0);
}

class ListenRefusesTest : public testing::Test {
 protected:
  /// What it says of a file; it must end with 3, and say one line.
  std::string refusal(const std::string& text, std::vector<std::string> more = {}) {
    const std::string file = temp_ / "own.conf";
    write_own(file, text);
    std::vector<std::string> argv{program(),     "listen",        "--config",   file,
                                  "--state.dir", temp_ / "state", "--uapi.dir", temp_ / "uapi"};
    argv.insert(argv.end(), more.begin(), more.end());
    const test::Finished ended = test::run(argv);
    EXPECT_EQ(ended.exit_code, 3);
    EXPECT_EQ(ended.err.find('\n'), ended.err.size() - 1) << ended.err;
    return ended.err;
  }

  static constexpr const char* kKey = "PrivateKey = yAnz5TF+lXXJte14tji3zlMNq+hd2rYUIgJBgB3fBmk=\n";
  test::TempDir temp_;
};

TEST_F(ListenRefusesTest, WhatIsNoConfigurationForIt) {
  EXPECT_THAT(refusal("[Interface]\nMTU = x\n"), HasSubstr("own.conf: line 2: MTU must be"));
  EXPECT_THAT(refusal("[Interface]\nAddress=10.0.0.1/24\n"), HasSubstr("no PrivateKey"));
  EXPECT_THAT(refusal(std::string("[Interface]\n") + kKey), HasSubstr("no Address"));
}

TEST_F(ListenRefusesTest, NamesThatNoInterfaceHas) {
  const std::string text = std::string("[Interface]\nAddress=10.0.0.1/24\n") + kKey;
  for (const char* name : {"two words", "a/b", "a:b", "..", "a\tb", "longer-than-that"})
    EXPECT_THAT(refusal(text, {"--interface", name}), HasSubstr("not a valid interface name"))
        << name;
}

TEST_F(ListenRefusesTest, AnEndpointThatDoesNotResolve) {
  EXPECT_THAT(refusal(std::string("[Interface]\nAddress=10.0.0.1/24\n") + kKey +
                      "[Peer]\nPublicKey = xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg=\n"
                      "Endpoint = nowhere.invalid:51820\n"),
              HasSubstr("nowhere.invalid"));
}

TEST_F(ListenRefusesTest, NothingButRemarksThatOthersCanReadTheKey) {
  const std::string file = temp_ / "open.conf";
  test::write_file(file, std::string("[Interface]\nAddress=10.0.0.1/24\n") + kKey);
  ASSERT_EQ(chmod(file.c_str(), 0644), 0);
  test::Process listen({program(), "listen", "--config", file, "--state.dir", temp_ / "state",
                        "--uapi.dir", temp_ / "uapi"});
  ASSERT_TRUE(listen.wait_for_output("stop with Ctrl-C", kPatience)) << listen.err();
  EXPECT_THAT(listen.err(), HasSubstr("open.conf: run chmod 600"));
}

TEST_F(ListenRefusesTest, APortAndAKeyInUse) {
  const std::string text = std::string("[Interface]\nAddress=10.0.0.1/24\n") + kKey;
  const std::string file = temp_ / "first.conf";
  write_own(file, text);
  test::Process first({program(), "listen", "--config", file, "--state.dir", temp_ / "state2",
                       "--uapi.dir", temp_ / "uapi"});
  ASSERT_TRUE(first.wait_for_output("stop with Ctrl-C", kPatience)) << first.err();
  const std::size_t at = first.err().find("UDP port ") + 9;
  const std::string port = first.err().substr(at, first.err().find(';') - at);
  EXPECT_THAT(refusal(text, {"--listen-port", port}), HasSubstr("in use"));
  EXPECT_THAT(refusal(text), HasSubstr("uapi/wgscope0.sock"));
  test::Process second({program(), "listen", "--config", file, "--state.dir", temp_ / "state2",
                        "--uapi.dir", temp_ / "uapi2"});
  EXPECT_EQ(second.wait(kPatience), 3);
  EXPECT_THAT(second.err(), HasSubstr("another process uses this private key"));
}

}  // namespace
}  // namespace wgscope::probe
