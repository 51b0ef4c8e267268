#include "data_trace.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <optional>
#include <span>
#include <vector>

#include "wgscope/base/time.hpp"
#include "wgscope/checks/run.hpp"
#include "wgscope/checks/session.hpp"
#include "wgscope/diagnosis/handshake.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/os/clock.hpp"
#include "wgscope/os/udp_socket.hpp"

#include "checks/icmp_error.hpp"

namespace wgscope::checks {
namespace {

using namespace std::chrono_literals;

constexpr auto kPatience = 700ms;  ///< As long as plain datagrams get.
constexpr int kOfEach = 2;         ///< A router may leave one error out (RFC 1812 §4.3.2.8).

}  // namespace

std::vector<IpAddress> trace_data(Run& run, Session& session, std::span<const diagnosis::Hop> hops,
                                  Instant deadline) {
  const std::size_t before = session.socket_errors.size();
  session.expect_time_exceeded();
  std::size_t asked = 0;
  for (const diagnosis::Hop& hop : hops) {
    if (!hop.from || hop.arrived || !session.endpoint().set_hop_limit(hop.limit)) continue;
    ++asked;
    for (int i = 0; i < kOfEach; ++i) session.send_keepalive();
  }
  static_cast<void>(session.endpoint().set_hop_limit(std::nullopt));
  std::vector<IpAddress> reported;
  const auto all_reported = [&] {
    reported.clear();
    for (std::size_t i = before; i < session.socket_errors.size(); ++i) {
      const os::SocketError& error = session.socket_errors[i];
      if (!error.offender || !is_time_exceeded(error)) continue;
      if (std::ranges::find(reported, *error.offender) == reported.end())
        reported.push_back(*error.offender);
    }
    return reported.size() >= asked;
  };
  run.wait_at_most(all_reported, std::min(os::boot_now() + kPatience, deadline));
  all_reported();
  std::erase_if(session.socket_errors, [](const os::SocketError& error) {
    return error.offender && is_time_exceeded(error);
  });
  return reported;
}

}  // namespace wgscope::checks
