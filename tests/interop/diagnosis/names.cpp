// Name servers that are silent, that nobody runs, and that answer with an error.

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <poll.h>
#include <span>
#include <stop_token>
#include <string>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "wgscope/diagnosis/finding.hpp"
#include "wgscope/diagnosis/handshake.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/os/udp_socket.hpp"

#include "endpoint_fixture.hpp"
#include "place.hpp"
#include "scenario.hpp"
#include "udp_sockets.hpp"

namespace wgscope::test {
namespace {

using namespace std::chrono_literals;
using diagnosis::FindingId;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

/// Answers every question with one response code (RFC 1035 §4.1.1).
class FailingServer {
 public:
  FailingServer(const Place& place, const char* local, unsigned rcode) : rcode_(rcode) {
    inside(place.theirs.path(),
           [&] { socket_.emplace(must_open(Endpoint::parse(local).value())); });
    thread_ = std::jthread([this](const std::stop_token& stop) {
      while (!stop.stop_requested()) answer();
    });
  }

 private:
  void answer() {
    constexpr std::size_t kHeader = 12;
    pollfd wait{.fd = socket_->fd(), .events = POLLIN, .revents = 0};
    if (poll(&wait, 1, 100) <= 0) return;
    static_cast<void>(socket_->receive([&](const os::Received& query) {
      if (query.datagram.size() < kHeader) return;
      query.datagram[2] |= std::byte{0x80};                   // an answer
      query.datagram[3] = std::byte(0x80 | (rcode_ & 0x0f));  // recursion is available
      const os::SendBatch batch{query.from, query.datagram, query.datagram.size(), {}};
      static_cast<void>(socket_->send({&batch, 1}));
    }));
  }

  unsigned rcode_;
  std::optional<os::UdpSocket> socket_;
  std::jthread thread_;
};

/// The cause that is named, and what must not be.
auto expect_cause(const std::string& cause, const std::string& reason) {
  return [cause, reason](const Outcome& outcome) {
    expect_verdict(outcome, FindingId::name_server_silent);
    EXPECT_TRUE(outcome.facts.attempts.empty());
    const auto* finding = finding_of(outcome, FindingId::name_server_silent);
    ASSERT_NE(finding, nullptr) << outcome;
    EXPECT_THAT(finding->cause.plain(), HasSubstr(cause)) << outcome;
    EXPECT_THAT(text_of(*finding), HasSubstr(reason)) << outcome;
    EXPECT_LT(outcome.took, 8s) << outcome;
  };
}

Scenario a_server_answers(const char* name, unsigned rcode, const std::string& cause,
                          const std::string& reason) {
  const auto arrange = [rcode](Place& place, Probe& probe) {
    probe.beside = std::make_shared<FailingServer>(place, "10.2.0.1:53", rcode);
    probe.name_servers = "nameserver 10.2.0.1\n";
    probe.endpoint = "gw.example.net:51820";
  };
  return {name, arrange, [cause, reason](const Outcome& outcome) {
            expect_cause(cause, reason)(outcome);
            const auto* finding = finding_of(outcome, FindingId::name_server_silent);
            ASSERT_NE(finding, nullptr) << outcome;
            EXPECT_THAT(text_of(*finding), Not(HasSubstr("no name server answered")));
          }};
}

Scenario one_server_fails_beside_a_dead_one() {
  const auto arrange = [](Place& place, Probe& probe) {
    probe.beside = std::make_shared<FailingServer>(place, "10.2.0.1:53", 2);
    probe.name_servers =
        "options timeout:1 attempts:1\nnameserver 10.2.0.66\nnameserver 10.2.0.1\n";
    probe.endpoint = "gw.example.net:51820";
  };
  return {"OneNameServerFailsBesideADeadOne", arrange,
          expect_cause("10.2.0.1 answers SERVFAIL", "the name server 10.2.0.66")};
}

Scenario the_servers_are_dropped() {
  const auto arrange = [](Place& place, Probe& probe) {
    Place::add_rule(place.theirs, "input", "udp dport 53 drop");
    probe.name_servers = "options timeout:1 attempts:1\nnameserver 10.2.0.1\n";
    probe.endpoint = "gw.example.net:51820";
  };
  return {"TheNameServersAreSilent", arrange,
          expect_cause("no name server answered", "the name server 10.2.0.1 did not answer")};
}

}  // namespace

Scenarios name_scenarios() {
  return {a_server_answers("ANameServerFails", 2, "10.2.0.1 answers SERVFAIL", "DNSSEC"),
          a_server_answers("ANameServerRefuses", 5, "10.2.0.1 answers REFUSED",
                           "does not serve this host"),
          one_server_fails_beside_a_dead_one(), the_servers_are_dropped()};
}

}  // namespace wgscope::test
