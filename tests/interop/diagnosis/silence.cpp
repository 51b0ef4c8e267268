// Nothing comes back, for reasons that what is tried beside the handshake tells apart.

#include <algorithm>
#include <chrono>
#include <memory>
#include <optional>
#include <poll.h>
#include <span>
#include <stop_token>
#include <string>
#include <thread>

#include <gtest/gtest.h>

#include "wgscope/diagnosis/finding.hpp"
#include "wgscope/diagnosis/handshake.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/os/udp_socket.hpp"
#include "wgscope/wire/message.hpp"

#include "endpoint_fixture.hpp"
#include "place.hpp"
#include "scenario.hpp"
#include "udp_sockets.hpp"

namespace wgscope::test {
namespace {

using namespace std::chrono_literals;
using diagnosis::FindingId;

/// Enough for one retry, and for what silence is asked.
constexpr auto kTimeout = 8s;

Scenario dropped(const std::string& name, Family family, const std::string& rule, FindingId finds) {
  const auto arrange = [=](Place& place, Probe& probe) {
    Place::add_rule(place.theirs, "input", rule);
    probe.endpoint = Place::outer(family);
    probe.options.timeout = kTimeout;
  };
  const auto expect = [=](const Outcome& outcome) {
    expect_verdict(outcome, finds);
    ASSERT_EQ(outcome.facts.attempts.size(), 1U);
    EXPECT_GE(outcome.facts.attempts[0].initiations, 2U);
    EXPECT_TRUE(outcome.facts.attempts[0].icmp.empty());
    EXPECT_LT(outcome.took, kTimeout + 3s);
  };
  return {named(name, family), arrange, expect};
}

/// As deep packet inspection does: what has the type and the length of an initiation.
Scenario initiations_are_filtered_on_the_way(Family family) {
  const auto arrange = [family](Place& place, Probe& probe) {
    Place::add_rule(place.router, "forward", "udp length 156 @th,64,32 0x01000000 drop");
    probe.endpoint = Place::outer(family);
    probe.options.timeout = kTimeout;
  };
  const auto expect = [](const Outcome& outcome) {
    expect_verdict(outcome, FindingId::wireguard_filtered);
  };
  return {named("InitiationsAreFilteredOnTheWay", family), arrange, expect};
}

Scenario the_way_ends_at_the_router() {
  const auto arrange = [](Place& place, Probe& probe) {
    Place::add_rule(place.router, "forward", "drop");
    probe.options.timeout = kTimeout;
  };
  const auto expect = [](const Outcome& outcome) {
    expect_verdict(outcome, FindingId::silent);
    ASSERT_EQ(outcome.facts.attempts.size(), 1U);
    ASSERT_TRUE(outcome.facts.attempts[0].silence) << outcome;
    const auto& hops = outcome.facts.attempts[0].silence->hops;
    ASSERT_FALSE(hops.empty()) << outcome;
    ASSERT_TRUE(hops[0].from) << outcome;
    EXPECT_EQ(hops[0].from->to_string(), Place::kRouter);
    EXPECT_FALSE(std::ranges::any_of(hops, &diagnosis::Hop::arrived));
  };
  return {"TheWayEndsAtTheRouter", arrange, expect};
}

Scenario quick_in_silence() {
  const auto arrange = [](Place& place, Probe& probe) {
    Place::add_rule(place.theirs, "input", "drop");
    probe.options.quick = true;
  };
  const auto expect = [](const Outcome& outcome) {
    expect_verdict(outcome, FindingId::silent);
    EXPECT_LT(outcome.took, 10s);
  };
  return {"QuickInSilence", arrange, expect};
}

Scenario interrupted_in_silence() {
  const auto arrange = [](Place& place, Probe& probe) {
    Place::add_rule(place.theirs, "input", "drop");
    probe.interrupted_after = 1s;
  };
  const auto expect = [](const Outcome& outcome) {
    EXPECT_LT(outcome.took, 3s);
    EXPECT_TRUE(outcome.facts.interrupted);
    ASSERT_EQ(outcome.facts.attempts.size(), 1U) << outcome;
    EXPECT_EQ(outcome.facts.attempts[0].initiations, 1U);
    EXPECT_TRUE(outcome.facts.attempts[0].given_up);
    EXPECT_FALSE(outcome.has_session);
    EXPECT_EQ(overall(outcome.report), diagnosis::Status::unknown) << outcome;
  };
  return {"InterruptedInSilence", arrange, expect};
}

Scenario one_of_two_addresses_is_dead() {
  const auto arrange = [](Place&, Probe& probe) {
    probe.hosts = "10.2.0.66 gw.example.net\n10.2.0.1 gw.example.net\n";
    probe.endpoint = "gw.example.net:51820";
    probe.options.timeout = kTimeout;
  };
  const auto expect = [](const Outcome& outcome) {
    expect_verdict(outcome, FindingId::some_addresses_fail);
    EXPECT_EQ(outcome.facts.attempts.size(), 2U);
    EXPECT_TRUE(outcome.has_session);
    EXPECT_TRUE(outcome.gateway_saw_handshake);
  };
  return {"OneOfTwoAddressesIsDead", arrange, expect};
}

Scenario the_first_initiation_is_lost() {
  const auto arrange = [](Place& place, Probe&) {
    // 176 bytes with its headers: with the second one the quota is over.
    Place::add_rule(place.router, "forward", "udp dport 51820 quota until 200 bytes drop");
  };
  const auto expect = [](const Outcome& outcome) {
    expect_verdict(outcome, FindingId::answered_late);
    ASSERT_EQ(outcome.facts.attempts.size(), 1U);
    EXPECT_EQ(outcome.facts.attempts[0].answered_initiation, 2U);
    EXPECT_TRUE(outcome.has_session);
    EXPECT_TRUE(outcome.gateway_saw_handshake);
  };
  return {"TheFirstInitiationIsLost", arrange, expect};
}

/// Answers what comes with cookie replies that nobody made with the gateway's key.
class Forger {
 public:
  explicit Forger(const Place& place) {
    inside(place.theirs.path(),
           [&] { socket_.emplace(must_open(Endpoint::parse("0.0.0.0:51820").value())); });
    thread_ = std::jthread([this](const std::stop_token& stop) {
      while (!stop.stop_requested()) answer();
    });
  }

 private:
  void answer() {
    pollfd wait{.fd = socket_->fd(), .events = POLLIN, .revents = 0};
    if (poll(&wait, 1, 100) <= 0) return;
    static_cast<void>(socket_->receive([&](const os::Received& initiation) {
      if (initiation.datagram.size() != wire::kInitiationSize) return;
      auto reply = pattern(wire::kCookieReplySize);
      wire::write_type(wire::MessageType::cookie_reply, std::span(reply).first<4>());
      // Who is meant: the initiation's sender index (whitepaper §5.4.7).
      std::ranges::copy(initiation.datagram.subspan(4, 4), reply.begin() + 4);
      const os::SendBatch batch{initiation.from, reply, reply.size(), {}};
      static_cast<void>(socket_->send({&batch, 1}));
    }));
  }

  std::optional<os::UdpSocket> socket_;
  std::jthread thread_;
};

Scenario cookies_are_forged() {
  const auto arrange = [](Place& place, Probe& probe) {
    place.gateway.listen_on(51821);
    probe.beside = std::make_shared<Forger>(place);
    probe.options.timeout = kTimeout;
  };
  const auto expect = [](const Outcome& outcome) {
    ASSERT_NE(finding_of(outcome, FindingId::cookie_not_authentic), nullptr) << outcome;
    EXPECT_EQ(overall(outcome.report), diagnosis::Status::critical) << outcome;
    ASSERT_EQ(outcome.facts.attempts.size(), 1U);
    EXPECT_GE(outcome.facts.attempts[0].forged_cookies, 2U);
    EXPECT_EQ(outcome.facts.attempts[0].cookies, 0U);
  };
  return {"CookiesAreForged", arrange, expect};
}

Scenario no_name_server_answers() {
  const auto arrange = [](Place&, Probe& probe) {
    probe.name_servers = "nameserver 10.2.0.1\n";  // says that nothing listens there
    probe.endpoint = "gw.example.net:51820";
  };
  const auto expect = [](const Outcome& outcome) {
    expect_verdict(outcome, FindingId::name_server_silent);
    EXPECT_TRUE(outcome.facts.attempts.empty());
    ASSERT_EQ(outcome.facts.name_servers.size(), 1U) << outcome;
    EXPECT_TRUE(outcome.facts.name_servers[0].unreachable) << outcome;
  };
  return {"NoNameServerAnswers", arrange, expect};
}

}  // namespace

Scenarios silence_scenarios() {
  Scenarios all{the_way_ends_at_the_router(),   quick_in_silence(),
                interrupted_in_silence(),       one_of_two_addresses_is_dead(),
                the_first_initiation_is_lost(), cookies_are_forged(),
                no_name_server_answers()};
  for (const Family family : {Family::v4, Family::v6}) {
    all.push_back(
        dropped("ThePortIsDropped", family, "udp dport 51820 drop", FindingId::silent_host_up));
    // Neighbours find each other by ICMPv6.
    all.push_back(dropped("AllIsDropped", family,
                          "icmpv6 type != { nd-neighbor-solicit, nd-neighbor-advert } drop; "
                          "meta l4proto != icmpv6 drop",
                          FindingId::silent));
    all.push_back(initiations_are_filtered_on_the_way(family));
  }
  return all;
}

}  // namespace wgscope::test
