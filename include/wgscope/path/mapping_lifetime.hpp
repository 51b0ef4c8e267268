#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "wgscope/base/time.hpp"
#include "wgscope/path/outbox.hpp"

// How long a NAT remembers a silent flow. Many flows ("lanes"), each with a socket of its own, are
// silent at the same time, one for one second, one for two seconds, and so on. A service outside
// answers each after its silence, and the lanes that get their answer were still remembered. So a
// run takes hardly longer than the lifetime, where one flow alone would take many times as long. No
// sockets, no clock: the caller sends what poll_request() gives and hands over what comes in.

namespace wgscope::path {

/// Which of a NAT's timers is measured; many NATs have two (Linux: 30 s and 120 s).
enum class FlowState : std::uint8_t {
  one_way,  ///< the flow has only had datagrams from inside to outside
  /// Datagrams went both ways for more than 2 s, after which Linux calls a flow a stream.
  stream,
};

struct MappingLifetimeConfig {
  FlowState state = FlowState::stream;
  /// The longest silence that is tried; there is a lane for each second.
  std::chrono::seconds longest_silence{180};
  /// Adds a lane that receives something every second, to find out whether inbound traffic
  /// refreshes the mapping (RFC 4787 REQ-6). Only with FlowState::stream.
  bool watch_refresh = true;
};

/// What is to be sent from a lane's socket.
struct LaneRequest {
  std::size_t lane = 0;      ///< index of the socket to send from
  std::uint32_t serial = 0;  ///< a later request of the lane replaces earlier ones at the service
  /// How long the service is to wait before it answers; 0: not at all.
  Nanoseconds answer_after{};
  bool every_second = false;  ///< the service is to answer once a second from now on

  friend bool operator==(const LaneRequest&, const LaneRequest&) = default;
};

/// An answer after a silence is sent at these times from the first one, because one may be lost on
/// a path that is all right. If the first refreshes the mapping, the others tell nothing new.
/// Chosen: with 10 % loss chance loses all three once in a thousand times.
inline constexpr std::chrono::milliseconds kAnswerCopies[]{
    std::chrono::milliseconds(0), std::chrono::milliseconds(150), std::chrono::milliseconds(400)};

/// Lanes send no more requests than this, whatever is lost.
constexpr std::size_t most_requests(const MappingLifetimeConfig& config) {
  return (static_cast<std::size_t>(config.longest_silence.count()) + 1) * 10;
}
/// A run takes at most this much longer than the lifetime that it finds, or than
/// MappingLifetimeConfig::longest where the lifetime is longer than that.
inline constexpr Nanoseconds kLongestBeyondLifetime = std::chrono::seconds(10);

struct MappingLifetimeResult {
  /// The longest silence after which the mapping was still there.
  std::optional<std::chrono::seconds> alive_after;
  /// A silence above it after which the mapping was gone: the shortest that was tried, or on a path
  /// with loss up to four seconds more, because the answers after the shortest ones may have been
  /// lost. Nothing: none, or too much was lost to tell. Both together are the bracket. They are exact to the time that a datagram takes from the
  /// NAT to the service and back, and on a path with loss to the last of kAnswerCopies.
  std::optional<std::chrono::seconds> gone_after;
  /// Lanes below alive_after that got no answer all the same. More than a few are a sign of loss,
  /// or of a NAT that forgets before its time because its table is full.
  std::size_t contradictions = 0;
  /// Lanes above alive_after that got no answer, where gone_after is unknown all the same: with so
  /// much loss, chance may have lost their answers.
  std::size_t unproven = 0;
  std::size_t lanes_without_service = 0;  ///< lanes whose requests never reached the service
  /// Whether inbound traffic keeps the mapping; nothing: unknown.
  std::optional<bool> inbound_refreshes;
  std::size_t requests_sent = 0;
};

/// One run, for one state. For one thread at a time.
///
/// The service answers from the address and port that it was asked on, with the request's lane and
/// serial: at once, or after LaneRequest::answer_after, then as often as kAnswerCopies says. The
/// caller must learn that a request arrived (handle_arrival()) in another way than through the
/// lane's mapping, so that a one-way flow stays one.
class MappingLifetime {
 public:
  MappingLifetime(const MappingLifetimeConfig& config, Instant now);

  /// How many sockets are needed.
  [[nodiscard]] std::size_t lanes() const { return lanes_.size(); }

  std::optional<LaneRequest> poll_request() { return outbox_.poll(); }
  /// The lane's request arrived at the service. Serials other than the latest are ignored.
  void handle_arrival(Instant now, std::size_t lane, std::uint32_t serial);
  /// An answer came in at the lane's socket.
  void handle_answer(Instant now, std::size_t lane, std::uint32_t serial);
  void handle_timeout(Instant now);
  /// When to call handle_timeout(); nothing: done.
  [[nodiscard]] std::optional<Instant> next_timeout() const;

  [[nodiscard]] bool done() const { return done_; }
  /// What is known so far.
  [[nodiscard]] MappingLifetimeResult result() const;
  /// When it ends at the latest if the mapping outlives all lanes.
  [[nodiscard]] Instant latest_end() const;

 private:
  enum class LaneState : std::uint8_t {
    waiting,     ///< it is not this lane's turn to begin
    greeting,    ///< exchanges in both directions make the flow a stream
    asking,      ///< the request is sent; if it arrives, the silence has begun with it
    silent,      ///< the request arrived, and the silence goes on
    alive,       ///< an answer came in after the silence
    gone,        ///< no answer came in after the silence
    no_service,  ///< requests of this lane never reached the service, or nothing came of them
  };
  struct Lane {
    LaneState state = LaneState::waiting;
    Nanoseconds silence{};
    bool refresh = false;  ///< this lane receives something every second: see inbound_refreshes
    std::uint32_t serial = 0;
    /// When the exchanges of LaneState::greeting were begun; their serials are 1, 2, ….
    std::vector<Instant> greeted_at{};
    /// Which of them were answered.
    std::vector<bool> answered{};
    /// When the first of them was begun that was answered; nothing: none was.
    std::optional<Instant> open_since{};
    int asked = 0;         ///< requests for an answer after the silence
    bool arrived = false;  ///< the last of them is known to have arrived, or an earlier one
    Instant asked_at{};    ///< when the last request was sent: the silence counts from here
    Instant next{};        ///< when the current state ends by itself
    std::optional<Instant> heard{};  ///< when the last answer to a request came
  };

  void step(Lane& lane, std::size_t index, Instant now);
  void greet(Lane& lane, std::size_t index, Instant now);
  void ask(Lane& lane, std::size_t index, Instant now);
  static void wait_for_stream(Lane& lane, Instant now);
  static void fall_silent(Lane& lane, Instant now);
  void break_silence(Lane& lane, std::size_t index, Instant now);
  void check_end(Instant now);
  [[nodiscard]] bool knows_refreshing(Instant now) const;
  [[nodiscard]] std::optional<std::size_t> failures_that_count() const;
  [[nodiscard]] std::optional<std::chrono::seconds> gone_after() const;
  [[nodiscard]] static bool is_open(const Lane& lane);
  [[nodiscard]] std::optional<std::size_t> last_alive() const;
  [[nodiscard]] Nanoseconds proven_silence(const Lane& lane) const;
  [[nodiscard]] std::optional<std::chrono::seconds> alive_after() const;
  [[nodiscard]] std::optional<bool> refreshed(const MappingLifetimeResult& result) const;

  MappingLifetimeConfig config_;
  Instant start_;
  Instant ended_;  ///< when the run was done
  /// Ordered by the length of silence; the refreshed lane is the last one.
  std::vector<Lane> lanes_;
  Outbox<LaneRequest> outbox_;
  std::size_t sent_ = 0;
  Nanoseconds latest_answer_{};  ///< the longest time that an answer to a greeting took
  bool done_ = false;
};

}  // namespace wgscope::path
