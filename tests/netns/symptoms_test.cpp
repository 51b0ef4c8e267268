// README's table from symptom to command: each row's command is run, as it stands there, on tunnels
// that have such a fault, and its first line and its exit code must name the cause.

#include <algorithm>
#include <arpa/inet.h>
#include <chrono>
#include <filesystem>
#include <functional>
#include <netinet/in.h>
#include <optional>
#include <ostream>
#include <regex>
#include <set>
#include <sstream>
#include <stdexcept>
#include <string>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>
#include <utility>
#include <vector>

#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "wgscope/os/unique_fd.hpp"

#include "files.hpp"
#include "interop/diagnosis/place.hpp"
#include "need.hpp"
#include "paths.hpp"
#include "process.hpp"
#include "temp_dir.hpp"

namespace wgscope::test {
namespace {

using namespace std::chrono_literals;
using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;

struct Row {
  std::string symptom;
  std::string command;
};

/// @param document  with the table whose first column is "symptom".
std::vector<Row> rows_of(const std::string& document) {
  const std::regex cells(R"(\| ([^|]*) \| `([^`|]*)` \| [^|]* \|)");
  std::istringstream lines(document);
  std::vector<Row> rows;
  std::string line;
  while (std::getline(lines, line) && !line.starts_with("| symptom |")) continue;
  std::getline(lines, line);
  while (std::getline(lines, line) && line.starts_with('|')) {
    std::smatch row;
    if (!std::regex_match(line, row, cells)) throw std::runtime_error("not a row: " + line);
    rows.push_back({row[1], row[2]});
  }
  return rows;
}

std::vector<Row> readme_rows() { return rows_of(read_file(source_dir() / "README.md")); }

/// A TCP service on port 22 that speaks first, as SSH does, and sends no more.
class Service {
 public:
  explicit Service(const NetworkNamespace& netns) {
    inside(netns.path(), [this] {
      listener_ = os::UniqueFd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
      sockaddr_in address{};
      address.sin_family = AF_INET;
      address.sin_port = htons(22);
      if (bind(listener_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
          listen(listener_.get(), 16) != 0)
        throw std::runtime_error("no TCP service");
    });
    server_ = std::thread([this] { serve(); });
  }
  Service(const Service&) = delete;
  Service& operator=(const Service&) = delete;
  ~Service() {
    shutdown(listener_.get(), SHUT_RDWR);
    server_.join();
  }

 private:
  void serve() {
    for (;;) {
      os::UniqueFd connection(accept(listener_.get(), nullptr, nullptr));
      if (connection.get() < 0) return;
      static_cast<void>(write(connection.get(), "SSH-2.0-x\r\n", 11));
      connections_.push_back(std::move(connection));
    }
  }

  os::UniqueFd listener_;
  std::vector<os::UniqueFd> connections_;
  std::thread server_;
};

/// The probe's host, a router, a gateway that has the probe as its peer, and probe.conf.
struct Site {
  Place place;
  KeyPair keys = generate_key_pair();
  std::string endpoint = Place::outer(Family::v4);
  std::optional<Service> service;

  Site() { place.gateway.set_peer({.public_key = keys.public_key}); }

  [[nodiscard]] std::string config() const {
    return fmt::format(
        "[Interface]\nPrivateKey = {}\nAddress = 10.9.0.2/24\nMTU = 1420\n"
        "[Peer]\nPublicKey = {}\nEndpoint = {}\nAllowedIPs = 10.9.0.0/24\n"
        "PersistentKeepalive = 25\n",
        keys.private_key, place.gateway.keys().public_key, endpoint);
  }
};

struct Fault {
  std::string symptom;  ///< as README has it
  std::string name;
  std::function<void(Site&)> make;
  std::string finding;
  std::string words;  ///< of the first line, which name the cause

  friend void PrintTo(const Fault& fault, std::ostream* out) { *out << fault.name; }
};

// What the router sees of the tunnel's data; a WireGuard message's first byte is its type.
constexpr const char* kDataToGateway = "udp dport 51820 @th,64,8 4";
constexpr const char* kDataFromGateway = "udp sport 51820 @th,64,8 4";

/// A middlebox that lets a host's flow pass for two seconds.
void police(Site& site) {
  site.place.router.must({"nft", "-f", "-"},
                         "table inet wgs {\n"
                         "  set young { type inet_service; timeout 2s; flags dynamic; size 99; }\n"
                         "  set known { type inet_service; flags dynamic; size 99; }\n"
                         "  chain forward {\n"
                         "    type filter hook forward priority 0\n"
                         "    udp dport 51820 udp sport @young accept\n"
                         "    udp dport 51820 udp sport @known drop\n"
                         "    udp dport 51820 add @known { udp sport } add @young { udp sport } "
                         "accept\n"
                         "  }\n"
                         "}\n");
}

/// A router that sends what is larger than 1400 bytes nowhere, and does not say so.
void black_hole(Site& site) {
  site.place.router.must(
      {"ip", "route", "replace", "10.2.0.0/24", "dev", site.place.far.left, "mtu", "lock", "1400"});
  Place::add_rule(site.place.router, "output", "icmp type destination-unreachable drop");
}

/// A NAT that forgets flows after some seconds of silence.
void forgetful_nat(Site& site) {
  const Place& place = site.place;
  place.theirs.ip("route del 10.1.0.0/24");
  place.router.must({"nft", "-f", "-"},
                    fmt::format("table ip nat {{ chain post {{ type nat hook postrouting priority "
                                "100; oifname \"{}\" masquerade; }}; }}\n",
                                place.far.left));
  place.router.set("net/netfilter/nf_conntrack_udp_timeout", "2");
  place.router.set("net/netfilter/nf_conntrack_udp_timeout_stream", "6");
  site.service.emplace(place.theirs);
}

void know_another_preshared_key(Site& site) {
  site.place.gateway.set_peer(
      {.public_key = site.keys.public_key, .preshared_key = generate_key_pair().private_key});
}

void allow_another_address(Site& site) {
  site.place.gateway.set_peer({.public_key = site.keys.public_key, .allowed_ips = "10.9.0.77/32"});
}

void filter_the_service(Site& site) {
  site.service.emplace(site.place.theirs);
  Place::add_rule(site.place.theirs, "input", "tcp dport 22 drop");
}

std::function<void(Site&)> router_drops(const char* what) {
  return [what](Site& site) {
    Place::add_rule(site.place.router, "forward", fmt::format("{} drop", what));
  };
}

std::vector<Fault> connection_faults() {
  const std::string symptom = "it cannot connect at all";
  return {
      {symptom, "ClosedPort", [](Site& site) { site.place.gateway.listen_on(51821); }, "WGS-HS-001",
       "nothing listens"},
      {symptom, "RejectingFirewall",
       [](Site& site) {
         Place::add_rule(site.place.router, "forward",
                         "udp dport 51820 reject with icmpx admin-prohibited");
       },
       "WGS-HS-003", "10.1.0.2"},
      {symptom, "UnknownKey",
       [](Site& site) { site.place.gateway.forget_peer(site.keys.public_key); }, "WGS-HS-005",
       "a wrong key on one side, or a firewall"},
      {symptom, "PresharedKey", know_another_preshared_key, "WGS-HS-013", "preshared key"},
      {symptom, "Name", [](Site& site) { site.endpoint = "gateway.invalid:51820"; }, "WGS-NAM-002",
       "gateway.invalid"},
      {symptom, "Route", [](Site& site) { site.place.ours.ip("route del 10.2.0.0/24"); },
       "WGS-LOC-002", "no route"},
  };
}

std::vector<Fault> faults() {
  const std::string no_data = "it connects, but nothing works";
  const std::string service = "one service is missing";
  std::vector<Fault> all = connection_faults();
  for (const Fault& fault : std::vector<Fault>{
           {no_data, "DroppedByTheGateway", allow_another_address, "WGS-DAT-001",
            "dropped after that"},
           {no_data, "LostOnTheForwardPath", router_drops(kDataToGateway), "WGS-DAT-003",
            "forward path"},
           {no_data, "LostOnTheReversePath", router_drops(kDataFromGateway), "WGS-DAT-002",
            "its answers do not arrive here"},
           {"large pages hang, file copies stall", "BlackHole", black_hole, "WGS-MTU-001", "1400"},
           {"it dies after some seconds", "PolicedFlow", police, "WGS-DAT-004",
            "stops carrying data after"},
           {"it dies after a pause", "ForgetfulNat", forgetful_nat, "WGS-NAT-008",
            "PersistentKeepalive of 25 s is too long"},
           {service, "Refused", [](Site&) {}, "WGS-RCH-002", "nothing listens on tcp 10.9.0.1:22"},
           {service, "Filtered", filter_the_service, "WGS-RCH-001",
            "TCP port 22 does not answer: this port is filtered"},
           {"it is slow, or calls break up", "LossOnTheForwardPath",
            router_drops("udp dport 51820 @th,64,8 4 numgen inc mod 4 0"), "WGS-PNG-002",
            "lost on the forward path"},
           {"anything else", "LossOnTheReversePath",
            router_drops("udp sport 51820 @th,64,8 4 numgen inc mod 4 0"), "WGS-PNG-003",
            "lost on the reverse path"},
       })
    all.push_back(fault);
  return all;
}

class Symptom : public testing::TestWithParam<Fault> {
 protected:
  void SetUp() override { WGSCOPE_NEED(why_no_real_interface()); }

  /// README's words for what is the user's are replaced, all others stay.
  static std::string filled_in(std::string command) {
    command = std::regex_replace(command, std::regex("ADDRESS:PORT"), "10.9.0.1:22");
    return std::regex_replace(command, std::regex("ADDRESS"), Place::kInner);
  }

  Finished run_in(const Site& site, const std::string& command) {
    write_file(folder_ / "probe.conf", site.config());
    std::filesystem::permissions(folder_ / "probe.conf", std::filesystem::perms::owner_read);
    return run({"bash", "-c", fmt::format("cd {} && {}", folder_.path().string(), command)},
               {.env = {"XDG_STATE_HOME=" + folder_.path().string(),
                        fmt::format("PATH={}:/usr/sbin:/usr/bin:/sbin:/bin",
                                    (binary_dir() / "probe").string())},
                .netns = site.place.ours.name(),
                .input = {}},
               150s);
  }

  TempDir folder_;
};

INSTANTIATE_TEST_SUITE_P(, Symptom, testing::ValuesIn(faults()),
                         [](const auto& test) { return test.param.name; });

TEST_P(Symptom, IsExplainedByTheCommandOfItsRow) {
  const Fault& fault = GetParam();
  const std::vector<Row> rows = readme_rows();
  const auto row = std::ranges::find(rows, fault.symptom, &Row::symptom);
  ASSERT_NE(row, rows.end()) << "README has no row \"" << fault.symptom << '"';
  Site site;
  fault.make(site);
  const std::string command = filled_in(row->command);
  const Finished said = run_in(site, command);
  const std::string first = said.out.substr(0, said.out.find('\n'));
  EXPECT_THAT(first, AllOf(StartsWith("CRITICAL: "), HasSubstr('(' + fault.finding + ')'),
                           HasSubstr(fault.words)))
      << command << '\n'
      << said.out << said.err;
  EXPECT_EQ(said.exit_code, 2) << command;
}

TEST(SymptomTable, HasAFaultForEachRow) {
  std::set<std::string> made;
  for (const Fault& fault : faults()) made.insert(fault.symptom);
  const std::vector<Row> rows = readme_rows();
  EXPECT_GE(rows.size(), 8U);
  for (const Row& row : rows)
    EXPECT_TRUE(made.contains(row.symptom)) << "no test makes a fault for: " << row.symptom;
}

TEST(SymptomTable, IsReadRowByRow) {
  const auto rows = rows_of(
      "# Title\n| other | table |\n|---|---|\n| symptom | command | what |\n|---|---|---|\n"
      "| slow | `wgscope ping` | a |\n| dead | `wgscope mtu` | b |\n\n| after | `it` | c |\n");
  ASSERT_EQ(rows.size(), 2U);
  EXPECT_EQ(rows[1].symptom, "dead");
  EXPECT_EQ(rows[1].command, "wgscope mtu");
  EXPECT_THROW(rows_of("| symptom |\n|---|\n| slow | no command | a |\n"), std::runtime_error);
}

}  // namespace
}  // namespace wgscope::test
