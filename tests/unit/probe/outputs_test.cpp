// What the program writes, whatever the verb: it ends with an error where an output cannot be
// written, hides with --redact what is somebody's, and answers programs in JSON.

#include <algorithm>
#include <cctype>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <string>
#include <sys/stat.h>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "wgscope/model/address.hpp"
#include "wgscope/os/udp_socket.hpp"

#include "files.hpp"
#include "paths.hpp"
#include "process.hpp"
#include "temp_dir.hpp"
#include "unwritable.hpp"

namespace wgscope::probe {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

using Words = std::vector<std::string>;

// Of RFC 7748 §6.1: Alice's private key, and Bob's public key.
constexpr const char* kSecret = "dwdtCnMYpX08FsFyUbJmRd9ML4frwJkqsXf7pR25LCo=";
constexpr const char* kGateway = "3p7bfXt9wbTTW2HC7OQ1Nz+DQ8hbeGdNrfx+FG+IK08=";

/// Everything has "secretmark" or one of these addresses in it that is somebody's.
constexpr const char* kMarks[] = {"secretmark",     "203.0.113.77", "203.0.113.78",
                                  "10.77.7.",       "2001:db8:5e",  "3p7bfXt9wbTTW2HC7OQ1",
                                  "hsdwcykwp1r0i33"};

class Outputs : public ::testing::Test {
 protected:
  std::string file(const std::string& name, const std::string& content) {
    std::filesystem::create_directory(folder_ / "secretmark dir");
    const std::string path = folder_ / "secretmark dir" / name;
    test::write_file(path, content);
    EXPECT_EQ(chmod(path.c_str(), 0600), 0);
    return path;
  }
  static std::string config(const std::string& endpoint) {
    return std::string("[Interface]\nPrivateKey = ") + kSecret +
           "\nAddress = 10.77.7.2/24\n[Peer]\n# Name = Secretmark\nPublicKey = " + kGateway +
           "\nEndpoint = " + endpoint + "\nAllowedIPs = 10.77.7.0/24\n";
  }
  Words wgscope(Words arguments) const {
    arguments.insert(arguments.begin(), test::binary_dir() / "probe/wgscope");
    return arguments;
  }
  /// With directories of its own.
  Words verb(Words arguments) const {
    arguments.insert(arguments.begin() + 1,
                     {"--state-dir", folder_ / "state", "--uapi-dir", folder_ / "none"});
    return wgscope(std::move(arguments));
  }

  test::TempDir folder_;
  const std::string own_ = file("own.conf", config("203.0.113.77:51820"));
};

TEST_F(Outputs, ThatCannotBeWrittenAreAnErrorOfEveryVerb) {
  std::vector<Words> commands{wgscope({"--help"}),
                              wgscope({"help"}),
                              wgscope({"--version"}),
                              wgscope({"explain"}),
                              wgscope({"explain", "WGS-HS-005"}),
                              wgscope({"listen", "--generate", "--uapi-dir", folder_.path()})};
  for (const char* name :
       {"check", "handshake", "ping", "reach", "mtu", "nat", "listen", "explain"})
    commands.push_back(wgscope({name, "--help"}));
  for (const Words& asked : std::vector<Words>{{"check"},
                                               {"handshake"},
                                               {"ping"},
                                               {"reach", "--icmp", "10.77.7.1"},
                                               {"mtu"},
                                               {"nat", "--tcp", "10.77.7.1:22"}}) {
    Words planned = asked;
    planned.insert(planned.end(), {"--config", own_, "--plan"});
    commands.push_back(verb(planned));
    planned.emplace_back("--json");
    commands.push_back(verb(planned));
  }
  commands.push_back(verb({"handshake", "--config", own_, "--endpoint", "127.0.0.1:9", "--json"}));
  commands.push_back(verb({"handshake", "--config", own_, "--endpoint", "127.0.0.1:9"}));
  commands.push_back(verb({"handshake", "--json", "--no-such-option"}));
  for (const Words& command : commands) {
    for (const test::Unwritable& output : test::kUnwritable) {
      const test::Finished ended = test::run(test::writing_to(output, command));
      const std::string what = ::testing::PrintToString(command) + " " + output.script;
      EXPECT_EQ(ended.exit_code, 3) << what;
      EXPECT_THAT(ended.err, HasSubstr(output.why)) << what;
    }
  }
}

TEST_F(Outputs, EndAWatchWhoseReaderHasGone) {
  const test::Finished ended = test::run(
      test::writing_to(test::kUnwritable[2],
                       verb({"mtu", "--config", own_, "--endpoint", "127.0.0.1:9", "--watch"})));
  EXPECT_EQ(ended.exit_code, 3);
  EXPECT_THAT(ended.err, HasSubstr("Broken pipe"));
}

TEST_F(Outputs, DoNotGoIntoAFileThatGotTheNumberOfAClosedStream) {
  const std::string junit = folder_ / "junit.xml";
  const test::Finished ended = test::run(test::writing_to(
      test::kUnwritable[0],
      verb({"handshake", "--config", own_, "--endpoint", "127.0.0.1:9", "--junit", junit})));
  EXPECT_EQ(ended.exit_code, 3);
  EXPECT_THAT(test::read_file(junit), EndsWith("</testsuites>\n"));
}

// --- --redact ---

/// Wrong in every way that there is a message about, and right ones that find something.
class Redacted : public Outputs {
 protected:
  std::vector<Words> refused_options() {
    std::vector<Words> all;
    const std::string missing = folder_ / "secretmark dir/missing secretmark";
    const std::string text = file("text", "secretmark\n");
    for (const char* name : {"check", "handshake", "ping", "reach", "mtu", "nat"}) {
      const auto add = [&](Words more) {
        more.insert(more.begin(), name);
        all.push_back(std::move(more));
      };
      for (const std::string& path : {missing, std::string("secretmark")})
        for (const char* option : {"--config", "--private-key-file", "--preshared-key-file"})
          add({option, path, "--gateway", kGateway, "--endpoint", "secretmark.invalid:1"});
      for (const char* option :
           {"--secretmark", "--timeout", "--fail-on", "--mtu", "--no-such-option"})
        add({option, "secretmark"});
      add({"--timeout=secretmark"});
      add({"secretmark", "--config", own_});
      add({"secretmark", "secretmark more", "203.0.113.77"});
      for (const char* option :
           {"--endpoint", "--address", "--allowed-ips", "--gateway", "--peer", "--private-key-env"})
        add({"--config", own_, option, "secretmark"});
      for (const char* option : {"--junit", "--prometheus"})
        add({"--config", own_, option, "secretmark/no/such"});
      add({"--config", own_, "-6"});
      add({"--config", own_, "--state-dir", text});
      add({"--config", own_, "--junit", missing + "/x", "--prometheus", missing + "/x"});
    }
    return all;
  }
  std::vector<Words> refused_by_some_verbs() {
    const std::string missing = folder_ / "secretmark dir/missing secretmark";
    const std::string yaml = file("bad.yaml", "- tcp: secretmark\n- secretmark: [\n");
    const std::string unsound = file("unsound.yaml", "- secretmark: 10.77.7.1:7\n");
    const std::string twin = file("twin.conf", "[Interface]\nSecretmark = 1\n[Secretmark]\n");
    std::vector<Words> all{{"secretmark"},
                           {"--secretmark"},
                           {"mtu", "--outer", "secretmark:x:y"},
                           {"mtu", "--config", own_, "--tcp", "secretmark:x"},
                           {"nat", "--stun", "secretmark"},
                           {"nat", "--config", own_, "--tcp", "secretmark"},
                           {"nat", "--config", own_, "--second-peer", missing},
                           {"nat", "--config", own_, "--second-peer", twin},
                           {"nat", "--config", own_, "--second-peer", own_},
                           {"handshake", "--config", own_, "--try-preshared-key-file", missing},
                           {"handshake", "--config", own_, "--port", "secretmark"},
                           {"ping", "--config", own_, "--count", "secretmark"},
                           {"ping", "--config", own_, "203.0.113.78"},
                           {"handshake", "--config", twin}};
    for (const char* name : {"check", "reach"})
      for (const std::string& path : {missing, yaml, unsound})
        all.push_back({name, "--config", own_, "--expect", path});
    for (const char* option : {"--icmp", "--tcp", "--udp", "--dns", "--http", "--expect-closed"})
      for (const char* value :
           {"secretmark", "secretmark.invalid", "203.0.113.77:7", "tcp:secretmark"})
        all.push_back({"reach", "--config", own_, option, value});
    return all;
  }
  /// Runs that send something, and plans of them.
  std::vector<Words> runs() {
    std::vector<Words> all;
    const std::string to_name = file("name.conf", config("secretmark.invalid:51820"));
    for (const std::string& path : {own_, to_name}) {
      for (Words run : std::vector<Words>{{"check"},
                                          {"handshake"},
                                          {"ping"},
                                          {"reach", "--icmp", "10.77.7.1"},
                                          {"mtu"},
                                          {"nat", "--tcp", "10.77.7.1:22"}}) {
        run.insert(run.end(), {"--config", path});
        all.push_back(run);
        run.emplace_back("--plan");
        all.push_back(run);
      }
    }
    all.push_back({"mtu", "--outer", "203.0.113.77"});
    all.push_back({"mtu", "--outer", "2001:db8:5e::1", "--plan"});
    all.push_back({"nat", "--stun", "secretmark.invalid:3478"});
    return all;
  }

  void expect_no_marks(Words arguments) {
    // Of what is not refused after all.
    if (arguments.size() > 1) arguments.insert(arguments.begin() + 1, {"--timeout", "200ms"});
    arguments.emplace_back("--redact");
    const test::Finished ended = test::run(
        wgscope(arguments),
        {.env = {"XDG_STATE_HOME=" + (folder_ / "state").string()}, .netns = {}, .input = {}});
    std::string said = ended.out + ended.err;
    EXPECT_THAT(said, Not(IsEmpty()));
    std::ranges::transform(said, said.begin(), [](unsigned char c) { return std::tolower(c); });
    for (std::string mark : kMarks) {
      std::ranges::transform(mark, mark.begin(), [](unsigned char c) { return std::tolower(c); });
      EXPECT_THAT(said, Not(HasSubstr(mark))) << ::testing::PrintToString(arguments);
    }
  }
};

TEST_F(Redacted, RefusalsNameNobody) {
  for (Words arguments : refused_options()) expect_no_marks(std::move(arguments));
  for (const Words& arguments : refused_by_some_verbs()) {
    expect_no_marks(arguments);
    Words as_json = arguments;
    as_json.emplace_back("--json");
    expect_no_marks(as_json);
  }
}

TEST_F(Redacted, RunsAndPlansNameNobody) {
  for (Words arguments : runs()) {
    expect_no_marks(arguments);
    arguments.emplace_back("--json");
    expect_no_marks(std::move(arguments));
  }
}

TEST_F(Redacted, RefusalsStillSayWhatIsWrong) {
  const std::string missing = folder_ / "secretmark dir/missing";
  EXPECT_EQ(test::run(wgscope({"check", "--config", missing, "--redact"})).err,
            "wgscope check: <file-1>: open: No such file or directory (check the path)\n");
  EXPECT_EQ(test::run(wgscope({"check", "--config", own_, "--redact", "--peer", "secretmark"})).err,
            "wgscope check: <file-1>: no peer has the name '<name-1>'\n")
      << "the names that there are stand behind it, and are hidden too";
}

// --- JSON ---

json document_of(const test::Finished& ended) {
  EXPECT_EQ(ended.exit_code, 3);
  EXPECT_THAT(ended.err, Not(IsEmpty())) << "people are told as well";
  return json::parse(ended.out);
}

TEST_F(Outputs, AreJsonAlsoWhereTheArgumentsAreWrong) {
  for (const char* name : {"check", "handshake", "ping", "reach", "mtu", "nat"}) {
    for (const Words& wrong : std::vector<Words>{{"--no-such-option"},
                                                 {"--timeout", "soon"},
                                                 {"--fail-on", "nothing"},
                                                 {"--config"},
                                                 {"-4", "-6"},
                                                 {"--config", folder_ / "missing"}}) {
      Words arguments{name, "--json"};
      arguments.insert(arguments.end(), wrong.begin(), wrong.end());
      const json document = document_of(test::run(wgscope(arguments)));
      EXPECT_EQ(document["verb"], name);
      EXPECT_EQ(document["status"], "unknown");
      EXPECT_EQ(document["reason"], "wrong_usage") << document;
      EXPECT_EQ(document["checks"][0]["name"], "configuration.target");
    }
  }
  EXPECT_EQ(document_of(test::run(wgscope({"hanshake", "--json"})))["verb"], "unknown");
  for (const Words& wrong :
       std::vector<Words>{{"--no-such-option"}, {}, {"--config", folder_ / "missing"}}) {
    Words arguments{"listen", "--json"};
    arguments.insert(arguments.end(), wrong.begin(), wrong.end());
    const json document = document_of(test::run(wgscope(arguments)));
    EXPECT_EQ(document["verb"], "listen");
    EXPECT_EQ(document["reason"], "wrong_usage") << document;
  }
}

TEST_F(Outputs, AreFilesAlsoWhereTheArgumentsAreWrong) {
  const std::string junit = folder_ / "junit.xml";
  const std::string metrics = folder_ / "wg.prom";
  const test::Finished ended =
      test::run(wgscope({"ping", "--junit", junit, "--prometheus=" + metrics, "--count", "many"}));
  EXPECT_EQ(ended.exit_code, 3);
  EXPECT_THAT(test::read_file(junit), HasSubstr("--count"));
  EXPECT_THAT(test::read_file(metrics), HasSubstr("probe_success{verb=\"ping\"} 0\n"));
}

/// Where somebody listens who never answers.
class OutputsOfLongRuns : public Outputs {
 protected:
  os::UdpSocket silent_ =
      std::move(os::UdpSocket::open(Endpoint::parse("127.0.0.1:0").value())).value();
  test::Process long_run_{verb({"handshake", "--config", own_, "--timeout", "60s", "--endpoint",
                                "127.0.0.1:" + std::to_string(silent_.local_port())})};
};

TEST_F(OutputsOfLongRuns, SayWhatIsWaitedForWhereThereIsNoTerminalAndTellAKeyInUse) {
  EXPECT_TRUE(
      long_run_.wait_for_output("wgscope handshake: waiting for a response from 127.0.0.1:" +
                                    std::to_string(silent_.local_port()) + ", ",
                                20s))
      << long_run_.err();
  // It holds the key, for its state says when the key was used last.
  const json document = document_of(test::run(verb({"ping", "--config", own_, "--json"})));
  EXPECT_EQ(document["reason"], "key_in_use") << document;
  long_run_.signal(SIGTERM);
  EXPECT_EQ(long_run_.wait(20s), 3);
  EXPECT_EQ(std::ranges::count(long_run_.err(), '\n'), 1) << long_run_.err();
}

TEST_F(Outputs, WriteATargetInOneWay) {
  const std::vector<std::pair<std::string, std::string>> endpoints{
      {"[2001:db8::1]:51820", "[2001:db8::1]:51820"},
      {"2001:db8::1:51820", "[2001:db8::1]:51820"},
      {"[fe80::1%eth7]:51820", "[fe80::1%eth7]:51820"},
      {"192.0.2.1:51820", "192.0.2.1:51820"},
      {"gw.example.net:51820", "gw.example.net:51820"}};
  for (const auto& [given, shown] : endpoints) {
    for (const Words& asked : std::vector<Words>{{"check"},
                                                 {"handshake"},
                                                 {"ping"},
                                                 {"reach", "--icmp", "10.77.7.1"},
                                                 {"mtu"},
                                                 {"nat", "--tcp", "10.77.7.1:22"}}) {
      Words arguments = asked;
      arguments.insert(arguments.end(),
                       {"--config", own_, "--endpoint", given, "--plan", "--json"});
      const test::Finished ended = test::run(verb(arguments));
      ASSERT_EQ(ended.exit_code, 0) << ended.err;
      EXPECT_EQ(json::parse(ended.out)["target"], shown) << asked.front();
    }
  }
  const test::Finished ended =
      test::run(wgscope({"nat", "--stun", "[2001:db8::1]:3478", "--plan", "--json"}));
  EXPECT_EQ(json::parse(ended.out)["target"], "[2001:db8::1]:3478");
}

}  // namespace
}  // namespace wgscope::probe
