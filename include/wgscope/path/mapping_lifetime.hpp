#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "wgscope/base/time.hpp"
#include "wgscope/path/outbox.hpp"

// How long a NAT remembers a silent flow. Many flows at once, each a lane with a socket of its own,
// are silent for one second, two seconds, three …; somebody outside answers each after its time.
// The lanes whose answers come in were still remembered. So the whole takes hardly longer than the
// lifetime itself, where asking again and again would take many times as long. No sockets, no
// clock: the caller sends what poll_request() gives and hands over what comes in.

namespace wgscope::path {

/// Which of a NAT's timers is measured; many have one for each (Linux: 30 s and 120 s).
enum class FlowState : std::uint8_t {
  one_way,  ///< nothing but outbound datagrams so far
  stream,   ///< both ways, for more than the 2 s after which Linux calls it a stream
};

struct MappingLifetimeConfig {
  FlowState state = FlowState::stream;
  std::chrono::seconds longest{180};  ///< how far to look; as many lanes, one a second
  /// One lane more, to which something comes in every second: does inbound traffic refresh the
  /// mapping (RFC 4787 REQ-6)? Only with FlowState::stream.
  bool watch_refresh = true;
};

/// What is to be sent from a lane's socket.
struct LaneRequest {
  std::size_t lane = 0;
  std::uint32_t serial = 0;    ///< of the lane; the latest replaces earlier ones at the service
  Nanoseconds answer_after{};  ///< zero: at once
  bool every_second = false;   ///< and then every second

  friend bool operator==(const LaneRequest&, const LaneRequest&) = default;
};

/// An answer that was asked for later is sent so often, close together, as one may be lost on a
/// path that is all right. If the first refreshes the mapping, the others say nothing new.
inline constexpr std::chrono::milliseconds kAnswerCopies[]{
    std::chrono::milliseconds(0), std::chrono::milliseconds(150), std::chrono::milliseconds(400)};

/// The most that lanes send, whatever is lost.
constexpr std::size_t most_requests(const MappingLifetimeConfig& config) {
  return (static_cast<std::size_t>(config.longest.count()) + 1) * 10;
}
/// The whole takes at most this much longer than the lifetime that is found, or than
/// MappingLifetimeConfig::longest where it is longer than that.
inline constexpr Nanoseconds kLongestBeyondLifetime = std::chrono::seconds(10);

struct MappingLifetimeResult {
  /// The mapping was still there after this silence, and …
  std::optional<std::chrono::seconds> alive_after;
  /// … gone after this one. Both together are the bracket; exact to the time that a datagram takes
  /// from the NAT to the service and back, and on a path with loss to the last of kAnswerCopies.
  std::optional<std::chrono::seconds> gone_after;
  /// Lanes below alive_after whose answer did not come all the same: more than a few tell of loss,
  /// or of a NAT that forgets before its time because it is full.
  std::size_t contradictions = 0;
  std::size_t lanes_without_service = 0;  ///< whose request never arrived
  std::optional<bool> inbound_refreshes;
  std::size_t requests_sent = 0;
};

/// One run, for one state. For one thread at a time.
///
/// The service answers from where it was asked, with the request's lane and serial: at once, or
/// after the time asked for, then as often as kAnswerCopies says. What arrived there the caller
/// learns in another way than through the lane's NAT mapping, so that a one-way flow stays one:
/// handle_arrival().
class MappingLifetime {
 public:
  MappingLifetime(const MappingLifetimeConfig& config, Instant now);

  [[nodiscard]] std::size_t lanes() const { return lanes_.size(); }  ///< sockets that are needed

  std::optional<LaneRequest> poll_request() { return outbox_.poll(); }
  /// The service has the lane's request. Other serials than the latest are let fall.
  void handle_arrival(Instant now, std::size_t lane, std::uint32_t serial);
  /// An answer came in at the lane's socket.
  void handle_answer(Instant now, std::size_t lane, std::uint32_t serial);
  void handle_timeout(Instant now);
  [[nodiscard]] std::optional<Instant> next_timeout() const;  ///< nothing: done

  [[nodiscard]] bool done() const { return done_; }
  /// What is known so far.
  [[nodiscard]] MappingLifetimeResult result() const;
  /// When it ends at the latest if the mapping outlives all lanes.
  [[nodiscard]] Instant latest_end() const;

 private:
  enum class LaneState : std::uint8_t {
    waiting,   ///< for its turn to begin
    greeting,  ///< exchanges that make it a stream
    asking,    ///< the long silence has begun, if the request arrived
    silent,    ///< it did arrive
    alive,
    gone,
    no_service,
  };
  struct Lane {
    LaneState state = LaneState::waiting;
    Nanoseconds silence{};
    bool refresh = false;
    std::uint32_t serial = 0;
    int greetings = 0;
    bool greeted = false;  ///< an answer came
    int asked = 0;
    Instant begun{};                 ///< of greeting
    Instant asked_at{};              ///< the silence counts from here
    Instant next{};                  ///< what is to be done then depends on the state
    std::optional<Instant> heard{};  ///< the last answer to what was asked
  };

  void step(Lane& lane, std::size_t index, Instant now);
  void greet(Lane& lane, std::size_t index, Instant now);
  void ask(Lane& lane, std::size_t index, Instant now);
  void fall_silent(Lane& lane, Instant now);
  void check_end(Instant now);
  [[nodiscard]] static bool is_open(const Lane& lane);
  [[nodiscard]] std::optional<std::size_t> last_alive() const;
  [[nodiscard]] std::optional<bool> refreshed(const MappingLifetimeResult& result) const;

  MappingLifetimeConfig config_;
  Instant start_;
  std::vector<Lane> lanes_;  ///< by silence; then the one for refreshing
  Outbox<LaneRequest> outbox_;
  std::size_t sent_ = 0;
  bool done_ = false;
};

}  // namespace wgscope::path
