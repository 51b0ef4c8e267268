#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <ostream>
#include <set>

#include "wgscope/base/time.hpp"

#include "exporter/peer_verdict.hpp"

namespace wgscope::exporter {

inline void PrintTo(Verdict verdict, std::ostream* out) {
  *out << kVerdictNames.at(static_cast<std::size_t>(verdict));
}

// Sizes of WireGuard's messages.
inline constexpr std::uint64_t kInitiation = 148;
inline constexpr std::uint64_t kResponse = 92;
inline constexpr std::uint64_t kKeepalive = 32;

/// A peer with its counters, on a clock of its own, looked at in a rhythm.
class JudgedPeer {
 public:
  explicit JudgedPeer(std::chrono::seconds rhythm = std::chrono::seconds(5)) : rhythm_(rhythm) {}

  void receive(std::uint64_t bytes) { reading_.receive_bytes += bytes; }
  void send(std::uint64_t bytes) { reading_.transmit_bytes += bytes; }
  /// Completed, whichever side began.
  void shake() {
    receive(kInitiation);
    send(kResponse);
    reading_.handshaken = reading_.new_handshake = true;
    shaken_ = reading_.at;
  }
  void return_to_endpoint() { reading_.endpoint_returned = true; }
  void be_made_anew() {
    const Instant now = reading_.at;
    reading_ = {};
    reading_.at = now;
    shaken_.reset();
    judge_.restart();
  }

  /// Second by second: `happens` is told how many have passed. @returns every verdict on the way.
  std::set<Verdict> pass(
      std::chrono::seconds time, const std::function<void(int second)>& happens = [](int) {}) {
    std::set<Verdict> seen;
    for (int second = 0; second < time / std::chrono::seconds(1); ++second) {
      happens(second);
      reading_.at = reading_.at + std::chrono::seconds(1);
      if ((reading_.at.since_boot / std::chrono::seconds(1)) %
              (rhythm_ / std::chrono::seconds(1)) ==
          0)
        seen.insert(read());
    }
    return seen;
  }
  /// Nobody looks.
  void pass_unseen(
      std::chrono::seconds time, const std::function<void(int second)>& happens = [](int) {}) {
    for (int second = 0; second < time / std::chrono::seconds(1); ++second) {
      happens(second);
      reading_.at = reading_.at + std::chrono::seconds(1);
    }
  }
  Verdict read() {
    reading_.session_live = shaken_ && reading_.at - *shaken_ < std::chrono::seconds(180);
    verdict_ = judge_.judge(reading_);
    reading_.new_handshake = reading_.endpoint_returned = false;
    return verdict_;
  }
  [[nodiscard]] Verdict verdict() const { return verdict_; }
  /// How long until the verdict comes, while `happens`.
  std::chrono::seconds until(Verdict verdict, const std::function<void(int second)>& happens) {
    constexpr std::chrono::seconds kPatience = std::chrono::seconds(4000);
    for (std::chrono::seconds time = std::chrono::seconds(0); time < kPatience;
         time += std::chrono::seconds(1)) {
      pass(std::chrono::seconds(1),
           [&](int) { happens(static_cast<int>(time / std::chrono::seconds(1))); });
      if (verdict_ == verdict) return time + std::chrono::seconds(1);
    }
    return kPatience;
  }

 private:
  std::chrono::seconds rhythm_;
  PeerReading reading_{.at = Instant{std::chrono::seconds(5000)}};
  std::optional<Instant> shaken_;
  PeerJudge judge_;
  Verdict verdict_ = Verdict::never;
};

/// A side that tries for 90 s, and again after a pause.
inline bool tries(int second, int pause) { return second % (90 + pause) < 90 && second % 5 == 0; }

inline std::function<void(int)> knocking(JudgedPeer& peer, int pause = 25,
                                         std::uint64_t answer = kResponse) {
  return [&peer, pause, answer](int second) {
    if (!tries(second, pause)) return;
    peer.receive(kInitiation);
    peer.send(answer);
  };
}

inline std::function<void(int)> calling(JudgedPeer& peer, int pause = 25) {
  return [&peer, pause](int second) {
    if (tries(second, pause)) peer.send(kInitiation);
  };
}

/// Data of a session, in bytes per second, with a handshake every 2 minutes.
inline std::function<void(int)> data(JudgedPeer& peer, std::uint64_t received, std::uint64_t sent) {
  return [&peer, received, sent](int second) {
    if (second % 120 == 0) peer.shake();
    peer.receive(received);
    peer.send(sent);
  };
}

}  // namespace wgscope::exporter
