#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "wgscope/diagnosis/ping.hpp"

namespace wgscope::checks {

/// Which pings went through which session, and the last of each that was answered. The gateway's
/// counters tell the direction of losses before that one; of those behind it nothing is known.
class Stretches {
 public:
  /// @param number   of the ping, from 1, going up.
  /// @param session  that it is sent through, by any number that grows.
  void sent(std::uint64_t number, std::size_t session);
  /// For the first time.
  void answered(std::uint64_t number);
  /// No ping above this one counts from now on; their answers still tell about those before.
  void count_up_to(std::uint64_t number) { counted_ = number; }

  /// Unanswered pings behind the last that was answered, of every session, or of the last one.
  [[nodiscard]] std::uint64_t tails() const;
  [[nodiscard]] std::uint64_t last_tail() const;
  /// All but the session in use.
  [[nodiscard]] std::vector<diagnosis::PingStretch> ended() const;

 private:
  /// Sessions live for two minutes; older ones than these are summed up.
  static constexpr std::size_t kMost = 256;

  struct Stretch {
    std::size_t session = 0;
    std::uint64_t first = 0;
    std::uint64_t last = 0;
    std::uint64_t highest = 0;  ///< that was answered; first - 1: none
    std::uint64_t answered = 0;
  };
  [[nodiscard]] std::uint64_t tail_of(const Stretch& stretch) const;

  std::vector<Stretch> stretches_;
  std::uint64_t earlier_tails_ = 0;
  std::uint64_t counted_ = UINT64_MAX;
};

}  // namespace wgscope::checks
