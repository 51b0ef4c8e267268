// Whatever datagrams come to a session, in whatever order: the report has each of them, once.

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "wgscope/base/time.hpp"
#include "wgscope/checks/session_record.hpp"
#include "wgscope/diagnosis/check_kinds.hpp"
#include "wgscope/diagnosis/report.hpp"
#include "wgscope/diagnosis/session.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/os/udp_socket.hpp"
#include "wgscope/tunnel/event.hpp"

#include "checks/refused.hpp"

namespace wgscope::checks {
namespace {

using namespace std::chrono_literals;
using diagnosis::CheckKind;

const Endpoint kGateway = Endpoint::parse("192.0.2.1:51820").value();

class Arrivals {
 public:
  explicit Arrivals(std::uint32_t seed) : random_(seed) {}

  tunnel::Event refused() {
    constexpr std::array<std::uint16_t, 6> kSizes{0, 5, 32, 64, 92, 148};
    tunnel::Event event;
    event.address = Endpoint{address(), 0, static_cast<std::uint16_t>(below(3))};
    event.reason = static_cast<tunnel::DropReason>(below(tunnel::kDropReasonCount));
    event.size = kSizes.at(below(kSizes.size()));
    event.begins[0] = static_cast<std::byte>(below(6));
    event.begins[1] = static_cast<std::byte>(below(9));
    event.never_ours = event.reason == tunnel::DropReason::unknown_index && below(2) == 0;
    return event;
  }

  os::SocketError error() {
    os::SocketError made;
    made.origin = os::SocketError::Origin::icmp;
    made.sys_errno = ECONNREFUSED;
    made.offender = address();
    made.type = 3;
    made.code = static_cast<std::uint8_t>(below(16));
    return made;
  }

  std::size_t below(std::size_t limit) { return random_() % limit; }

 private:
  IpAddress address() {
    constexpr std::array kAddresses{"192.0.2.1", "198.51.100.7", "203.0.113.9"};
    return IpAddress::parse(kAddresses.at(below(kAddresses.size()))).value();
  }

  std::mt19937 random_;
};

/// The number that a line begins with.
std::size_t count_of(std::string_view line) {
  std::size_t count = 0;
  const auto read = std::from_chars(line.data(), line.data() + line.size(), count);
  EXPECT_EQ(read.ec, std::errc()) << line;
  return count;
}

std::size_t sum_of(const std::vector<diagnosis::Text>& lines) {
  std::size_t sum = 0;
  for (const diagnosis::Text& line : lines) sum += count_of(line.plain());
  return sum;
}

/// Of "after the handshake also came 2 …; 3 …".
std::size_t told_in(const diagnosis::Report& report) {
  const auto check = std::ranges::find(report.checks, "tunnel.strays", &diagnosis::Check::name);
  if (check == report.checks.end()) return 0;
  const std::string said = check->summary.plain();
  constexpr std::string_view kBegin = "after the handshake also came ";
  EXPECT_TRUE(said.starts_with(kBegin)) << said;
  std::size_t sum = 0;
  for (std::size_t at = kBegin.size(); at < said.size();) {
    const std::size_t end = std::min(said.find("; ", at), said.size());
    sum += count_of(std::string_view(said).substr(at, end - at));
    at = end + 2;
  }
  return sum;
}

diagnosis::Report report_of_handshake() {
  diagnosis::Report report;
  report.checks = {make_check(CheckKind::key_use, diagnosis::Status::ok, "free"),
                   make_check(CheckKind::path_icmp, diagnosis::Status::ok, "no error"),
                   make_check(CheckKind::tunnel_data, diagnosis::Status::ok, "3 of 3 answered"),
                   make_check(CheckKind::ping_reply, diagnosis::Status::ok, "answered")};
  return report;
}

TEST(AnyArrivals, AreEachInTheReportOnce) {
  for (std::uint32_t seed = 0; seed < 500 && !testing::Test::HasFailure(); ++seed) {
    SCOPED_TRACE(seed);
    Arrivals arrivals(seed);
    SessionRecord record;
    std::size_t at_first = 0;
    for (std::size_t i = arrivals.below(60); i > 0; --i) {
      const tunnel::Event event = arrivals.refused();
      record.refuse(event);
      // The attempt counts these by itself.
      const bool elsewhere =
          event.reason == tunnel::DropReason::cookie_unexpected || is_late_response(event);
      if (!elsewhere) ++at_first;
    }
    EXPECT_EQ(sum_of(describe(record.refused_at_first())), at_first);
    record.begin(Instant{1h});
    diagnosis::Report report = report_of_handshake();
    std::size_t later = 0;
    for (int part = 0; part < 3; ++part) {  // a report is amended after each part of a run
      for (std::size_t i = arrivals.below(90); i > 0; --i, ++later)
        record.refuse(arrivals.refused());
      diagnosis::amend(record.facts(Instant{1h} + 5s, kGateway, {}), report);
      EXPECT_EQ(told_in(report), later);
    }
    EXPECT_TRUE(std::ranges::is_sorted(report.checks, {}, &diagnosis::Check::layer));
  }
}

TEST(AnyArrivals, OfErrorsAreCountedAtAnyTime) {
  for (std::uint32_t seed = 0; seed < 200; ++seed) {
    Arrivals arrivals(seed);
    SessionRecord record;
    record.begin(Instant{1h});
    const std::size_t sent = 1 + arrivals.below(80);
    for (std::size_t i = 0; i < sent; ++i)
      record.take_error(Instant{1h} + i * 1s, arrivals.error());
    const auto facts = record.facts(Instant{1h} + 99s, kGateway, {});
    std::size_t counted = 0;
    for (const diagnosis::LaterIcmp& one : facts.icmp) counted += one.report.count;
    EXPECT_EQ(counted, sent);
    diagnosis::Report report = report_of_handshake();
    diagnosis::amend(facts, report);
    const auto icmp = std::ranges::find(report.checks, "path.icmp", &diagnosis::Check::name);
    EXPECT_NE(icmp->status, diagnosis::Status::ok) << "no tick where errors came last";
  }
}

}  // namespace
}  // namespace wgscope::checks
