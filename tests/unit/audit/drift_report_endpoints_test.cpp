// Reports about names and endpoints: what is said of those that fit, and of those that are not known.

#include <chrono>
#include <cstddef>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "wgscope/audit/drift_report.hpp"
#include "wgscope/audit/endpoint_watch.hpp"
#include "wgscope/base/time.hpp"
#include "wgscope/config/inventory.hpp"
#include "wgscope/config/wg_quick.hpp"
#include "wgscope/diagnosis/finding.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/model/device.hpp"

#include "../config/keys.hpp"
#include "drift_site.hpp"
#include "drift_values.hpp"

namespace wgscope::audit {
namespace {

using config::EndpointName;
using config::key;
using config::key_text;
using diagnosis::FindingId;
using testing::Contains;
using testing::ElementsAre;
using testing::EndsWith;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

// --- names ---

TEST(DriftReportOfNames, TellsThoseThatResolveFromOthers) {
  Site site;
  EXPECT_THAT(site.lines("drift.name"), IsEmpty());
  site.resolutions["fine.example.net"].addresses = {*IpAddress::parse("192.0.2.1")};
  Resolution& late = site.resolutions["late.example.net"];  // of an earlier time
  late = {.addresses = {*IpAddress::parse("192.0.2.2")}, .failed = true};
  site.resolutions["empty.example.net"] = {};
  EXPECT_THAT(site.lines("drift.name"),
              ElementsAre("ok: 1 name of an endpoint resolves",
                          "unknown empty.example.net: no address was found; try: getent ahosts "
                          "empty.example.net",
                          "unknown late.example.net: no address was found; try: getent ahosts "
                          "late.example.net"));
}

TEST(DriftReportOfNames, ListsSomeAndCountsTheOthers) {
  Site site;
  for (std::size_t i = 0; i < kMostListed; ++i)
    site.resolutions[fmt::format("{}.example.net", i)].failed = true;
  EXPECT_THAT(site.lines("drift.name"), SizeIs(kMostListed));
  site.resolutions["more.example.net"].failed = true;
  EXPECT_THAT(site.lines("drift.name"), SizeIs(kMostListed + 1));
  EXPECT_EQ(site.lines("drift.name").back(), "unknown: no address was found for 1 more names");
}

// --- endpoints ---

Site with_endpoint(const char* declared, const char* there) {
  config::DeclaredPeer peer = declare_at(1, {});
  peer.endpoint = *EndpointName::parse(declared);
  Site site = with_peer(peer);
  Peer& added = add_peer(site.device(), 1, {});
  if (*there != '\0') added.endpoint = *Endpoint::parse(there);
  return site;
}

TEST(DriftReportOfEndpoints, ShowsWhatIsDeclaredAndWhatIsThere) {
  const Site site = with_endpoint("192.0.2.1:51820", "192.0.2.9:51820");
  EXPECT_EQ(site.finding().cause.plain(), "wg0: the endpoint of peer-1 is not the declared one");
  EXPECT_THAT(evidence_of(site.finding()),
              ElementsAre("declared in team.yaml:11:5: 192.0.2.1:51820", "there: 192.0.2.9:51820",
                          "last handshake of " + key_text(1) + ": never"));
  EXPECT_EQ(site.fix().at(1), "or change endpoint of the peer in team.yaml:11:5");
  EXPECT_THAT(
      evidence_of(with_endpoint("[2001:db8::1]:51820", "192.0.2.9:51820").finding()).front(),
      EndsWith(": [2001:db8::1]:51820"));
}

TEST(DriftReportOfEndpoints, SaysWhereThereIsNone) {
  const Site site = with_endpoint("192.0.2.1:51820", "");
  EXPECT_EQ(site.finding().id, FindingId::drift_endpoint);
  EXPECT_EQ(site.finding().cause.plain(), "wg0: peer-1 has no endpoint, and one is declared");
  EXPECT_THAT(evidence_of(site.finding()), Not(Contains(HasSubstr("there:"))));
}

TEST(DriftReportOfEndpoints, SaysHowOldTheAddressesOfANameAre) {
  Site site = with_endpoint("gw.example.net:51820", "192.0.2.9:51820");
  site.snapshot.taken.boot = Instant{std::chrono::minutes(10)};
  Resolution& resolution = site.resolutions["gw.example.net"];
  resolution = {.addresses = {*IpAddress::parse("192.0.2.1"), *IpAddress::parse("192.0.2.2")},
                .at = site.snapshot.taken.boot};
  EXPECT_EQ(site.finding().cause.plain(),
            "wg0: the endpoint of peer-1 is an address that gw.example.net no longer has");
  EXPECT_THAT(evidence_of(site.finding()),
              testing::IsSupersetOf({"declared in team.yaml:11:5: gw.example.net:51820",
                                     "gw.example.net has the addresses 192.0.2.1, 192.0.2.2 now"}));
  resolution.at = Instant{std::chrono::minutes(8)};
  EXPECT_THAT(evidence_of(site.finding()),
              Contains(EndsWith("192.0.2.1, 192.0.2.2 now (looked up 2 min ago)")));
}

TEST(DriftReportOfEndpoints, CountsThoseThatFit) {
  Site site = with_endpoint("192.0.2.1:51820", "192.0.2.1:51820");
  EXPECT_THAT(site.lines("drift.endpoint"), ElementsAre("ok wg0: 1 peer has it as declared"));
  Peer& peer = site.device().peers.front();
  peer.endpoint = *Endpoint::parse("192.0.2.9:51820");
  peer.last_handshake = site.snapshot.taken.wall;
  EXPECT_THAT(site.lines("drift.endpoint"),
              ElementsAre("ok wg0: 1 peer roams with a live session"));
  config::DeclaredPeer second = declare_at(2, {});
  second.endpoint = *EndpointName::parse("192.0.2.2:51820");
  site.inventory.peers.push_back(second);
  add_peer(site.device(), 2, {}).endpoint = *Endpoint::parse("192.0.2.2:51820");
  EXPECT_THAT(site.lines("drift.endpoint"),
              ElementsAre("ok wg0: 1 peer has it as declared; 1 peer roams with a live session"));
}

TEST(DriftReportOfEndpoints, CountsThoseWhoseNamesAreNotKnown) {
  const Site site = with_endpoint("gw.example.net:51820", "192.0.2.9:51820");
  EXPECT_THAT(site.lines("drift.endpoint"),
              ElementsAre("unknown wg0: 1 peer was not compared: the addresses of the declared "
                          "name are not known"));
}

TEST(DriftReportOfEndpoints, SaysNothingOfPeersWithoutADeclaredOne) {
  Site site = with_peer(declare_at(1, {}));
  add_peer(site.device(), 1, {}).endpoint = *Endpoint::parse("192.0.2.9:51820");
  EXPECT_THAT(site.lines("drift.endpoint"), IsEmpty());
}

TEST(DriftReportOfEndpoints, DoesNotCompareThatOfARetiredKey) {
  Site site = with_endpoint("192.0.2.1:51820", "192.0.2.9:51820");
  site.inventory.peers[0].successor =
      config::Successor{key(11), std::chrono::sys_days(kToday) - std::chrono::days(1)};
  EXPECT_THAT(site.lines("drift.endpoint"), IsEmpty());
}

// --- endpoints that were watched ---

TEST(DriftReportOfWatching, NamesWhoAlternatesAndCountsTheOthers) {
  Site site = with_peer(declare_at(1, {}));
  add_peer(site.device(), 1, {});
  site.alternating.resize(kMostListed, {.netns = {},
                                        .interface = "wg0",
                                        .key = key(1),
                                        .one = *Endpoint::parse("192.0.2.1:1"),
                                        .other = *Endpoint::parse("192.0.2.2:1"),
                                        .returns = 4});
  EXPECT_THAT(site.lines("drift.watch"), IsEmpty()) << "nobody watched";
  site.watched = std::chrono::seconds(60);
  EXPECT_THAT(site.lines("drift.watch"), SizeIs(kMostListed));
  EXPECT_EQ(site.checks().back().target.plain(), "wg0 peer-1");
  site.alternating.push_back(site.alternating.front());
  EXPECT_EQ(site.lines("drift.watch").back(), "unknown: 1 more do, and are not listed");
  site.alternating.back().key = key(5);  // that nobody declared
  site.alternating.erase(site.alternating.begin(), site.alternating.end() - 1);
  EXPECT_EQ(site.checks().back().target.plain(), "wg0 " + key_text(5));
}

}  // namespace
}  // namespace wgscope::audit
