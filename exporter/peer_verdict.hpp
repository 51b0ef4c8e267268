#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "wgscope/base/time.hpp"

namespace wgscope::exporter {

/// What the successive readings of a peer say about it. docs/alerts.md explains each to users.
enum class Verdict : std::uint8_t {
  replies_lost,  ///< handshake messages arrive from the peer and no handshake completes
  unanswered,    ///< this host sends handshake messages and receives nothing
  flapping,      ///< the endpoint keeps returning to the one before: two devices have one key
  one_way,       ///< the peer answered data before; now it receives data and sends almost nothing
  live,
  idle,   ///< there was a handshake, no session is live, and nothing above holds
  never,  ///< there was no handshake, and nothing above holds
  stale,  ///< as idle, of a peer that is declared to be online now; readings alone cannot say it
};
inline constexpr std::array<std::string_view, 8> kVerdictNames{
    "replies_lost", "unanswered", "flapping", "one_way", "live", "idle", "never", "stale"};
inline constexpr std::size_t kVerdictCount = kVerdictNames.size();
/// Those that there are without an inventory: the first of them.
inline constexpr std::size_t kUndeclaredVerdictCount = kVerdictCount - 1;

/// One reading of a peer.
struct PeerReading {
  Instant at;
  std::uint64_t receive_bytes = 0;
  std::uint64_t transmit_bytes = 0;
  bool handshaken = false;         ///< the peer has completed a handshake, at any time
  bool new_handshake = false;      ///< it completed one since the reading before
  bool session_live = false;       ///< the last handshake is younger than 180 s
  bool endpoint_returned = false;  ///< to the one before the last: A-B-A
};

/// Judges one peer by its readings, in whatever rhythm they come: those of the sampler, of one
/// Prometheus or of several.
///
/// Without a session WireGuard sends and accepts handshake messages only. So when no session could
/// exist between two readings and no handshake completed, every byte in between belongs to an
/// attempt that failed. A session is taken to be possible for its full lifetime after the reading
/// that first showed its handshake, on the boot clock: a step of the wall clock cannot make data
/// look like failed attempts. The same holds from the first reading of a peer on, because an
/// earlier session may still be in use.
///
/// Attempts come in bursts: for 90 s every 5 s, then a pause until somebody sends again. So their
/// bytes are added up in a level that leaks slowly, which bridges pauses of 2 minutes.
///
/// Two devices with one key end each other's session with each handshake. A device that sends all
/// the time hides the other one from readings, and then the endpoint seems to stay. So once the
/// endpoint has returned often, two handshakes that come too early count like a return. Such
/// handshakes alone are no suspicion: a path that loses packets causes them as well.
///
/// Readings that are far apart say nothing about what happened in between: all evidence is dropped,
/// and a suspicion needs new evidence.
class PeerJudge {
 public:
  /// @param reading  later than the one before; the caller calls restart() before it judges a peer
  ///                 that was made anew.
  Verdict judge(const PeerReading& reading);
  /// Whether counters went back: the peer was removed and added again.
  [[nodiscard]] bool went_back(std::uint64_t receive_bytes, std::uint64_t transmit_bytes) const {
    return receive_bytes < receive_bytes_ || transmit_bytes < transmit_bytes_;
  }
  void restart() { *this = {}; }
  /// Whether there was a reading, since the last restart.
  [[nodiscard]] bool known() const { return known_; }

 private:
  struct Step;

  void begin(const PeerReading& reading);
  void drop_evidence(bool with_session);
  void watch_anew(bool with_session);
  void watch_attempts(const Step& step);
  void watch_data(const Step& step, bool session_live);
  void watch_endpoint(const Step& step, bool returned, bool early_handshake);
  [[nodiscard]] Verdict verdict(const PeerReading& reading) const;

  // 48 bytes a peer, of which there may be a hundred thousand: hence float, in seconds and bytes,
  // and one place for what is watched with and without a session.
  std::uint64_t receive_bytes_ = 0;
  std::uint64_t transmit_bytes_ = 0;
  std::uint32_t at_ms_ = 0;  ///< of the boot clock, which takes 49 days to come back to a value
  float session_left_ = 0;   ///< how long a session may still exist

  /// Without a session: levels of bytes, and the time since the last ones arrived. With a session:
  /// bytes of a block of time, and how long it is so far.
  float received_ = 0;
  float sent_ = 0;
  float seconds_ = 0;

  float answers_ = 0;  ///< B/s received, averaged over the last while; kept while one_way
  float returns_ = 0;  ///< of the endpoint; leaks as well

  bool known_ : 1 = false;  ///< there was a reading before
  bool with_session_ : 1 = false;
  bool replies_lost_ : 1 = false;
  bool turned_one_way_ : 1 = false;
  bool flapping_ : 1 = false;
};

}  // namespace wgscope::exporter
