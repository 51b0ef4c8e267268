// What can be reached behind a gateway, Debian's wireguard-go, with real services, routes and
// firewall rules there.

#include "wgscope/checks/reach.hpp"

#include <cerrno>
#include <chrono>
#include <cstring>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <utility>
#include <vector>

#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "wgscope/base/keys.hpp"
#include "wgscope/checks/run.hpp"
#include "wgscope/checks/target.hpp"
#include "wgscope/checks/tunnel.hpp"
#include "wgscope/config/expectations.hpp"
#include "wgscope/diagnosis/finding.hpp"
#include "wgscope/diagnosis/report.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/model/public_key.hpp"
#include "wgscope/os/netns.hpp"
#include "wgscope/os/socket_address.hpp"
#include "wgscope/os/unique_fd.hpp"

#include "files.hpp"
#include "interop/site.hpp"
#include "process.hpp"
#include "temp_dir.hpp"
#include "wait.hpp"

namespace wgscope::test {
namespace {

using namespace std::chrono_literals;
using diagnosis::FindingId;
using diagnosis::Status;
using testing::HasSubstr;
using testing::Not;

/// This thread, in another network namespace for a while.
class Visit {
 public:
  explicit Visit(const std::string& path) { EXPECT_TRUE(os::Netns::open(path).value().enter()); }
  Visit(const Visit&) = delete;
  Visit& operator=(const Visit&) = delete;
  ~Visit() { EXPECT_TRUE(home_.enter()); }

 private:
  os::Netns home_ = os::Netns::open_own().value();
};

/// A socket bound inside a namespace; one of TCP listens, and the kernel accepts for it.
os::UniqueFd bind_inside(const NetworkNamespace& netns, int type, const std::string& where) {
  const Visit visit(netns.path());
  const os::SocketAddress address(Endpoint::parse(where).value());
  os::UniqueFd socket_fd(socket(address.data()->sa_family, type | SOCK_CLOEXEC, 0));
  if (bind(socket_fd.get(), address.data(), address.size()) != 0 ||
      (type == SOCK_STREAM && listen(socket_fd.get(), 64) != 0))
    throw std::runtime_error(where + ": " + std::strerror(errno));
  return socket_fd;
}

config::Expectation open(config::ReachKind kind, std::string_view target) {
  return config::parse_target(kind, target).value();
}
config::Expectation closed(std::string_view target) {
  return config::parse_closed_target(target).value();
}

/// Behind the gateway's 10.9.0.1 and fd09::1: ports 22 (a listener), 80 (HTTP), 23 (rejected), 24
/// (dropped), 25 (reset); UDP 514 (silent) and 515 (closed); 10.8.0.1 (another of its addresses),
/// 10.8.0.99 (it has no route).
class ReachBehindGateway : public Interop {
 protected:
  void SetUp() override {
    Interop::SetUp();
    if (!site_) return;
    const NetworkNamespace& theirs = site_->theirs;
    site_->gateway.set_peer({.public_key = keys_.public_key});
    theirs.must({"sysctl", "-qw", "net.ipv4.ip_forward=1", "net.ipv4.icmp_ratelimit=0"});
    theirs.must({"ip", "address", "add", "10.8.0.1/32", "dev", "lo"});
    theirs.must({"ip", "route", "add", "unreachable", "10.8.0.99/32"});
    theirs.must({"nft", "-f", "-"},
                "table inet t { chain c { type filter hook input priority 0;\n"
                "tcp dport 23 reject with icmpx admin-prohibited\n"
                "tcp dport 24 drop\n"
                "tcp dport 25 reject with tcp reset\n"
                "ip daddr 10.8.0.1 tcp dport 22 drop\n}; }\n");
    listeners_.push_back(bind_inside(theirs, SOCK_STREAM, "0.0.0.0:22"));
    listeners_.push_back(bind_inside(theirs, SOCK_STREAM, "[fd09::1]:22"));
    listeners_.push_back(bind_inside(theirs, SOCK_STREAM, "10.9.0.1:24"));
    listeners_.push_back(bind_inside(theirs, SOCK_DGRAM, "10.9.0.1:514"));
  }

  [[nodiscard]] checks::Target target() const {
    checks::Target target;
    target.private_key = PrivateKey::from_base64(keys_.private_key).value();
    target.addresses = {Prefix::parse("10.9.0.2/24").value(), Prefix::parse("fd09::2/64").value()};
    target.gateway = PublicKey::from_base64(gateway().keys().public_key).value();
    target.endpoint = config::EndpointName::parse(kOuter).value();
    for (const char* allowed : {"10.8.0.0/24", "10.9.0.0/24", "fd09::/64"})
      target.allowed_ips.push_back(Prefix::parse(allowed).value());
    return target;
  }

  /// The whole check, as the program runs it.
  diagnosis::Report reach(std::vector<config::Expectation> wanted, checks::Target target) {
    const Visit visit(site_->ours.path());
    diagnosis::Report report;
    checks::Run run = checks::Run::open().value();
    checks::Tunnel tunnel({.target = std::move(target), .stamps = {}, .noticed = {}},
                          {.timeout = handshake_timeout_, .data = false});
    checks::ReachOptions options = checks::reach_options(tunnel.target());
    options.try_timeout = 700ms;
    checks::reach_question(tunnel, options, std::move(wanted)).value()->ask(run, {}, report);
    return report;
  }
  diagnosis::Report reach(std::vector<config::Expectation> wanted) {
    return reach(std::move(wanted), target());
  }

  KeyPair keys_ = generate_key_pair();
  std::vector<os::UniqueFd> listeners_;
  std::chrono::nanoseconds handshake_timeout_ = 20s;
};

/// @param target  with its kind: "tcp 10.9.0.1:22".
const diagnosis::Check& check_of(const diagnosis::Report& report, std::string_view target) {
  for (const diagnosis::Check& check : report.checks)
    if (fmt::format("{} {}", check.name, check.target.plain()) == fmt::format("reach.{}", target))
      return check;
  throw std::runtime_error(fmt::format("no check of {}", target));
}

void expect_finding(const diagnosis::Report& report, std::string_view target, Status status,
                    FindingId id) {
  const diagnosis::Check& check = check_of(report, target);
  EXPECT_EQ(check.status, status) << target << ": " << check.summary.plain();
  ASSERT_TRUE(check.finding) << target << ": " << check.summary.plain();
  EXPECT_EQ(check.finding->id, id) << target << ": " << check.finding->cause.plain();
}

TEST_F(ReachBehindGateway, TellsEachServiceByWhatItDoes) {
  using enum config::ReachKind;
  const TempDir folder;
  write_file(folder / "health", "ok\n");
  Process httpd({"busybox", "httpd", "-f", "-p", "10.9.0.1:80", "-h", folder.path()},
                {.netns = site_->theirs.name()});
  const auto serves = [&] {
    return site_->theirs.exec({"busybox", "wget", "-qO-", "http://10.9.0.1/health"}).exit_code == 0;
  };
  ASSERT_TRUE(wait_until(serves, 20s)) << httpd.err();
  const auto report = reach({
      open(icmp, "10.9.0.1"),
      open(icmp, "fd09::1"),
      open(tcp, "10.9.0.1:22"),
      open(tcp, "[fd09::1]:22"),
      open(http, "http://10.9.0.1/health"),
      open(http, "http://10.9.0.1/none"),
      open(tcp, "10.9.0.1:26"),
      open(tcp, "10.9.0.1:23"),
      open(tcp, "10.9.0.1:24"),
      open(tcp, "10.8.0.99:22"),
      open(udp, "10.9.0.1:514"),
      open(udp, "10.9.0.1:515"),
  });
  for (const char* target : {"icmp 10.9.0.1", "icmp fd09::1", "tcp 10.9.0.1:22", "tcp [fd09::1]:22",
                             "http http://10.9.0.1/health"})
    EXPECT_EQ(check_of(report, target).status, Status::ok) << target;
  expect_finding(report, "http http://10.9.0.1/none", Status::critical, FindingId::http_status);
  expect_finding(report, "tcp 10.9.0.1:26", Status::critical, FindingId::refused);
  expect_finding(report, "tcp 10.9.0.1:23", Status::critical, FindingId::not_reachable);
  EXPECT_THAT(check_of(report, "tcp 10.9.0.1:23").finding->cause.plain(),
              HasSubstr("administratively prohibited"));
  expect_finding(report, "tcp 10.9.0.1:24", Status::critical, FindingId::not_reachable);
  const auto& filtered = *check_of(report, "tcp 10.9.0.1:24").finding;
  EXPECT_EQ(filtered.cause.plain(),
            "10.9.0.1 answers pings through the tunnel, but TCP port 24 does not answer: this port "
            "is filtered, or its service hangs");
  for (const diagnosis::Hypothesis& reason : filtered.hypotheses)
    for (const char* refuted : {"is down", "no host", "route back", "not forward", "FORWARD"}) {
      EXPECT_THAT(reason.cause.plain(), Not(HasSubstr(refuted)));
      EXPECT_THAT(reason.check.plain(), Not(HasSubstr(refuted)));
    }
  EXPECT_THAT(diagnosis::verdict(report).plain(),
              testing::StartsWith("6 of 12 targets inside the tunnel are not as expected"));
  expect_finding(report, "tcp 10.8.0.99:22", Status::critical, FindingId::not_reachable);
  EXPECT_THAT(
      check_of(report, "tcp 10.8.0.99:22").finding->cause.plain(),
      HasSubstr("10.9.0.1 reports that tcp 10.8.0.99:22 cannot be reached: host unreachable"));
  expect_finding(report, "udp 10.9.0.1:514", Status::unknown, FindingId::reach_not_told);
  expect_finding(report, "udp 10.9.0.1:515", Status::critical, FindingId::refused);
}

TEST_F(ReachBehindGateway, TellsAFilteredPortThatIsAskedAloneFromABrokenTunnel) {
  const auto report = reach({open(config::ReachKind::tcp, "10.9.0.1:24")});
  expect_finding(report, "tcp 10.9.0.1:24", Status::critical, FindingId::not_reachable);
  EXPECT_EQ(diagnosis::verdict(report).plain(),
            "10.9.0.1 answers pings through the tunnel, but TCP port 24 does not answer: this port "
            "is filtered, or its service hangs");
}

TEST_F(ReachBehindGateway, ProvesWhatIsClosedAndFindsWhatIsNot) {
  const auto good =
      reach({closed("tcp:10.8.0.1:22"), closed("tcp:10.9.0.1:23"), closed("tcp:10.9.0.1:24"),
             closed("tcp:10.9.0.1:25"), closed("udp:10.9.0.1:515"), closed("icmp:10.8.0.99")});
  EXPECT_EQ(diagnosis::overall(good), Status::ok) << diagnosis::verdict(good).plain();
  EXPECT_EQ(check_of(good, "tcp 10.8.0.1:22").summary.plain(),
            "closed: no answer, asked 3 times, while the tunnel works");
  const auto leak = reach({closed("tcp:10.8.0.1:22"), closed("tcp:10.9.0.1:22")});
  EXPECT_EQ(diagnosis::overall(leak), Status::critical);
  expect_finding(leak, "tcp 10.9.0.1:22", Status::critical, FindingId::reachable_but_must_not);
  EXPECT_EQ(check_of(leak, "tcp 10.8.0.1:22").status, Status::ok);
}

TEST_F(ReachBehindGateway, NeverCallsClosedWhatItsOwnAllowedIpsAtTheGatewayKeepFrom) {
  site_->gateway.set_peer({.public_key = keys_.public_key, .allowed_ips = "10.9.0.77/32"});
  const auto report = reach({closed("tcp:10.8.0.1:22"), closed("tcp:10.9.0.1:22")});
  EXPECT_EQ(diagnosis::overall(report), Status::unknown) << diagnosis::verdict(report).plain();
  expect_finding(report, "tcp 10.8.0.1:22", Status::unknown, FindingId::reach_not_told);
  expect_finding(report, "tcp 10.9.0.1:22", Status::unknown, FindingId::reach_not_told);
}

TEST_F(ReachBehindGateway, NeverCallsClosedWhatATunnelThatLosesDataKeepsFrom) {
  site_->theirs.must({"nft", "-f", "-"},
                     "table inet d { chain c { type filter hook input priority -10;\n"
                     "udp dport 51820 @th,64,8 4 drop\n}; }\n");
  const auto report = reach({closed("tcp:10.8.0.1:22"), open(config::ReachKind::icmp, "10.9.0.1")});
  EXPECT_EQ(diagnosis::overall(report), Status::critical);
  expect_finding(report, "tcp 10.8.0.1:22", Status::unknown, FindingId::reach_not_told);
  expect_finding(report, "icmp 10.9.0.1", Status::critical, FindingId::not_reachable);
  EXPECT_THAT(check_of(report, "icmp 10.9.0.1").finding->cause.plain(),
              HasSubstr("nothing else inside the tunnel answers"));
}

TEST_F(ReachBehindGateway, SkipsAllTargetsWhereTheGatewayDoesNotRespond) {
  site_->gateway.forget_peer(keys_.public_key);
  handshake_timeout_ = 3s;
  const auto report = reach({closed("tcp:10.8.0.1:22")});
  EXPECT_NE(diagnosis::overall(report), Status::ok);
  const diagnosis::Check& check = check_of(report, "tcp 10.8.0.1:22");
  EXPECT_EQ(check.status, Status::skipped);
  EXPECT_TRUE(check.skipped_because);
}

}  // namespace
}  // namespace wgscope::test
