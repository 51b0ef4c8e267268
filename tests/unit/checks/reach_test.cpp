#include "wgscope/checks/reach.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "wgscope/base/time.hpp"
#include "wgscope/config/expectations.hpp"
#include "wgscope/diagnosis/reach.hpp"
#include "wgscope/inner/event.hpp"
#include "wgscope/inner/host.hpp"
#include "wgscope/inner/tcp.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/os/clock.hpp"
#include "wgscope/os/poll_loop.hpp"

#include "reach_fixture.hpp"

namespace wgscope::checks {
namespace {

using namespace std::chrono_literals;
using config::Expectation;
using diagnosis::ReachOutcome;
using diagnosis::ReachResult;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;
using enum config::ReachKind;

IpAddress address(std::string_view text) { return IpAddress::parse(text).value(); }

std::vector<ReachOutcome> outcomes(const ReachResult& result) {
  std::vector<ReachOutcome> all;
  for (const diagnosis::ReachTry& tried : result.tries) all.push_back(tried.outcome);
  return all;
}

TEST_F(ReachInTunnel, TellsWhatAnswersFromWhatRefusesThreeTimesEach) {
  ASSERT_TRUE(gateway_.endpoint().host().tcp().listen(22));
  const auto facts =
      reach({open(tcp, "10.9.0.1:22"), open(tcp, "[fd09::1]:23"), open(icmp, "10.9.0.1"),
             open(icmp, "fd09::1"), open(udp, "10.9.0.1:9")});
  using enum ReachOutcome;
  ASSERT_THAT(facts.results, SizeIs(5));
  EXPECT_THAT(outcomes(facts.results[0]), ElementsAre(answered, answered, answered));
  EXPECT_THAT(outcomes(facts.results[1]), ElementsAre(refused, refused, refused));
  EXPECT_THAT(outcomes(facts.results[2]), ElementsAre(answered, answered, answered));
  EXPECT_THAT(outcomes(facts.results[3]), ElementsAre(answered, answered, answered));
  EXPECT_THAT(outcomes(facts.results[4]), ElementsAre(refused, refused, refused));
  for (const ReachResult& result : facts.results) {
    EXPECT_FALSE(result.given_up);
    EXPECT_TRUE(result.tunnel_proven);
    for (const auto& tried : result.tries) EXPECT_GT(tried.after, 0ns);
  }
  EXPECT_TRUE(facts.heard);
  EXPECT_EQ(facts.results[4].tries[0].icmp->from, address("10.9.0.1"));
  EXPECT_FALSE(facts.resolve_time);
}

TEST_F(ReachInTunnel, AsksAsOftenAsTheExpectationSays) {
  Expectation once = open(icmp, "10.9.0.1");
  once.tries = 1;
  options_.tries = 5;
  const auto facts = reach({once, open(icmp, "10.9.0.1")});
  EXPECT_THAT(facts.results.at(0).tries, SizeIs(1));
  EXPECT_THAT(facts.results.at(1).tries, SizeIs(5));
}

TEST_F(ReachInTunnel, LeavesNoConnectionBehind) {
  auto& tcp_side = gateway_.endpoint().host().tcp();
  ASSERT_TRUE(tcp_side.listen(22));
  std::vector<inner::TcpId> accepted;
  std::size_t ended = 0;
  gateway_.on_inner = [&](const inner::Event& event) {
    if (const auto* one = std::get_if<inner::TcpAccepted>(&event)) accepted.push_back(one->id);
    if (std::get_if<inner::TcpEnded>(&event) != nullptr) ++ended;
  };
  reach({open(tcp, "10.9.0.1:22")});
  EXPECT_TRUE(run_.wait([&] { return ended == 3; }, os::boot_now() + 10s));
  EXPECT_THAT(accepted, SizeIs(3));
  EXPECT_EQ(session_->host().tcp().connections(), 0U);
}

TEST_F(ReachInTunnel, HearsADatagramComeBack) {
  inner::Host& host = gateway_.endpoint().host();
  ASSERT_TRUE(host.bind_udp(7));
  gateway_.on_inner = [&](const inner::Event& event) {
    if (const auto* received = std::get_if<inner::UdpReceived>(&event)) {
      EXPECT_FALSE(received->payload.empty());
      ASSERT_TRUE(host.send_udp({.to = received->from, .from_port = 7}, received->payload));
    }
  };
  EXPECT_THAT(outcomes(reach({open(udp, "10.9.0.1:7")}).results.at(0)),
              testing::Each(ReachOutcome::answered));
}

TEST_F(ReachInTunnel, TakesADatagramFromElsewhereForNoAnswer) {
  be_impatient();
  inner::Host& host = gateway_.endpoint().host();
  ASSERT_TRUE(host.bind_udp(7));
  gateway_.on_inner = [&](const inner::Event& event) {
    if (const auto* received = std::get_if<inner::UdpReceived>(&event)) {
      ASSERT_TRUE(host.send_udp({.to = received->from, .from_port = 8}, received->payload));
    }
  };
  EXPECT_THAT(outcomes(reach({open(udp, "10.9.0.1:7")}).results.at(0)),
              testing::Each(ReachOutcome::silent));
}

/// Answers every GET on a port with these bytes, once the request is whole.
class HttpServer {
 public:
  HttpServer(inner::Host& host, std::string answer) : host_(host), answer_(std::move(answer)) {
    EXPECT_TRUE(host.tcp().listen(80));
  }
  void operator()(const inner::Event& event) {
    const auto* readable = std::get_if<inner::TcpReadable>(&event);
    if (readable == nullptr) return;
    std::array<char, 2048> bytes{};
    const std::size_t count =
        host_.tcp().receive(readable->id, std::as_writable_bytes(std::span(bytes)));
    request_.append(bytes.data(), count);
    if (!request_.ends_with("\r\n\r\n")) return;
    requests.push_back(std::move(request_));
    request_.clear();
    host_.tcp().send(readable->id, std::as_bytes(std::span(answer_)));
    if (closes) host_.tcp().close(readable->id);
  }

  std::vector<std::string> requests;
  bool closes = true;

 private:
  inner::Host& host_;
  std::string answer_;
  std::string request_;
};

TEST_F(ReachInTunnel, ReadsAnHttpStatus) {
  HttpServer server(gateway_.endpoint().host(), "HTTP/1.1 404 Gone\r\nContent-Length: 0\r\n\r\n");
  gateway_.on_inner = [&](const inner::Event& event) { server(event); };
  options_.tries = 1;
  const auto facts = reach({open(http, "http://10.9.0.1/health?full=1")});
  EXPECT_THAT(outcomes(facts.results.at(0)), ElementsAre(ReachOutcome::answered));
  EXPECT_EQ(facts.results[0].tries[0].http_status, 404);
  ASSERT_THAT(server.requests, SizeIs(1));
  EXPECT_THAT(server.requests[0],
              testing::StartsWith("GET /health?full=1 HTTP/1.1\r\nHost: 10.9.0.1\r\n"));
}

/// The status line and the headers decide: a body may be slow, long, broken or encoded in any way.
TEST_F(ReachInTunnel, WaitsForNoHttpBody) {
  be_impatient();
  options_.tries = 1;
  const std::string head = "HTTP/1.1 200 OK\r\n";
  for (const bool closes : {false, true})
    for (const std::string body :
         {"Content-Length: 1000000000\r\n\r\nbegin", "Transfer-Encoding: chunked\r\n\r\n",
          "Transfer-Encoding: chunked\r\n\r\nnonsense\r\n", "\r\nfor ever",
          "Transfer-Encoding: gzip\r\n\r\n"}) {
      HttpServer server(gateway_.endpoint().host(), head + body);
      server.closes = closes;
      gateway_.on_inner = [&](const inner::Event& event) { server(event); };
      const auto facts = reach({open(http, "http://10.9.0.1/")});
      EXPECT_THAT(outcomes(facts.results.at(0)), ElementsAre(ReachOutcome::answered)) << body;
      EXPECT_EQ(facts.results[0].tries[0].http_status, 200);
      EXPECT_EQ(session_->host().tcp().connections(), 0U) << "what follows is refused";
      gateway_.endpoint().host().tcp().stop_listening(80);
    }
}

TEST_F(ReachInTunnel, TakesAnHttpHeadThatDoesNotEndForNoAnswer) {
  be_impatient();
  options_.tries = 1;
  HttpServer server(gateway_.endpoint().host(), "HTTP/1.1 200 OK\r\nServer: x\r\n");
  server.closes = false;
  gateway_.on_inner = [&](const inner::Event& event) { server(event); };
  EXPECT_THAT(outcomes(reach({open(http, "http://10.9.0.1/")}).results.at(0)),
              ElementsAre(ReachOutcome::stalled));
}

TEST_F(ReachInTunnel, KeepsTheHopLimitOfEchoReplies) {
  options_.tries = 1;
  EXPECT_EQ(reach({open(icmp, "10.9.0.1")}).results.at(0).tries.at(0).hop_limit, 64);
}

TEST_F(ReachInTunnel, TellsAnHttpServerThatIsNone) {
  HttpServer server(gateway_.endpoint().host(), "SSH-2.0-x\r\n");
  gateway_.on_inner = [&](const inner::Event& event) { server(event); };
  options_.tries = 1;
  EXPECT_THAT(outcomes(reach({open(http, "http://10.9.0.1/")}).results.at(0)),
              ElementsAre(ReachOutcome::broken));
}

TEST_F(ReachInTunnel, TellsAnHttpServerThatConnectsAndSaysNothing) {
  be_impatient();
  ASSERT_TRUE(gateway_.endpoint().host().tcp().listen(80));
  options_.tries = 1;
  EXPECT_THAT(outcomes(reach({open(http, "http://10.9.0.1/")}).results.at(0)),
              ElementsAre(ReachOutcome::stalled));
  EXPECT_THAT(outcomes(reach({open(http, "http://10.9.0.1:81/")}).results.at(0)),
              ElementsAre(ReachOutcome::refused));
}

/// A name server that knows one name, with one IPv4 address.
class NameServer {
 public:
  NameServer(inner::Host& host, IpAddress knows) : host_(host), knows_(knows) {
    EXPECT_TRUE(host.bind_udp(53));
  }
  void operator()(const inner::Event& event) {
    const auto* query = std::get_if<inner::UdpReceived>(&event);
    if (query == nullptr || query->to_port != 53) return;
    ++queries;
    std::vector<std::byte> answer(query->payload.begin(), query->payload.end());
    const bool asks_for_a = std::to_integer<int>(answer[answer.size() - 3]) == 1;
    const bool known =
        std::ranges::search(answer, std::as_bytes(std::span("intranet", 8))).size() > 0;
    answer[2] = std::byte{0x81};
    answer[3] = known ? std::byte{0x80} : std::byte{0x83};  // NXDOMAIN
    if (known && asks_for_a) {
      answer[7] = std::byte{1};
      for (const unsigned value : {0xc0U, 0x0cU, 0U, 1U, 0U, 1U, 0U, 0U, 0U, 60U, 0U, 4U})
        answer.push_back(static_cast<std::byte>(value));
      for (const std::byte octet : knows_.octets()) answer.push_back(octet);
    }
    EXPECT_TRUE(host_.send_udp({.to = query->from, .from_port = 53}, answer));
  }

  int queries = 0;

 private:
  inner::Host& host_;
  IpAddress knows_;
};

TEST_F(ReachInTunnel, AsksANameServer) {
  NameServer server(gateway_.endpoint().host(), address("10.9.0.7"));
  gateway_.on_inner = [&](const inner::Event& event) { server(event); };
  options_.tries = 1;
  const auto facts = reach({open(dns, "intranet.example@10.9.0.1"),
                            open(dns, "elsewhere.example@10.9.0.1"), open(dns, "a@10.9.0.1:54")});
  ASSERT_TRUE(facts.results.at(0).tries.at(0).dns);
  EXPECT_EQ(facts.results[0].tries[0].dns->rcode, "NOERROR");
  EXPECT_THAT(facts.results[0].tries[0].dns->addresses, ElementsAre(address("10.9.0.7")));
  EXPECT_EQ(facts.results[1].tries.at(0).dns->rcode, "NXDOMAIN");
  EXPECT_THAT(outcomes(facts.results[2]), ElementsAre(ReachOutcome::refused));
}

TEST_F(ReachInTunnel, LooksNamesUpInsideTheTunnelOnceEach) {
  NameServer server(gateway_.endpoint().host(), address("10.9.0.1"));
  gateway_.on_inner = [&](const inner::Event& event) { server(event); };
  ASSERT_TRUE(gateway_.endpoint().host().tcp().listen(22));
  options_.dns = {address("10.9.0.1")};
  const auto facts = reach({open(tcp, "intranet.example:22"), open(icmp, "intranet.example"),
                            open(tcp, "elsewhere.example:22")});
  EXPECT_EQ(facts.results.at(0).address, address("10.9.0.1"));
  EXPECT_THAT(outcomes(facts.results[0]), testing::Each(ReachOutcome::answered));
  EXPECT_THAT(outcomes(facts.results[1]), testing::Each(ReachOutcome::answered));
  EXPECT_EQ(facts.results[0].name_server, address("10.9.0.1"));
  EXPECT_FALSE(facts.results[2].address);
  ASSERT_TRUE(facts.results[2].resolve_error);
  EXPECT_EQ(facts.results[2].resolve_error->context, "the answer is NXDOMAIN");
  EXPECT_THAT(facts.results[2].tries, IsEmpty());
  EXPECT_EQ(server.queries, 2);
  EXPECT_TRUE(facts.resolve_time);
}

TEST_F(ReachInTunnel, AsksTheNextNameServerWhenOneIsSilent) {
  be_impatient();
  NameServer server(gateway_.endpoint().host(), address("10.9.0.1"));
  gateway_.on_inner = [&](const inner::Event& event) { server(event); };
  options_.dns = {address("10.9.0.99"), address("10.9.0.1")};
  const auto facts = reach({open(icmp, "intranet.example")});
  EXPECT_EQ(facts.results.at(0).address, address("10.9.0.1"));
  options_.dns = {address("10.9.0.99")};
  const auto nobody = reach({open(icmp, "intranet.example")});
  ASSERT_TRUE(nobody.results.at(0).resolve_error);
  EXPECT_EQ(nobody.results[0].resolve_error->code, Errc::timeout);
  EXPECT_EQ(nobody.results[0].name_server, address("10.9.0.99"));
}

TEST_F(ReachInTunnel, AsksTheSystemForNamesWhereNoServerLiesInsideTheTunnel) {
  options_.dns = {address("192.0.2.53")};
  options_.allowed_ips.push_back(Prefix::parse("127.0.0.0/8").value());
  be_impatient();
  const auto facts = reach({open(tcp, "localhost:22"), open(tcp, "a.invalid:22")});
  EXPECT_EQ(facts.results.at(0).address, address("127.0.0.1"));
  EXPECT_FALSE(facts.results[0].name_server);
  EXPECT_TRUE(facts.results.at(1).resolve_error);
}

TEST_F(ReachInTunnel, SendsNothingToWhatTheTunnelDoesNotCarry) {
  const auto facts = reach({open(icmp, "192.0.2.1"), closed("tcp:192.0.2.1:22")});
  for (const ReachResult& result : facts.results) {
    EXPECT_TRUE(result.not_allowed);
    EXPECT_THAT(result.tries, IsEmpty());
    EXPECT_FALSE(result.given_up);
  }
}

TEST_F(ReachInTunnel, SaysWhatItCouldNotSend) {
  options_.allowed_ips.push_back(Prefix::parse("127.0.0.0/8").value());
  const auto facts =
      reach({open(icmp, "10.9.0.2"), open(tcp, "10.9.0.2:22"), open(tcp, "127.0.0.1:22")});
  for (const ReachResult& result : facts.results)
    EXPECT_THAT(outcomes(result), ElementsAre(ReachOutcome::not_sent));
}

/// Whether it is the port, the host or the tunnel that is silent.
TEST_F(ReachInTunnel, PingsTheHostOfASilentTargetAndWhatShouldAnswer) {
  be_impatient();
  const auto facts = reach({open(tcp, "10.9.0.99:22")});
  EXPECT_EQ(facts.heard, address("10.9.0.1"));
  ASSERT_EQ(facts.pings.size(), 2U);
  EXPECT_EQ(facts.pings[0].address, address("10.9.0.99"));
  EXPECT_THAT(outcomes(facts.pings[0]),
              ElementsAre(ReachOutcome::silent, ReachOutcome::silent, ReachOutcome::silent));
  EXPECT_EQ(facts.pings[1].address, address("10.9.0.1"));
  EXPECT_EQ(facts.pings[1].tries.front().outcome, ReachOutcome::answered);
  EXPECT_EQ(facts.results.at(0).source, address("10.9.0.2"));
  EXPECT_EQ(facts.results.size(), 1U) << "pings beside are no targets";
}

TEST_F(ReachInTunnel, PingsNobodyBesideTargetsThatAnswer) {
  ASSERT_TRUE(gateway_.endpoint().host().tcp().listen(22));
  EXPECT_TRUE(reach({open(tcp, "10.9.0.1:22"), open(tcp, "10.9.0.1:23")}).pings.empty());
}

TEST_F(ReachInTunnel, ProvesSilenceByAControlThatAnswersAfterIt) {
  be_impatient();
  const auto facts = reach({closed("tcp:10.9.0.99:22"), closed("icmp:fd09::99")});
  for (const ReachResult& result : facts.results) {
    EXPECT_THAT(outcomes(result),
                ElementsAre(ReachOutcome::silent, ReachOutcome::silent, ReachOutcome::silent));
    EXPECT_TRUE(result.tunnel_proven);
  }
  EXPECT_THAT(facts.controls, ElementsAre(address("10.9.0.1"), address("fd09::1")));
}

TEST_F(ReachInTunnel, ProvesSilenceByAskingAgainWhatAnsweredWhereNoControlDoes) {
  be_impatient();
  ASSERT_TRUE(gateway_.endpoint().host().tcp().listen(22));
  options_.controls = {address("10.9.0.98")};
  const auto facts = reach({closed("tcp:10.9.0.99:22"), open(tcp, "10.9.0.1:22")});
  EXPECT_TRUE(facts.results.at(0).tunnel_proven);
  const auto alone = reach({closed("tcp:10.9.0.99:22")});
  EXPECT_FALSE(alone.results.at(0).tunnel_proven);
  EXPECT_FALSE(alone.heard);
}

TEST_F(ReachInTunnel, ProvesNothingByAnAnswerFromBeforeTheTunnelDied) {
  be_impatient();
  ASSERT_TRUE(gateway_.endpoint().host().tcp().listen(22));
  std::size_t asked = 0;
  gateway_.on_inner = [&](const inner::Event& event) {
    if (std::get_if<inner::TcpAccepted>(&event) != nullptr) ++asked;
  };
  connect(gateway_.target());
  bool dead = false;
  const auto watch =
      run_.loop().add({.next = [&]() -> std::optional<Instant> {
                         return asked >= 1 && !dead ? std::optional(Instant{}) : std::nullopt;
                       },
                       .expired =
                           [&](Instant) {
                             dead = true;
                             gateway_.forget_probe();
                           }});
  options_.tries = 2;
  Expectation once = open(tcp, "10.9.0.1:22");
  once.tries = 1;
  const auto facts = reach({once, closed("tcp:10.9.0.99:22")});
  EXPECT_THAT(outcomes(facts.results.at(0)), ElementsAre(ReachOutcome::answered));
  EXPECT_TRUE(facts.heard);
  EXPECT_TRUE(dead);
  EXPECT_FALSE(facts.results.at(1).tunnel_proven);
}

TEST_F(ReachInTunnel, StopsAskingWhatMustBeClosedAtTheFirstAnswer) {
  ASSERT_TRUE(gateway_.endpoint().host().tcp().listen(22));
  const auto facts =
      reach({closed("tcp:10.9.0.1:22"), closed("tcp:10.9.0.1:23"), closed("udp:10.9.0.1:9")});
  EXPECT_THAT(outcomes(facts.results.at(0)), ElementsAre(ReachOutcome::answered));
  EXPECT_THAT(outcomes(facts.results.at(1)), ElementsAre(ReachOutcome::refused));
  EXPECT_THAT(outcomes(facts.results.at(2)), ElementsAre(ReachOutcome::refused));
}

TEST_F(ReachInTunnel, GivesWhatItKnowsWhenTheUserHasHadEnough) {
  bool answered = false;
  gateway_.on_inner = [&](const inner::Event&) {};
  connect(gateway_.target());
  const Instant soon = os::boot_now() + 300ms;
  const auto watch = run_.loop().add({.next = [&]() -> std::optional<Instant> {
                                        return answered ? std::nullopt : std::optional(soon);
                                      },
                                      .expired =
                                          [&](Instant) {
                                            answered = true;
                                            run_.interrupt();
                                          }});
  const auto facts = reach({open(icmp, "10.9.0.1"), closed("tcp:10.9.0.99:22")});
  EXPECT_THAT(outcomes(facts.results.at(0)), testing::Each(ReachOutcome::answered));
  EXPECT_FALSE(facts.results[0].given_up);
  EXPECT_TRUE(facts.results.at(1).given_up);
}

TEST_F(ReachInTunnel, EndsAtItsDeadline) {
  connect(gateway_.target());
  const Instant begun = os::boot_now();
  options_.deadline = begun + 200ms;
  const auto facts = reach({open(tcp, "10.9.0.99:22")});
  EXPECT_TRUE(facts.results.at(0).given_up);
  EXPECT_LT(os::boot_now() - begun, 1500ms);
}

/// A gateway that takes packets from one of the probe's addresses only.
class ReachOverIPv4Only : public ReachInTunnel {
 protected:
  ReachOverIPv4Only() : ReachInTunnel({.allowed_ips = {"10.9.0.2/32"}}) {}
};

TEST_F(ReachOverIPv4Only, DoesNotProveSilenceOfOneAddressByAnAnswerToAnother) {
  be_impatient();
  ASSERT_TRUE(gateway_.endpoint().host().tcp().listen(22));
  const auto facts =
      reach({open(icmp, "10.9.0.1"), closed("tcp:10.9.0.99:22"), closed("tcp:[fd09::1]:22")});
  EXPECT_TRUE(facts.results.at(1).tunnel_proven);
  EXPECT_THAT(outcomes(facts.results.at(2)), testing::Each(ReachOutcome::silent));
  EXPECT_FALSE(facts.results[2].tunnel_proven) << "the port is open: only our packets are dropped";
}

}  // namespace
}  // namespace wgscope::checks
