#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace wgscope::noise {

/// Which counters of a session were seen (RFC 6479: whole words are cleared as the window moves, so
/// that nothing is ever shifted). Ask only after the packet was authenticated, or anyone could move
/// the window.
class ReplayWindow {
 public:
  static constexpr std::uint64_t kWords = 128;
  static constexpr std::uint64_t kWordBits = 64;
  /// Counters this far below the highest are still told apart; one word of the ring is always
  /// partly ahead.
  static constexpr std::uint64_t kSize = (kWords - 1) * kWordBits;

  /// Notes a counter. @returns false for one that was seen, or is too old to tell.
  [[nodiscard]] bool accept(std::uint64_t counter);

  /// What became of the counters that a sender who leaves none out has used, up to the highest one
  /// that was accepted.
  struct Tally {
    std::uint64_t received = 0;   ///< counters that were accepted
    std::uint64_t missing = 0;    ///< counters below the highest that were not accepted, or not yet
    std::uint64_t reordered = 0;  ///< accepted counters that came after a higher one
    std::uint64_t replayed = 0;   ///< counters that were refused
  };
  [[nodiscard]] Tally tally() const {
    return {received_, next_ - received_, reordered_, replayed_};
  }

 private:
  [[nodiscard]] bool refuse() {
    ++replayed_;
    return false;
  }

  std::uint64_t next_ = 0;  ///< the highest counter accepted, plus one
  std::uint64_t received_ = 0;
  std::uint64_t reordered_ = 0;
  std::uint64_t replayed_ = 0;
  std::array<std::uint64_t, kWords> seen_{};
};

}  // namespace wgscope::noise
