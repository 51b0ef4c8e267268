#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "../config/keys.hpp"
#include "captured.hpp"
#include "files.hpp"
#include "probe/verbs.hpp"
#include "temp_dir.hpp"

namespace wgscope::probe {
namespace {

using config::key_text;
using nlohmann::json;
using ::testing::AllOf;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

/// The verb, in a directory of files.
class InventoryVerb : public testing::Test {
 protected:
  static Ended run(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "inventory");
    return run_captured(std::move(arguments));
  }
  std::string write(const std::string& name, const std::string& text) {
    const std::filesystem::path path = folder_.path() / name;
    test::write_file(path, text);
    return path.string();
  }
  static std::string peer(const std::string& name, std::uint32_t key,
                          const std::string& more = "") {
    return fmt::format("peers: [{{name: {}, public_key: {}{}}}]\n", name, key_text(key), more);
  }
  [[nodiscard]] std::string folder() const { return folder_.path().string(); }

  test::TempDir folder_;
};

TEST_F(InventoryVerb, CheckPassesAFolderOfGoodFiles) {
  write("ops.yaml", peer("a", 1));
  write("sales.yml", peer("b", 2));
  write("web.json", R"({"interfaces": [{"name": "wg0"}]})");
  write("notes.txt", "not read");
  write(".hidden.yaml", "not read either");
  const Ended ended = run({"check", folder()});
  EXPECT_EQ(ended.exit, Exit::ok);
  EXPECT_EQ(ended.out, "OK: 3 files declare 1 interface and 2 peers\n");
}

TEST_F(InventoryVerb, CheckNamesEveryErrorAndCountsWhatIsRight) {
  const std::string bad = write("bad.yaml", "peers: [{name: a}]\nowner: me\n");
  write("good.yaml", peer("b", 2));
  const Ended ended = run({"check", folder()});
  EXPECT_EQ(ended.exit, Exit::critical);
  EXPECT_EQ(ended.out, bad + ":1:9: error: the peer has no public_key\n" + bad +
                           ":2:1: warning: unknown field 'owner'\n"
                           "CRITICAL: 1 error, 1 warning; without what is wrong, 2 files declare 0 "
                           "interfaces and 1 peer\n");
}

TEST_F(InventoryVerb, CheckExitsWithOneForWarnings) {
  const std::string file = write("a.yaml", "ovner: me\n" + peer("a", 1));
  EXPECT_EQ(run({"check", file}).exit, Exit::warning);
  EXPECT_THAT(run({"check", file}).out,
              HasSubstr("\nWARNING: 1 warning; 1 file declares 0 interfaces and 1 peer\n"));
  EXPECT_EQ(run({"check", "--allow-warnings", file}).exit, Exit::ok);
}

TEST_F(InventoryVerb, CheckSaysHowManyProblemsItLeavesOut) {
  std::string text = "peers:\n";
  for (int i = 0; i < 60; ++i) text += fmt::format("- {{name: n{}}}\n", i);
  const std::string file = write("a.yaml", text);
  EXPECT_THAT(run({"check", file}).out, HasSubstr(file + ": and 10 more errors\nCRITICAL: 60 err"));
}

TEST_F(InventoryVerb, CheckPrintsJsonWithBothPlacesOfAContradiction) {
  const std::string first = write("a.yaml", peer("a", 1));
  const std::string second = write("b.yaml", "\n" + peer("a", 2));
  const Ended ended = run({"check", "--json", first, second});
  EXPECT_EQ(ended.exit, Exit::critical);
  const json report = json::parse(ended.out);
  EXPECT_EQ(report["schema"], "wgscope.inventory_check/1");
  EXPECT_EQ(report["status"], "critical");
  EXPECT_EQ(report["errors"], 1);
  EXPECT_EQ(report["peers"], 1);
  EXPECT_EQ(report["files"][1]["errors"], 1);
  const json& problem = report["problems"].at(0);
  EXPECT_EQ(problem["severity"], "error");
  EXPECT_EQ(problem["file"], second);
  EXPECT_EQ(problem["line"], 2);
  EXPECT_EQ(problem["column"], 9);
  EXPECT_EQ(problem["first"]["file"], first);
}

TEST_F(InventoryVerb, CheckTakesTheDirectoriesBelow) {
  write("ops.yaml", peer("a", 1));
  std::filesystem::create_directories(folder_.path() / "teams/sales");
  std::filesystem::create_directory(folder_.path() / ".git");
  write("teams/sales/sales.yaml", peer("b", 2));
  write(".git/c.yaml", "not read");
  EXPECT_EQ(run({"check", folder()}).out, "OK: 2 files declare 0 interfaces and 2 peers\n");
}

TEST_F(InventoryVerb, CheckWritesAJunitReport) {
  const std::string junit = folder() + "/report.xml";
  const std::string bad = write("bad.yaml", "peers: [{name: a}]\n");
  const std::string odd = write("odd.yaml", "ovner: <me>\n" + peer("c", 3));
  const std::string good = write("good.yaml", peer("b", 2));
  EXPECT_EQ(run({"check", bad, odd, good, "--junit", junit}).exit, Exit::critical);
  const std::string xml = test::read_file(junit);
  EXPECT_THAT(xml, HasSubstr("<testsuite name=\"wgscope inventory check\" tests=\"3\" "
                             "failures=\"2\" errors=\"0\" skipped=\"0\""));
  EXPECT_THAT(xml, HasSubstr(fmt::format("<testcase classname=\"wgscope.inventory\" name=\"{}\">\n"
                                         "    <failure type=\"error\" message=\"1 error, 0 "
                                         "warnings\">{}:1:9: error: the peer has no public_key",
                                         bad, bad)));
  EXPECT_THAT(xml, HasSubstr(fmt::format("name=\"{}\"/>", good)));
  EXPECT_EQ(run({"check", odd, "--junit", junit, "--allow-warnings"}).exit, Exit::ok);
  EXPECT_THAT(test::read_file(junit), HasSubstr("failures=\"0\""));
  EXPECT_EQ(run({"check", folder() + "/none", "--junit", junit}).exit, Exit::unknown);
  EXPECT_THAT(test::read_file(junit), AllOf(HasSubstr("errors=\"1\""), HasSubstr("none: ")));
  EXPECT_EQ(run({"check", good, "--junit", folder()}).exit, Exit::unknown);
}

TEST_F(InventoryVerb, CheckPrintsJsonWhateverKeepsItFromChecking) {
  for (const std::vector<std::string>& arguments :
       {std::vector<std::string>{"check", "--json", folder() + "/none"},
        {"check", "--json"},
        {"check", "--json", "--jnuit", "x", folder()}}) {
    const Ended ended = run(arguments);
    EXPECT_EQ(ended.exit, Exit::unknown);
    EXPECT_THAT(ended.err, StartsWith("wgscope inventory check: "));
    const json report = json::parse(ended.out);
    EXPECT_EQ(report["schema"], "wgscope.inventory_check/1");
    EXPECT_EQ(report["status"], "unknown");
    EXPECT_NE(report["reason"], "");
    EXPECT_THAT(report["problems"], IsEmpty());
  }
}

TEST_F(InventoryVerb, WhatCannotBeReadIsUnknown) {
  EXPECT_EQ(run({"check", folder() + "/nothing"}).exit, Exit::unknown);
  EXPECT_THAT(run({"check", folder()}).err, HasSubstr("there are no .yaml, .yml or .json files"));
  EXPECT_EQ(run({"check"}).exit, Exit::unknown);
  EXPECT_EQ(run({}).exit, Exit::unknown);
  EXPECT_THAT(run({"chekc"}).err, HasSubstr("unknown action 'chekc': did you mean 'check'?"));
}

TEST_F(InventoryVerb, CheckKnowsTheTimeZonesOfThisHost) {
  const auto with_zone = [this](const std::string& zone) {
    return run({"check", write("a.yaml", peer("a", 1,
                                              ", expected_online: {hours: [mon 08:00-09:00], "
                                              "time_zone: " +
                                                  zone + "}"))});
  };
  EXPECT_EQ(with_zone("Europe/Berlin").exit, Exit::ok);
  EXPECT_THAT(with_zone("Europe/Atlantis").out, HasSubstr("unknown time zone 'Europe/Atlantis'"));
}

TEST_F(InventoryVerb, NamesOfFilesAreSafeToShow) {
  write("\x1b[31m.yaml", "x");
  EXPECT_THAT(run({"check", folder()}).out,
              AllOf(HasSubstr("\\x1b[31m.yaml:1:1: error"), Not(HasSubstr("\x1b"))));
}

TEST_F(InventoryVerb, ShowPrintsWhatGroupsAndDefaultsComeTo) {
  const std::string file =
      write("a.yaml", "defaults: {group: g}\ngroups: {g: {grace: 2d, labels: {team: ops}}}\n" +
                          peer("a", 1, ", labels: {site: x}"));
  const Ended ended = run({"show", file});
  EXPECT_EQ(ended.exit, Exit::ok);
  EXPECT_THAT(ended.out,
              AllOf(HasSubstr("grace: 48h"), HasSubstr("labels: {site: \"x\", team: \"ops\"}")));
  // What is shown is an inventory that is shown as the same.
  EXPECT_EQ(run({"show", write("b.yaml", ended.out)}).out, ended.out);
}

TEST_F(InventoryVerb, ShowFindsOnePeer) {
  const std::string file = write("a.yaml", peer("anna", 1));
  const std::string other = write("b.yaml", peer("bert", 2));
  EXPECT_THAT(run({"show", file, other, "--peer", "bert"}).out,
              AllOf(HasSubstr("bert"), Not(HasSubstr("anna"))));
  const Ended none = run({"show", file, "--peer", "ana"});
  EXPECT_EQ(none.exit, Exit::unknown);
  EXPECT_THAT(none.err, HasSubstr("there is no peer 'ana' in the inventory: did you mean 'anna'?"));
}

TEST_F(InventoryVerb, ShowPrintsTheRestOfABrokenInventoryAndIsCritical) {
  const std::string bad = write("a.yaml", "peers: 7\n");
  const std::string good = write("b.yaml", peer("b", 2));
  const Ended ended = run({"show", bad, good});
  EXPECT_EQ(ended.exit, Exit::critical);
  EXPECT_THAT(ended.out, HasSubstr("name: \"b\""));
  EXPECT_THAT(ended.err, StartsWith(bad + ":1:8: error: "));
}

TEST_F(InventoryVerb, FromMakesAnInventoryWithoutSecrets) {
  const std::string file = write(
      "wg0.conf", fmt::format("[Interface]\nPrivateKey = {}\nAddress = 10.9.0.1/24\n"
                              "ListenPort = 51820\nFwMark = 0x1\nMTU = 1400\n"
                              "[Peer]\n# friendly_name = anna\nPublicKey = {}\nPresharedKey = {}\n"
                              "AllowedIPs = 10.9.0.7/32, fd09::7/128\nEndpoint = [fd00::1]:51820\n"
                              "[Peer]\nPublicKey = {}\nPersistentKeepalive = 25\n",
                              key_text(1), key_text(2), key_text(3), key_text(4)));
  const Ended ended = run({"from", file, "--host", "gw-1"});
  EXPECT_EQ(ended.exit, Exit::ok);
  EXPECT_THAT(ended.out, Not(HasSubstr(key_text(1))));
  EXPECT_THAT(ended.out, Not(HasSubstr(key_text(3))));
  EXPECT_THAT(ended.out,
              StartsWith("# Names such as wg0-peer-1 are made up: give these peers their "
                         "own.\n# Nothing says who should be online: change roaming to "
                         "always for peers that must be.\n"
                         "interfaces:\n  - name: \"wg0\"\n    hosts: [\"gw-1\"]\n"
                         "    public_key: "));
  EXPECT_THAT(ended.out, HasSubstr("    addresses: [\"10.9.0.1/24\"]\n    listen_port: 51820\n"
                                   "    mtu: 1400\n    fwmark: 0x1\n"));
  EXPECT_THAT(ended.out,
              EndsWith(fmt::format("  - name: \"anna\"\n    public_key: {}\n"
                                   "    interfaces: [\"wg0@gw-1\"]\n"
                                   "    allowed_ips: [\"10.9.0.7/32\", \"fd09::7/128\"]\n"
                                   "    endpoint: \"[fd00::1]:51820\"\n"
                                   "    persistent_keepalive: off\n    preshared_key: required\n"
                                   "    expected_online: roaming\n"
                                   "  - name: \"wg0-peer-1\"\n    public_key: {}\n"
                                   "    interfaces: [\"wg0@gw-1\"]\n"
                                   "    persistent_keepalive: 25\n    preshared_key: absent\n"
                                   "    expected_online: roaming\n",
                                   key_text(2), key_text(4))));
  EXPECT_EQ(run({"check", write("a.yaml", ended.out)}).exit, Exit::ok);
}

TEST_F(InventoryVerb, FromGivesEachKeyANameOfItsOwn) {
  const auto section = [](const std::string& name, std::uint32_t key) {
    return fmt::format("[Peer]\n# Name = {}\nPublicKey = {}\n", name, key_text(key));
  };
  const std::string first = write("wg0.conf", section("pc", 2) + section("pc", 3));
  const std::string second = write("wg1.conf", section("pc", 3) + section("pc-2", 4));
  const std::string made = write("a.yaml", run({"from", first, second}).out);
  const Ended checked = run({"check", made});
  EXPECT_EQ(checked.exit, Exit::ok) << checked.out;
  EXPECT_THAT(checked.out, HasSubstr("2 interfaces and 4 peers"));
}

TEST_F(InventoryVerb, FromRefusesWhatIsNotAFileOfAnInterface) {
  const std::string text = fmt::format("[Peer]\nPublicKey = {}\n", key_text(2));
  EXPECT_THAT(run({"from", write("a name.conf", text)}).err,
              HasSubstr("not named after an interface"));
  std::filesystem::create_directory(folder_.path() / "other");
  EXPECT_THAT(run({"from", write("wg0.conf", text), write("other/wg0.conf", text)}).err,
              HasSubstr("there are two sources for the interface 'wg0'"));
  EXPECT_EQ(run({"from", write("wg1.conf", "[Peer]\nPublicKey = x\n")}).exit, Exit::unknown);
  EXPECT_EQ(run({"from", write("wg2.conf", text), "--host", "a b"}).exit, Exit::unknown);
}

TEST_F(InventoryVerb, HelpNamesTheActions) {
  EXPECT_THAT(run({"--help"}).out, AllOf(HasSubstr("check"), HasSubstr("show"), HasSubstr("from")));
  EXPECT_THAT(run({"check", "--help"}).out, HasSubstr("--allow-warnings"));
}

}  // namespace
}  // namespace wgscope::probe
