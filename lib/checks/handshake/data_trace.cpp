#include "data_trace.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "wgscope/base/time.hpp"
#include "wgscope/checks/run.hpp"
#include "wgscope/checks/session.hpp"
#include "wgscope/diagnosis/handshake.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/os/clock.hpp"
#include "wgscope/os/poll_loop.hpp"
#include "wgscope/os/udp_socket.hpp"
#include "wgscope/wire/message.hpp"

#include "checks/icmp_error.hpp"
#include "checks/small_socket.hpp"

namespace wgscope::checks {
namespace {

using namespace std::chrono_literals;

constexpr auto kPatience = 700ms;  ///< As long as plain datagrams get.
/// Linux reports to one host once a second (net.ipv4.icmp_ratelimit), and a little more.
constexpr auto kBetweenPairs = 1100ms;

class Trace {
 public:
  Trace(Run& run, Session& session, const diagnosis::SilenceFacts& around, Instant deadline)
      : run_(run), session_(session), deadline_(deadline), before_(session.socket_errors.size()) {
    found_.plain_hops = around.hops;
    found_.plain_sent =
        around.hop_probes + around.plain_same_port.sent + around.plain_neighbour.sent;
    found_.wireguard_shaped = around.wireguard_neighbour.sent;
    session_.expect_time_exceeded();
  }

  void ask_all() {
    std::size_t asked = 0;
    for (const diagnosis::Hop& hop : found_.plain_hops) {
      if (!hop.from || hop.arrived) continue;
      if (send_data(hop.limit, kTraceEach)) ++asked;
    }
    run_.wait_at_most(
        [&] {
          look();
          return found_.data_seen_at.size() >= asked;
        },
        until(kPatience));
    look();
  }

  /// Pairs to the first router that reports plain datagrams alone, until it reports data as well.
  void ask_beyond(os::UdpSocket& plain) {
    const diagnosis::Hop* beyond = first_beyond();
    if (beyond == nullptr || !plain.set_hop_limit(beyond->limit)) return;
    auto watch = run_.loop().add(
        plain.fd(),
        {.readable = [&] { read(plain); }, .writable = {}, .error = [&] { read(plain); }});
    if (!watch) return;
    for (std::size_t i = 0; i < kTracePairs && first_beyond() == beyond; ++i) {
      const Instant next = os::boot_now() + kBetweenPairs;
      if (os::boot_now() >= deadline_ || run_.interrupted()) return;
      plain_seen_at_.reset();
      if (!send_data(beyond->limit, 1)) return;
      send_plain(plain);
      run_.wait_at_most([&] { return plain_seen_at_ == beyond->from; }, until(kPatience));
      look();
      if (plain_seen_at_ == beyond->from && !is_seen(*beyond->from)) ++found_.lost_before_plain;
      run_.pass_until(std::min(next, deadline_));
      look();  // a report that came late
    }
  }

  diagnosis::DataTrace end() {
    std::erase_if(session_.socket_errors, [](const os::SocketError& error) {
      return error.offender && is_time_exceeded(error);
    });
    return std::move(found_);
  }

 private:
  [[nodiscard]] Instant until(Nanoseconds patience) const {
    return std::min(os::boot_now() + patience, deadline_);
  }
  [[nodiscard]] bool is_seen(const IpAddress& router) const {
    return std::ranges::find(found_.data_seen_at, router) != found_.data_seen_at.end();
  }

  bool send_data(std::uint8_t limit, std::size_t count) {
    if (!session_.endpoint().set_hop_limit(limit)) return false;
    for (std::size_t i = 0; i < count; ++i) session_.send_keepalive();
    static_cast<void>(session_.endpoint().set_hop_limit(std::nullopt));
    return true;
  }

  void send_plain(os::UdpSocket& socket) {
    std::array<std::byte, wire::kKeepaliveSize> bytes{};
    bytes.fill(std::byte{0xff});  // no WireGuard message begins so
    const os::SendBatch batch{
        .to = session_.gateway(), .bytes = bytes, .segment_size = bytes.size(), .from = {}};
    static_cast<void>(socket.send({&batch, 1}));
    ++found_.plain_sent;
  }

  void read(os::UdpSocket& socket) {
    socket.read_errors([&](const os::SocketError& error) {
      if (error.offender && is_time_exceeded(error)) plain_seen_at_ = error.offender;
    });
    run_.wake();
  }

  void look() {
    session_.read_errors();
    for (std::size_t i = before_; i < session_.socket_errors.size(); ++i) {
      const os::SocketError& error = session_.socket_errors[i];
      if (error.offender && is_time_exceeded(error) && !is_seen(*error.offender))
        found_.data_seen_at.push_back(*error.offender);
    }
  }

  /// nullptr: data is reported by the last router that reports anything.
  [[nodiscard]] const diagnosis::Hop* first_beyond() const {
    const diagnosis::Hop* first = nullptr;
    for (const diagnosis::Hop& hop : found_.plain_hops) {
      if (!hop.from || hop.arrived) continue;
      if (is_seen(*hop.from))
        first = nullptr;
      else if (first == nullptr)
        first = &hop;
    }
    return first;
  }

  Run& run_;
  Session& session_;
  Instant deadline_;
  std::size_t before_;  ///< errors of the session that came earlier
  diagnosis::DataTrace found_;
  std::optional<IpAddress> plain_seen_at_;  ///< who reported the last plain datagram
};

}  // namespace

diagnosis::DataTrace trace_data(Run& run, Session& session, const diagnosis::SilenceFacts& around,
                                const DataTraceOptions& options) {
  Trace trace(run, session, around, options.deadline);
  trace.ask_all();
  Endpoint any;
  any.address.family = session.gateway().address.family;
  auto plain = os::UdpSocket::open(any, small_socket(options.mark));
  if (plain) trace.ask_beyond(*plain);
  return trace.end();
}

}  // namespace wgscope::checks
