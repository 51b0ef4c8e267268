// wgscope lint as a user has it: files, directories and what cannot be read.

#include <filesystem>
#include <string>
#include <string_view>
#include <sys/stat.h>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "captured.hpp"
#include "files.hpp"
#include "lint_fixture.hpp"
#include "probe/verbs.hpp"

namespace wgscope::probe {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

class Lint : public LintTest {};

std::string interface(std::string_view rest) { return "[Interface]\n" + std::string(rest); }

TEST_F(Lint, EndsWithZeroForAFileWithoutFaults) {
  const Ended ended = run_captured({"lint", write("wg0.conf", interface("ListenPort = 51820\n"))});
  EXPECT_EQ(ended.exit, Exit::ok);
  EXPECT_EQ(ended.out, "OK: nothing found in 1 file\n");
  EXPECT_EQ(ended.err, "");
}

TEST_F(Lint, EndsAsTheWorstFindingSays) {
  const std::string warning = write("wg0.conf", interface("ListenPort = 0\n"));
  const std::string critical = write("wg1.conf", interface("ListenPort = many\n"));
  EXPECT_EQ(run_captured({"lint", warning}).exit, Exit::warning);
  EXPECT_EQ(run_captured({"lint", warning, "--fail-on", "critical"}).exit, Exit::ok);
  EXPECT_EQ(run_captured({"lint", warning, critical}).exit, Exit::critical);
  EXPECT_EQ(run_captured({"lint", at("missing.conf")}).exit, Exit::unknown);
  EXPECT_EQ(run_captured({"lint", warning, at("missing.conf")}).exit, Exit::unknown);
  EXPECT_EQ(run_captured({"lint", critical, at("missing.conf")}).exit, Exit::critical);
  EXPECT_EQ(run_captured({"lint"}).exit, Exit::unknown);
  EXPECT_EQ(run_captured({"lint", warning, "--json", "--github"}).exit, Exit::unknown);
  EXPECT_EQ(run_captured({"lint", warning, "--fix-print", "--redact"}).exit, Exit::unknown);
}

TEST_F(Lint, DerivesPublicKeysToKnowBothEnds) {
  const std::string one =
      write("a/wg0.conf", "[Interface]\nPrivateKey = " + std::string(kAlice) +
                              "\n[Peer]\nPublicKey = " + std::string(kBobPublic) + "\n");
  const std::string two =
      write("b/wg0.conf", "[Interface]\nPrivateKey = " + std::string(kBob) +
                              "\n[Peer]\nPublicKey = " + std::string(kAlicePublic) + "\n");
  const Ended ended = run_captured({"lint", one, two});
  EXPECT_THAT(ended.out,
              AllOf(HasSubstr("[WGS-LNT-035]"), Not(HasSubstr(kAlice)), Not(HasSubstr(kBob))));
}

TEST_F(Lint, TakesTheFilesOfADirectoryAndSaysWhichCannotBeRead) {
  write("wg/wg0.conf", interface("ListenPort = 0\n"));
  write("wg/team.yaml", "peers: []\ncolour: blue\n");
  write("wg/compose.yaml", "services: {}\n");
  write("wg/notes.txt", "not a configuration");
  write("wg/.hidden.conf", "junk");
  fs::create_symlink("loop.conf", at("wg/loop.conf"));
  fs::create_symlink("wg0.conf", at("wg/wg1.conf"));  // the same file, not a second one
  ASSERT_EQ(mkfifo(at("wg/pipe.conf").c_str(), 0600), 0);
  fs::create_directory_symlink(".", at("wg/circle"));
  const Ended ended = run_captured({"lint", "--json", at("wg")});
  const json made = json::parse(ended.out);
  std::vector<std::string> found;
  for (const json& one : made["findings"])
    found.push_back(fs::path(one["file"].get<std::string>()).filename().string() + " " +
                    one["id"].get<std::string>());
  EXPECT_THAT(
      found, ElementsAre("loop.conf WGS-LNT-001", "team.yaml WGS-LNT-041", "wg0.conf WGS-LNT-023"));
  EXPECT_EQ(made["unread"], 1);
  EXPECT_EQ(made["status"], "unknown");
}

TEST_F(Lint, LooksAtAModeThatLetsOthersRead) {
  const std::string path = write("wg0.conf", interface("PrivateKey = " + std::string(kAlice)));
  EXPECT_EQ(run_captured({"lint", path}).exit, Exit::ok);
  chmod(path.c_str(), 0644);
  EXPECT_THAT(run_captured({"lint", path}).out, HasSubstr("its mode is 0644"));
  chmod(path.c_str(), 0602);
  EXPECT_THAT(run_captured({"lint", path}).out, HasSubstr("[WGS-LNT-018]"));
}

TEST_F(Lint, WritesEachReportAndSaysWhereItCannot) {
  const std::string path = write("wg0.conf", interface("ListenPort = 0\n"));
  EXPECT_EQ(run_captured({"lint", path, "--junit", at("o.xml"), "--sarif", at("o.sarif"),
                          "--gitlab", at("o.json")})
                .exit,
            Exit::warning);
  EXPECT_THAT(test::read_file(at("o.xml")), HasSubstr("failures=\"1\""));
  EXPECT_EQ(json::parse(test::read_file(at("o.sarif")))["runs"][0]["results"].size(), 1U);
  EXPECT_EQ(json::parse(test::read_file(at("o.json"))).size(), 1U);
  const Ended ended = run_captured({"lint", path, "--sarif", at("missing/o.sarif")});
  EXPECT_EQ(ended.exit, Exit::unknown);
  EXPECT_THAT(ended.err, StartsWith("wgscope lint: "));
}

TEST_F(Lint, PrintsCorrectionsAndLeavesTheFileAsItIs) {
  const std::string text =
      "[Peer]\nPublicKey = " + std::string(kBobPublic) + "\nAllowedIPs = 10.9.0.7/24\n";
  const std::string path = write("wg0.conf", text);
  const Ended ended = run_captured({"lint", "--fix-print", path});
  EXPECT_EQ(ended.exit, Exit::warning);
  EXPECT_THAT(ended.out, HasSubstr("\n-AllowedIPs = 10.9.0.7/24\n+AllowedIPs = 10.9.0.0/24\n"));
  EXPECT_THAT(ended.out, Not(HasSubstr(kBobPublic)));
  EXPECT_EQ(test::read_file(path), text);
}

TEST_F(Lint, JudgesFilesByAnInventory) {
  const std::string yaml =
      write("team.yaml", "peers:\n  - {name: bob, public_key: \"" + std::string(kBobPublic) +
                             "\"}\npolicies: {widest_prefix: [{ipv4: 32}]}\n");
  const std::string path = write("wg0.conf", "[Peer]\nPublicKey = " + std::string(kBobPublic) +
                                                 "\nAllowedIPs = 10.9.0.0/24\n");
  EXPECT_EQ(run_captured({"lint", path}).exit, Exit::ok);
  EXPECT_THAT(run_captured({"lint", "--inventory", yaml, path}).out, HasSubstr("[WGS-LNT-042]"));
}

}  // namespace
}  // namespace wgscope::probe
