#include "probe/program.hpp"

#include <algorithm>
#include <iterator>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "captured.hpp"
#include "files.hpp"
#include "probe/verbs.hpp"
#include "temp_dir.hpp"

namespace wgscope::probe {
namespace {

using ::testing::AllOf;
using ::testing::AnyOf;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

/// One line on standard error, and 3. Whoever wants JSON gets a report as well.
std::string refusal(std::vector<std::string> arguments) {
  const bool json = std::ranges::find(arguments, "--json") != arguments.end();
  const Ended ended = run_captured(std::move(arguments));
  EXPECT_EQ(ended.exit, Exit::unknown);
  EXPECT_EQ(ended.out.empty(), !json) << ended.out;
  EXPECT_EQ(ended.err.find('\n'), ended.err.size() - 1) << ended.err;
  return ended.err;
}

TEST(Program, ListsEveryVerbInItsHelp) {
  for (const char* help : {"--help", "-h", "help"}) {
    const Ended ended = run_captured({help});
    EXPECT_EQ(ended.exit, Exit::ok);
    for (const Verb& verb : verbs())
      EXPECT_THAT(ended.out, AllOf(HasSubstr("  " + std::string(verb.name) + " "),
                                   HasSubstr(std::string(verb.summary) + "\n")));
  }
}

TEST(Program, HasHelpForEveryVerb) {
  for (const Verb& verb : verbs()) {
    const Ended ended = run_captured({std::string(verb.name), "--help"});
    EXPECT_EQ(ended.exit, Exit::ok);
    const std::string usage = "wgscope " + std::string(verb.name);
    EXPECT_THAT(ended.out, AnyOf(HasSubstr(usage + " [OPTIONS]"), HasSubstr(usage + " ACTION ")));
    EXPECT_EQ(run_captured({"help", std::string(verb.name)}).out, ended.out);
  }
}

TEST(Program, ShowsExamplesOfEveryCheckThatItsParserTakes) {
  for (const Verb& verb : verbs()) {
    if (verb.make == nullptr) continue;
    EXPECT_THAT(run_captured({std::string(verb.name), "--help"}).out,
                AllOf(HasSubstr("Examples:\n" + std::string(verb.examples)),
                      EndsWith("\n" + std::string(kExitCodes) + "\n")));
    std::istringstream lines{std::string(verb.examples)};
    for (std::string line; std::getline(lines, line);) {
      std::istringstream words(line);
      std::vector<std::string> arguments{std::istream_iterator<std::string>(words), {}};
      ASSERT_EQ(arguments.front(), "wgscope") << line;
      arguments.erase(arguments.begin());
      EXPECT_EQ(arguments.front(), verb.name) << line;
      arguments.emplace_back("--plan");  // so that nothing is sent
      EXPECT_THAT(run_captured(std::move(arguments)).err, Not(HasSubstr("--help"))) << line;
    }
  }
}

TEST(Program, TellsItsVersion) {
  const Ended ended = run_captured({"--version"});
  EXPECT_EQ(ended.exit, Exit::ok);
  EXPECT_THAT(ended.out, StartsWith("wgscope 0."));
}

TEST(Program, RefusesWhatItDoesNotKnow) {
  EXPECT_EQ(refusal({}), "wgscope: no verb given (see wgscope --help)\n");
  EXPECT_EQ(refusal({"dance"}), "wgscope: unknown verb 'dance' (see wgscope --help)\n");
  EXPECT_EQ(refusal({"--dance"}), "wgscope: unknown option '--dance' (see wgscope --help)\n");
  EXPECT_THAT(refusal({"\x1b[2J"}), Not(HasSubstr("\x1b")));
}

TEST(Program, SaysWhatAnOptionTakes) {
  EXPECT_EQ(refusal({"check", "--config"}),
            "wgscope check: --config needs a value: --config FILE (see --help)\n");
  EXPECT_EQ(
      refusal({"ping", "--count", "many"}),
      "wgscope ping: --count: 'many': expected a whole number, 0 to 1000000000 (see --help)\n");
  EXPECT_EQ(refusal({"mtu", "--mtu", "99"}),
            "wgscope mtu: --mtu: '99': expected a whole number, 576 to 65535 (see --help)\n");
  EXPECT_THAT(refusal({"ping", "--count", "\x1b[2J"}), Not(HasSubstr("\x1b")));
}

TEST(Program, SaysWhichOptionWasGivenTooOften) {
  EXPECT_EQ(refusal({"ping", "--config", "a", "--config", "b"}),
            "wgscope ping: --config was given 2 times, and takes one value (see --help)\n");
}

TEST(Program, NamesWhatAWrongWordMayHaveMeant) {
  EXPECT_EQ(refusal({"handshke"}),
            "wgscope: unknown verb 'handshke': did you mean 'handshake'? (see wgscope --help)\n");
  EXPECT_EQ(refusal({"--verson"}),
            "wgscope: unknown option '--verson': did you mean '--version'? (see wgscope --help)\n");
  EXPECT_EQ(refusal({"ping", "--cuont=3"}),
            "wgscope ping: unknown option '--cuont=3': did you mean '--count'? (see --help)\n");
  EXPECT_EQ(refusal({"version"}),
            "wgscope: unknown verb 'version': did you mean '--version'? (see wgscope --help)\n");
  EXPECT_EQ(refusal({"mtu", "10.0.0.1", "10.0.0.2", "10.0.0.3"}),
            "wgscope mtu: unknown argument '10.0.0.2' (see --help)\n");
}

TEST(Program, TakesTheAddressInEveryVerbInTheSameWays) {
  const test::TempDir temp;
  const std::string file = temp.path() / "probe.conf";
  test::write_file(file,
                   "[Interface]\nPrivateKey = dwdtCnMYpX08FsFyUbJmRd9ML4frwJkqsXf7pR25LCo=\n"
                   "Address = 10.0.0.2/24\n[Peer]\nEndpoint = 127.0.0.1:9\n"
                   "PublicKey = 3p7bfXt9wbTTW2HC7OQ1Nz+DQ8hbeGdNrfx+FG+IK08=\n"
                   "AllowedIPs = 10.0.0.0/24\n");
  for (const char* verb : {"check", "handshake", "ping", "mtu"}) {
    const std::string wrong = "ADDRESS: 'nowhere' is not an IP address";
    EXPECT_THAT(run_captured({verb, "--config", file, "nowhere"}).err, HasSubstr(wrong));
    EXPECT_THAT(run_captured({verb, "--config", file, "--ping", "nowhere"}).err, HasSubstr(wrong));
    EXPECT_THAT(refusal({verb, "10.0.0.1", "--ping", "10.0.0.2"}), HasSubstr("excludes"));
    EXPECT_THAT(refusal({verb, "probe.conf"}),
                HasSubstr("'probe.conf' looks like a file: pass it as --config probe.conf"));
  }
}

TEST(Program, NamesTheOptionForFilesThatStandAlone) {
  for (const char* verb : {"check", "nat", "reach", "drift"}) {
    for (const char* file : {"probe.conf", "./probe", "wg0.netdev"})
      EXPECT_THAT(refusal({verb, file}), HasSubstr(std::string(file) +
                                                   "' looks like a file: pass "
                                                   "it as --config " +
                                                   file))
          << verb;
  }
  EXPECT_EQ(refusal({"nat", "wg0"}), "wgscope nat: unknown argument 'wg0' (see --help)\n");
}

TEST(Program, RefusesWrongOptionsOfListen) {
  EXPECT_THAT(refusal({"listen"}), HasSubstr("give --config FILE or --generate"));
  EXPECT_THAT(refusal({"listen", "--generate", "--config", "x"}), HasSubstr("excludes"));
  EXPECT_THAT(refusal({"listen", "--config", "x", "--peer-file", "y"}), HasSubstr("--generate"));
  EXPECT_THAT(refusal({"listen", "--json", "--generate"}), HasSubstr("--peer-file"));
  EXPECT_THAT(refusal({"listen", "--generate", "--listen-port", "65536"}), HasSubstr("65536"));
  EXPECT_THAT(refusal({"listen", "--generate", "--interface", "a/b"}), HasSubstr("--interface"));
  EXPECT_THAT(refusal({"listen", "--config", "/nonexistent/x"}),
              HasSubstr("/nonexistent/x: open: No such file or directory (check the path)"));
}

}  // namespace
}  // namespace wgscope::probe
