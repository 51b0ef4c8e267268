#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>

#include "wgscope/base/result.hpp"
#include "wgscope/base/time.hpp"
#include "wgscope/checks/question.hpp"
#include "wgscope/checks/run.hpp"
#include "wgscope/checks/session.hpp"
#include "wgscope/checks/target.hpp"
#include "wgscope/checks/tunnel.hpp"
#include "wgscope/diagnosis/ping.hpp"
#include "wgscope/model/address.hpp"

namespace wgscope::checks {

struct PingOptions {
  std::uint64_t count = 10;  ///< 0: goes on until the user ends it, which is then a normal end
  /// From the start of one round to the next.
  std::chrono::nanoseconds interval = std::chrono::seconds{1};
  std::size_t payload_size = 56;    ///< bytes behind the ICMP header
  std::optional<IpAddress> target;  ///< an address inside the tunnel; nothing: one is guessed
  std::optional<Instant> deadline;  ///< when the check must end
};

/// Two pings at once: through the tunnel, and to the gateway's address outside of it.
struct PingRound {
  std::uint64_t number = 0;  ///< counts the rounds from 1
  Instant sent;
  /// Round trip through the tunnel; nothing: no answer, or not yet.
  std::optional<Nanoseconds> inner;
  /// Round trip outside of the tunnel; nothing: no answer, or not yet.
  std::optional<Nanoseconds> outer;
  bool outer_sent = false;
  bool outer_refused = false;  ///< an ICMP error about the ping outside came
};

/// Is shown each round when it begins and again whenever it changes.
class PingObserver {
 public:
  PingObserver() = default;
  PingObserver(const PingObserver&) = delete;
  PingObserver& operator=(const PingObserver&) = delete;
  virtual ~PingObserver() = default;

  virtual void on_round(const PingRound& round) = 0;
  /// Is called once, when the last answer was waited for.
  virtual void on_result(const diagnosis::PingFacts& /*facts*/) {}
};

/// Pings an address through a tunnel that stands, and the gateway's own address beside it, at the
/// same moments and with payloads of the same size.
///
/// Ends when `count` rounds were sent and answered, or had twice the longest round trip, at least
/// a second, to be. Where the last ones were not answered, up to three more pings go through the
/// tunnel that count nowhere: the answer to any of them tells in which direction those were lost.
/// Rounds that were cut off, by the user or the deadline, are not counted. The session goes on
/// through new handshakes, which it makes itself.
/// @param target    whose session it is.
/// @param observer  nullptr: nobody watches.
diagnosis::PingFacts ping(Run& run, Session& session, const Target& target,
                          const PingOptions& options, PingObserver* observer = nullptr);

/// How many more pings go through the tunnel where the last ones are not answered. They do not
/// count.
inline constexpr int kExtraPings = 3;
/// The shortest interval between two pings that is accepted, for the sake of others on the path.
inline constexpr std::chrono::milliseconds kLeastPingInterval{10};

/// @param tunnel, observer  outlive the question.
/// @returns bad_value: an interval that is too short, an address that is not inside the tunnel.
Result<std::unique_ptr<Question>> ping_question(Tunnel& tunnel, PingOptions options,
                                                PingObserver* observer = nullptr);

}  // namespace wgscope::checks
