#pragma once

#include <cstddef>
#include <optional>
#include <span>

// Whether large packets are lost more often than small ones although they pass at times: a policer,
// a full queue that counts bytes, a firewall with a limit for long packets. No MTU does that.

namespace wgscope::path {

/// A packet whose fate is known.
struct SizedPacket {
  std::size_t size = 0;  ///< bytes; 0: as small as it could be made
  bool lost = false;
};

/// Larger packets that are lost more often than small ones, although they pass at times.
struct SizeLoss {
  std::size_t from = 0;  ///< the smallest size that was tried and is lost so often, in bytes
  std::size_t to = 0;    ///< the largest size that passed
  std::size_t sent = 0;  ///< packets of these sizes
  std::size_t lost = 0;
  /// The largest size below `from` of which it is certain that its packets are not lost so often:
  /// were those of that size and up to `from` lost as often as larger ones, however often that is,
  /// chance would let so many of them pass once in a thousand million times. 0: it is not certain of
  /// any size but the smallest.
  std::size_t below = 0;
  std::size_t below_sent = 0;  ///< packets below `from`, the smallest ones included
  std::size_t below_lost = 0;

  friend bool operator==(const SizeLoss&, const SizeLoss&) = default;
};

/// Finds the size from which packets are lost more often. A path that changed once, or twice, is
/// none of these: its large packets are lost until or from some time on, and not by turns.
/// @param packets  in the order in which they were sent.
/// @param largest_passed  bytes; what is larger may be above the MTU and is not looked at.
/// @returns nothing where chance would make such a difference more often than once in a thousand
/// million times.
std::optional<SizeLoss> find_size_loss(std::span<const SizedPacket> packets,
                                       std::size_t largest_passed);

}  // namespace wgscope::path
