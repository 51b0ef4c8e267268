// What stands between the command line and a check, with the program as a process: bad input is
// refused with a sentence, before anything is sent, and no output ever has a secret in it.

#include <chrono>
#include <csignal>
#include <filesystem>
#include <memory>
#include <poll.h>
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

namespace wgscope::probe {
namespace {

using namespace std::chrono_literals;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;
using namespace std::string_literals;

// Of RFC 7748 §6.1: Alice's private and public key, and Bob's public key.
constexpr const char* kSecret = "dwdtCnMYpX08FsFyUbJmRd9ML4frwJkqsXf7pR25LCo=";
constexpr const char* kOurs = "hSDwCYkwp1R0i33ctD73Wg2/Og0mOBr066SpjqqbTmo=";
constexpr const char* kGateway = "3p7bfXt9wbTTW2HC7OQ1Nz+DQ8hbeGdNrfx+FG+IK08=";

constexpr const char* kOther = "9yG+JnhQxjSq8m9qxbV2F7IQagdq8xno2wNzliMcnVU=";

class CheckVerbs : public ::testing::Test {
 protected:
  std::string file(const std::string& name, const std::string& content, mode_t mode = 0600) {
    const std::string path = folder_ / name;
    test::write_file(path, content);
    EXPECT_EQ(chmod(path.c_str(), mode), 0);
    return path;
  }
  static std::string config(const std::string& more_interface = "", const std::string& more = "") {
    return std::string("[Interface]\nPrivateKey = ") + kSecret + "\nAddress = 10.0.0.2/24\n" +
           more_interface + "[Peer]\nPublicKey = " + kGateway +
           "\nEndpoint = 127.0.0.1:9\nAllowedIPs = 10.0.0.0/24\n" + more;
  }
  /// Of wgscope handshake, whose whole output must not have the secret in it.
  test::Finished run(std::vector<std::string> options, test::ProcessOptions process = {}) {
    std::vector<std::string> argv{test::binary_dir() / "probe/wgscope",
                                  "handshake",
                                  "--state-dir",
                                  folder_ / "state",
                                  "--uapi-dir",
                                  folder_ / "none"};
    argv.insert(argv.end(), options.begin(), options.end());
    test::Finished ended = test::run(argv, std::move(process));
    EXPECT_THAT(ended.out + ended.err, Not(HasSubstr(std::string(kSecret).substr(0, 43))));
    return ended;
  }
  /// One sentence on standard error, and 3.
  std::string refusal(std::vector<std::string> options, test::ProcessOptions process = {}) {
    const test::Finished ended = run(std::move(options), std::move(process));
    EXPECT_EQ(ended.exit_code, 3);
    EXPECT_EQ(ended.out, "");
    EXPECT_EQ(ended.err.find('\n'), ended.err.size() - 1) << ended.err;
    return ended.err;
  }
  std::string plan(const std::string& content) {
    const test::Finished ended = run({"--plan", "--config", file("plan.conf", content)});
    EXPECT_EQ(ended.exit_code, 0) << ended.err;
    return ended.out;
  }
  std::string json(std::vector<std::string> options) {
    options.insert(options.end(), {"--json", "--timeout", "200ms"});
    return run(std::move(options)).out;
  }

  const std::vector<std::string> by_options_{"--gateway",     kGateway,      "--endpoint",
                                             "127.0.0.1:9",   "--address",   "10.0.0.2/24",
                                             "--allowed-ips", "10.0.0.0/24", "--plan"};
  std::vector<std::string> with(std::vector<std::string> more) const {
    more.insert(more.begin(), by_options_.begin(), by_options_.end());
    return more;
  }
  test::TempDir folder_;
};

TEST_F(CheckVerbs, RefusesAFamilyThatTheEndpointIsNotOf) {
  EXPECT_THAT(refusal({"--config", file("a.conf", config()), "-6"}),
              HasSubstr("127.0.0.1 is not an IPv6 address, which --ipv6 asks for"));
}

TEST_F(CheckVerbs, NeverRepeatsAKeyThatIsAnArgument) {
  EXPECT_THAT(refusal({"--private-key-file", kSecret}), HasSubstr("this is a key"));
  EXPECT_THAT(refusal({"--private-key-env", kSecret}), HasSubstr("this is a key"));
  EXPECT_THAT(refusal({"--preshared-key-file", kSecret}), HasSubstr("this is a key"));
  EXPECT_THAT(refusal({"--private-key", kSecret}), HasSubstr("unknown option '--private-key'"));
  EXPECT_THAT(refusal({std::string("--private-key=") + kSecret}), HasSubstr("not shown"));
  const std::string half = std::string(kSecret).substr(0, 43);
  EXPECT_THAT(refusal({"10.0.0.1", half}), HasSubstr("not shown"));
  EXPECT_THAT(refusal({"--config", file("probe.conf", config()), kSecret}), HasSubstr("not shown"));
  EXPECT_THAT(refusal({"--config", file("probe.conf", config()), half}), HasSubstr("not shown"));
  EXPECT_THAT(refusal({"--gateway", kSecret, "--endpoint", "127.0.0.1:9", "--address",
                       "10.0.0.2/24", "--private-key-file", file("key", kSecret)}),
              HasSubstr("Replace the private key"));
}

TEST_F(CheckVerbs, TakesTheKeyFromFilesStandardInputAndTheEnvironment) {
  const std::string key = std::string(kSecret) + "\r\n";
  EXPECT_EQ(run(with({"--private-key-file", file("key", key)})).exit_code, 0);
  EXPECT_EQ(
      run(with({"--private-key-file", "-"}), {.env = {}, .netns = {}, .input = key}).exit_code, 0);
  EXPECT_EQ(run(with({"--private-key-env", "THE_KEY"}),
                {.env = {std::string("THE_KEY=") + kSecret}, .netns = {}, .input = {}})
                .exit_code,
            0);
  EXPECT_EQ(run({"--plan", "--config", "-"}, {.env = {}, .netns = {}, .input = config()}).exit_code,
            0);
}

TEST_F(CheckVerbs, SaysWhichLineMayHaveMeantWhatIsMissing) {
  const auto misspelled = [&](const std::string& key, const std::string& as) {
    std::string text = config();
    const std::size_t at = text.find("\n" + key + " = ");
    EXPECT_NE(at, std::string::npos) << key;
    text.replace(at + 1, key.size(), as);
    return refusal({"--config", file("own.conf", text)});
  };
  EXPECT_THAT(misspelled("PrivateKey", "PrivatKey"),
              HasSubstr("`wg genkey`; line 2 is unknown, so it is ignored: did you mean "
                        "'PrivateKey'?"));
  EXPECT_THAT(misspelled("Address", "Adress"),
              HasSubstr("line 3 is unknown, so it is ignored: did you mean 'Address'?"));
  EXPECT_THAT(misspelled("Endpoint", "EndPiont"), HasSubstr("did you mean 'Endpoint'?"));
  EXPECT_THAT(misspelled("PublicKey", "PublickKey"), HasSubstr("which identifies a peer; line"));
}

TEST_F(CheckVerbs, SaysWhatIsWrongWithAKey) {
  EXPECT_THAT(refusal(with({"--private-key-file", file("key", "c2hvcnQ=")})),
              HasSubstr("key: this is not a base64 key of 44 characters (8 given)"));
  EXPECT_THAT(refusal(with({"--private-key-file", file("key", "")})),
              HasSubstr("this is not a base64 key of 44 characters (0 given)"));
  EXPECT_THAT(refusal(with({"--private-key-file", file("key", "\xC2\xA0"s + kSecret)})),
              HasSubstr("character 1 is a no-break space"));
  EXPECT_THAT(refusal(with({"--private-key-file", file("key", std::string(43, 'A') + "=\n")})),
              HasSubstr("this key is all zeros"));
  std::string utf16 = "\xFF\xFE";
  for (const char c : std::string(kSecret) + "\r\n") utf16 += {c, '\0'};
  EXPECT_THAT(refusal(with({"--private-key-file", file("key", utf16)})), HasSubstr("UTF-16"));
  EXPECT_THAT(refusal(with({"--private-key-file", file("key", config())})),
              HasSubstr("pass it with --config"));
  EXPECT_THAT(refusal(with({"--private-key-file", folder_ / "missing"})),
              HasSubstr("missing: open: No such file"));
  EXPECT_THAT(refusal(with({"--private-key-env", "NOT_THERE"})), HasSubstr("NOT_THERE"));
  EXPECT_THAT(refusal(with({})), HasSubstr("PrivateKey"));
  EXPECT_THAT(refusal(with({"--config", "-", "--private-key-file", "-"})),
              HasSubstr("can be used only once"));
  EXPECT_THAT(refusal({"--config", file("own.conf", config()), "--gateway", kOurs}),
              HasSubstr("the probe's own private key"));
}

TEST_F(CheckVerbs, NamesTheOptionWhoseDurationIsWrong) {
  EXPECT_THAT(refusal({"--timeout", "5x"}), HasSubstr("--timeout: '5x' is not a valid duration: "));
  EXPECT_THAT(refusal({"--timeout", "0"}), HasSubstr("--timeout: give a duration longer than 0"));
}

TEST_F(CheckVerbs, SaysWhatIsMissing) {
  EXPECT_THAT(refusal({}), HasSubstr("--config FILE, or --private-key-file"));
  EXPECT_THAT(refusal({"--config", file("a.conf", "[Interface]\nAddress=10.0.0.2\n")}),
              HasSubstr("a.conf: "));
  EXPECT_THAT(refusal({"--config", file("b.conf", "[Interface]\nMTU=x\n")}),
              HasSubstr("b.conf: line 2: MTU must be"));
  const std::string second = std::string("[Peer]\nPublicKey = ") + kOurs + "\n";
  EXPECT_THAT(refusal({"--config", file("c.conf", config("", second))}),
              HasSubstr("there are 2 peers: choose one by public key or name with --peer"));
  EXPECT_THAT(refusal({"--config", file("d.conf", config()), "--peer", kSecret}),
              HasSubstr("no peer has the public key"));
  EXPECT_THAT(refusal({"--config", file("e.conf", config()), "--endpoint", "nowhere"}),
              HasSubstr("--endpoint: "));
}

TEST_F(CheckVerbs, ReadsFilesOfAnySystemsEditor) {
  std::string text = "\xef\xbb\xbf";
  for (const char c : config()) text += c == '\n' ? std::string("\r\n") : std::string(1, c);
  EXPECT_THAT(plan(text), HasSubstr("to each address of 127.0.0.1, UDP port 9:"));
}

TEST_F(CheckVerbs, WarnsOfLinesThatAreNotKnownAndOnlyRemarksOthers) {
  const std::string unknown = json({"--config", file("a.conf", config("", "[Foo]\nBar = 1\n"))});
  EXPECT_THAT(unknown, HasSubstr("WGS-CFG-001"));
  const std::string remarked =
      json({"--config", file("b.conf", config("MTU = 1300\nMTU = 1400\n"))});
  EXPECT_THAT(remarked, Not(HasSubstr("WGS-CFG-001")));
  EXPECT_THAT(remarked, HasSubstr("MTU is already set in line"));
  EXPECT_THAT(json({"--redact", "--config", file("c.conf", config("", "[Foo]\nBar = 1\n"))}),
              Not(HasSubstr("[Foo]")));
}

/// A file whose gateway is like that.
std::string with_gateway(const std::string& key, const std::string& endpoint) {
  return std::string("[Interface]\nPrivateKey = ") + kSecret +
         "\nAddress = 10.0.0.2/24\n[Peer]\nPublicKey = " + key + "\nEndpoint = " + endpoint +
         "\nAllowedIPs = 10.0.0.0/24\n";
}

struct Hopeless {
  const char* what;
  std::string text;
  const char* finding;
  const char* cause;
};

TEST_F(CheckVerbs, SendsNothingWhereTheFileTellsThatNothingCanCome) {
  const std::string low_order = "4Ot6fDtBuK4WVuP68Z/EatoJjeucMrH9hmIFFl9JuAA=";  // RFC 7748 §7
  const Hopeless cases[] = {
      {"any", with_gateway(kGateway, "0.0.0.0:9"), "WGS-CFG-010", "0.0.0.0 is not a host's"},
      {"any v6", with_gateway(kGateway, "[::]:9"), "WGS-CFG-010", ":: is not a host's address"},
      {"broadcast", with_gateway(kGateway, "255.255.255.255:9"), "WGS-CFG-010",
       "255.255.255.255 is the broadcast address"},
      {"multicast", with_gateway(kGateway, "224.0.0.1:9"), "WGS-CFG-010",
       "224.0.0.1 is a multicast address"},
      {"multicast v6", with_gateway(kGateway, "[ff02::1]:9"), "WGS-CFG-010",
       "ff02::1 is a multicast address"},
      {"no zone", with_gateway(kGateway, "[fe80::1]:9"), "WGS-CFG-010",
       "fe80::1 is a link-local address without the interface"},
      {"no such zone", with_gateway(kGateway, "[fe80::1%nope]:9"), "WGS-CFG-010",
       "belongs to the interface nope, which this host does not have"},
      {"no such index", with_gateway(kGateway, "[fe80::1%99999]:9"), "WGS-CFG-010",
       "belongs to the interface 99999, which this host does not have"},
      {"zero key", with_gateway(std::string(43, 'A') + "=", "127.0.0.1:9"), "WGS-CFG-011",
       "public key is zero"},
      {"low order", with_gateway(low_order, "127.0.0.1:9"), "WGS-CFG-011", "low order"},
      {"AmneziaWG", config("S1 = 5\nJc = 4\n"), "WGS-CFG-007", "for AmneziaWG"},
  };
  for (const Hopeless& one : cases) {
    SCOPED_TRACE(one.what);
    const test::Finished ended = run({"--config", file("h.conf", one.text), "--json"});
    EXPECT_EQ(ended.exit_code, 2) << ended.err;
    const auto report = nlohmann::json::parse(ended.out);
    EXPECT_THAT(report["verdict"].get<std::string>(), HasSubstr("nothing was sent"));
    EXPECT_THAT(report["verdict"].get<std::string>(), HasSubstr(one.cause));
    for (const auto& check : report["checks"])
      if (check["name"] == "handshake.response") {
        EXPECT_EQ(check["status"], "skipped");
        EXPECT_EQ(check["because"], one.finding);
      }
    EXPECT_THAT(ended.out, Not(HasSubstr("WGS-LOC"))) << "no firewall has to do with it";
    EXPECT_THAT(ended.out, Not(HasSubstr("WGS-HS")));
    EXPECT_THAT(plan(one.text), HasSubstr("nothing is sent"));
  }
}

TEST_F(CheckVerbs, GoOnWhereAmneziaWgsKeysChangeNothing) {
  const std::string said = json({"--config", file("a.conf", config("Jc = 4\nS1 = 0\nH1 = 1\n"))});
  EXPECT_THAT(said, HasSubstr("WGS-CFG-008"));
  EXPECT_THAT(said, Not(HasSubstr("nothing was sent")));
  EXPECT_THAT(said, Not(HasSubstr("WGS-CFG-001"))) << "one finding for all of them";
}

/// A .netdev file of the same gateway.
std::string netdev(const std::string& more = "") {
  return std::string("[NetDev]\nName=wg0\nKind=wireguard\n[WireGuard]\nPrivateKey=") + kSecret +
         "\n[WireGuardPeer]\nPublicKey=" + kGateway +
         "\nEndpoint=127.0.0.1:9\nAllowedIPs=10.0.0.0/24\n" + more;
}

TEST_F(CheckVerbs, ReadTheFilesOfNetworkd) {
  file("50-vpn.network", "[Match]\nName=wg*\n[Network]\nAddress=10.0.0.2/24\n");
  const std::string path = file("50-vpn.netdev", netdev(), 0640);
  const std::string said = json({"--config", path});
  EXPECT_THAT(said, HasSubstr("path.send")) << "it has all that a handshake needs";
  EXPECT_THAT(said, Not(HasSubstr("WGS-CFG")));
  EXPECT_THAT(said, Not(HasSubstr("WGS-KEY-003"))) << "networkd's group may read it";
  EXPECT_THAT(json({"--config", file("50-vpn.netdev", netdev(), 0644)}),
              AllOf(HasSubstr("WGS-KEY-003"), HasSubstr("chmod 640")));
}

TEST_F(CheckVerbs, ReadDropInsAndKeysOfNetworkdFromTheirFiles) {
  file("50-vpn.network", "[Match]\nName=wg*\n[Network]\nAddress=10.0.0.2/24\n");
  std::filesystem::create_directory(folder_ / "50-vpn.netdev.d");
  file("50-vpn.netdev.d/key.conf",
       "[WireGuard]\nPrivateKeyFile=" + file("key", kOther) + "\nListenPrt=1\n");
  const std::string path = file("50-vpn.netdev", netdev("PresharedKeyFile=/nowhere/psk\n"));
  const std::string said = json({"--config", path});
  EXPECT_THAT(said, HasSubstr("50-vpn.netdev.d/key.conf:3:1: networkd does not know ListenPrt"));
  EXPECT_THAT(said, HasSubstr("WGS-CFG-012"));
  EXPECT_THAT(said, HasSubstr("a preshared key cannot be read: /nowhere/psk"));
}

TEST_F(CheckVerbs, SayWhichFileOfNetworkdTheyWant) {
  EXPECT_THAT(refusal({"--config", file("a.network", "[Match]\nName=wg0\n")}),
              HasSubstr("this is a .network file, which has no keys: give the .netdev file"));
  EXPECT_THAT(refusal({"--config", file("a.netdev", "[NetDev]\nName=br0\nKind=bridge\n")}),
              HasSubstr("a.netdev: the Kind under [NetDev] is not wireguard"));
}

TEST_F(CheckVerbs, FindsWhatWgRefusesOrSettlesSilently) {
  file("any.network", "[Match]\nName=*\n[Network]\nAddress=10.0.0.2/24\n");  // of the .netdev file
  const std::pair<std::string, const char*> cases[] = {
      {config("", "AllowedIPs =\n"), "WGS-CFG-002"},
      {config("", "PersistentKeepalive = 0x19\n"), "WGS-CFG-002"},
      {config("", "# Name = a\n# Name = b\nPersistentKeepalive = 5\n"), "WGS-CFG-003"},
      {with_gateway(kOther, "127.0.0.1:9") + "PublicKey = " + kGateway + "\n", "WGS-CFG-004"},
      {config("", "[Peer]\nPublicKey = "s + kGateway + "\n"), "WGS-CFG-005"},
      {config("", "AllowedIPs = 0.0.0.0, ::0\n"), "WGS-CFG-006"},
      {config("Reserved = 1,2,3\n"), "WGS-CFG-009"},
      {netdev("PersistentKeepalive=25s\n[WireGuardPeer]\nPublicKey="s + kOther +
              "\nEndpoint=127.0.0.1:9\n"),
       "WGS-CFG-012"},
  };
  for (const auto& [text, finding] : cases) {
    const std::string said = json({"--config", file("f.conf", text)});
    EXPECT_THAT(said, HasSubstr(finding)) << text;
  }
}

TEST_F(CheckVerbs, SayInPlansWhatWasNoticedInTheFile) {
  const std::string own = file("own.conf", config("", "AllowedIPs = 10.1.0.0/16,\n"));
  const std::vector<std::vector<std::string>> verbs{
      {"handshake"}, {"ping"},           {"check"}, {"reach", "--icmp", "10.0.0.1"},
      {"mtu"},       {"mtu", "--outer"}, {"nat"},   {"nat", "--tcp", "10.0.0.1:22"}};
  for (const std::vector<std::string>& verb : verbs) {
    std::vector<std::string> argv{test::binary_dir() / "probe/wgscope"};
    argv.insert(argv.end(), verb.begin(), verb.end());
    argv.insert(argv.end(), {"--config", own, "--plan", "--state-dir", folder_ / "state"});
    const test::Finished text = test::run(argv);
    EXPECT_EQ(text.exit_code, 0) << text.err;
    EXPECT_THAT(text.out, StartsWith("warning: line 8: AllowedIPs has a comma with no prefix"))
        << verb.back();
    EXPECT_THAT(text.out, HasSubstr("(WGS-CFG-002)\n"));
    argv.emplace_back("--json");
    const auto plan = nlohmann::json::parse(test::run(argv).out);
    ASSERT_EQ(plan["noticed"].size(), 1U) << verb.back();
    EXPECT_EQ(plan["noticed"][0]["finding"], "WGS-CFG-002");
    EXPECT_EQ(plan["noticed"][0]["status"], "warning");
    EXPECT_FALSE(plan["plan"].empty());
  }
}

TEST_F(CheckVerbs, SayInTheirReportsWhatWasNoticedInTheFileAlsoWithoutItsTunnel) {
  const std::string own = file("own.conf", config("Foo = 1\n"));
  const test::Finished ended =
      test::run({test::binary_dir() / "probe/wgscope", "mtu", "--outer", "127.0.0.1", "--config",
                 own, "--quick", "--json", "--timeout", "1s"});
  EXPECT_THAT(ended.out, HasSubstr("WGS-CFG-001")) << ended.err;
}

TEST_F(CheckVerbs, FindsKeysThatOthersCanRead) {
  EXPECT_THAT(json({"--config", file("own.conf", config(), 0644)}), HasSubstr("WGS-KEY-003"));
  EXPECT_THAT(json({"--config", file("own.conf", config())}), Not(HasSubstr("WGS-KEY-003")));
  EXPECT_THAT(json({"--config", file("own.conf", config()), "--preshared-key-file",
                    file("psk", kGateway, 0640)}),
              HasSubstr("WGS-KEY-003"));
}

TEST_F(CheckVerbs, TellsAPipelineInItsFileWhyNothingWasChecked) {
  const std::string junit = folder_ / "junit.xml";
  const test::Finished ended = run({"--json", "--junit", junit, "--config", folder_ / "missing"});
  EXPECT_EQ(ended.exit_code, 3);
  EXPECT_THAT(ended.out, HasSubstr("No such file"));
  EXPECT_THAT(test::read_file(junit), HasSubstr("No such file"));
}

// Also where a verb looks at a path without a tunnel: a program that waits for a document gets one.
TEST_F(CheckVerbs, TellsAPipelineOfEachVerbWhyNothingWasChecked) {
  const std::string missing = folder_ / "missing";
  const std::vector<std::vector<std::string>> refused = {
      {"handshake", "--config", missing},
      {"ping", "--config", missing},
      {"reach", "--config", missing},
      {"mtu", "--config", missing},
      {"mtu", "--outer", "--config", missing},
      {"mtu", "--outer", "a:b:c"},
      {"nat", "--config", missing},
      {"nat", "--stun", "no-port"},
      {"nat", "--stun", "127.0.0.1:3478", "--longest", "600"}};
  for (const std::vector<std::string>& verb : refused) {
    std::vector<std::string> argv{test::binary_dir() / "probe/wgscope"};
    argv.insert(argv.end(), verb.begin(), verb.end());
    argv.emplace_back("--json");
    const test::Finished ended = test::run(argv);
    EXPECT_EQ(ended.exit_code, 3) << ended.err;
    EXPECT_THAT(ended.out, HasSubstr("\"configuration.target\"")) << ended.err;
    argv.back() = "--plan";
    EXPECT_EQ(test::run(argv).out, "") << "a plan is no report";
  }
}

TEST_F(CheckVerbs, RefusesOutputsThatCannotBeWritten) {
  const std::string nowhere = folder_ / "no/such/folder.xml";
  const test::Finished ended =
      run({"--json", "--config", file("own.conf", config()), "--junit", nowhere});
  EXPECT_EQ(ended.exit_code, 3);
  EXPECT_THAT(ended.err, HasSubstr("no/such"));
  EXPECT_THAT(ended.out, HasSubstr("no/such")) << "who reads the JSON is told, too";
}

TEST_F(CheckVerbs, NamesWhatDoesNotResolve) {
  const std::string said =
      json({"--config", file("own.conf", config()), "--endpoint", "no-such-host.invalid:51820"});
  EXPECT_THAT(said, HasSubstr("WGS-NAM-00"));
  EXPECT_THAT(said, HasSubstr("no-such-host.invalid"));
}

const std::vector<std::string> kCheckVerbs{"handshake", "ping", "reach", "mtu", "nat"};

TEST_F(CheckVerbs, PlanAsJson) {
  const std::string own = file("own.conf", config());
  const std::vector<std::vector<std::string>> plans{
      {"handshake", "--config", own},
      {"ping", "--config", own},
      {"reach", "--config", own, "--icmp", "10.0.0.1"},
      {"mtu", "--config", own},
      {"mtu", "--outer", "192.0.2.1"},
      {"nat", "--stun", "192.0.2.1:3478"},
      {"nat", "--config", own, "--tcp", "10.0.0.1:22"}};
  for (const std::vector<std::string>& verb : plans) {
    std::vector<std::string> argv{test::binary_dir() / "probe/wgscope"};
    argv.insert(argv.end(), verb.begin(), verb.end());
    argv.insert(argv.end(), {"--plan", "--json", "--redact", "--junit", folder_ / "junit.xml"});
    const test::Finished ended = test::run(argv);
    ASSERT_EQ(ended.exit_code, 0) << ended.err;
    const auto plan = nlohmann::json::parse(ended.out);
    EXPECT_EQ(plan["schema"], "wgscope.plan/1");
    EXPECT_EQ(plan["verb"], verb.front());
    EXPECT_FALSE(plan["plan"].empty());
    EXPECT_THAT(ended.out, Not(HasSubstr("192.0.2.1")));
    EXPECT_FALSE(std::filesystem::exists(folder_ / "junit.xml")) << "a plan is not a report";
  }
}

TEST_F(CheckVerbs, TakeTheOldSpellingOfFolders) {
  const std::string state = folder_ / "of-old";
  test::run({test::binary_dir() / "probe/wgscope", "handshake", "--state.dir", state,
             "--uapi.dir=" + (folder_ / "none").string(), "--config", file("own.conf", config()),
             "--timeout", "100ms"});
  EXPECT_TRUE(std::filesystem::exists(state));
}

TEST_F(CheckVerbs, ShowInTheirHelpOnlyWhatTheProgramSays) {
  for (const std::string& verb : kCheckVerbs) {
    const std::string help = test::run({test::binary_dir() / "probe/wgscope", verb, "--help"}).out;
    EXPECT_THAT(help, HasSubstr("--state-dir DIR"));
    EXPECT_THAT(help, Not(HasSubstr("--state.dir")));
    for (const char* noise :
         {" INT ", " UINT ", " TEXT ", " in [", "REQUIRED", "Excludes:", "Needs:"})
      EXPECT_THAT(help, Not(HasSubstr(noise))) << verb;
  }
}

/// Where somebody listens who never answers.
class Interrupted : public CheckVerbs {
 protected:
  /// Starts a handshake there, and waits until its first initiation has come.
  std::unique_ptr<test::Process> begin() {
    const std::string endpoint = "127.0.0.1:" + std::to_string(silent_.local_port());
    auto process = std::make_unique<test::Process>(std::vector<std::string>{
        test::binary_dir() / "probe/wgscope", "handshake", "--config", file("own.conf", config()),
        "--endpoint", endpoint, "--state-dir", folder_ / "state", "--uapi-dir", folder_ / "none",
        "--timeout", "100s"});
    pollfd waiting{.fd = silent_.fd(), .events = POLLIN, .revents = 0};
    EXPECT_EQ(poll(&waiting, 1, 20'000), 1);
    return process;
  }

  os::UdpSocket silent_ =
      std::move(os::UdpSocket::open(Endpoint::parse("127.0.0.1:0").value())).value();
};

TEST_F(Interrupted, ShowsWhatIsKnownSoFarAndEndsWithUnknown) {
  for (const int signal : {SIGINT, SIGTERM}) {
    const auto process = begin();
    process->signal(signal);
    EXPECT_EQ(process->wait(20s), 3);
    EXPECT_THAT(process->out(), StartsWith("UNKNOWN: "));
    EXPECT_THAT(process->out(), HasSubstr("1 initiation"));
    EXPECT_EQ(process->err(), "");
    static_cast<void>(silent_.receive([](const os::Received&) {}));
  }
}

}  // namespace
}  // namespace wgscope::probe
