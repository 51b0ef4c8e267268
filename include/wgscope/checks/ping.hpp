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
  std::uint64_t count = 10;  ///< 0: until the user ends it, which is then a normal end
  std::chrono::nanoseconds interval = std::chrono::seconds{1};  ///< from one ping to the next
  std::size_t payload_size = 56;                                ///< bytes behind the ICMP header
  std::optional<IpAddress> target;                              ///< inside; guessed where absent
  std::optional<Instant> deadline;                              ///< when all has to be over
};

/// Two pings at once: through the tunnel, and to the gateway's address outside of it.
struct PingRound {
  std::uint64_t number = 0;  ///< from 1
  Instant sent;
  std::optional<Nanoseconds> inner;  ///< nothing: not answered (yet)
  std::optional<Nanoseconds> outer;
  bool outer_sent = false;
};

/// Is shown each round when it begins and again whenever it changes.
class PingObserver {
 public:
  PingObserver() = default;
  PingObserver(const PingObserver&) = delete;
  PingObserver& operator=(const PingObserver&) = delete;
  virtual ~PingObserver() = default;

  virtual void on_round(const PingRound& round) = 0;
  /// All is over.
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

/// Through the tunnel, where the last ones are not answered: they count nowhere.
inline constexpr int kExtraPings = 3;
/// From one ping to the next at least, for the sake of others on the path.
inline constexpr std::chrono::milliseconds kLeastPingInterval{10};

/// @param tunnel, observer  outlive the question.
/// @returns bad_value: an interval that is too short, an address that is not inside the tunnel.
Result<std::unique_ptr<Question>> ping_question(Tunnel& tunnel, PingOptions options,
                                                PingObserver* observer = nullptr);

}  // namespace wgscope::checks
