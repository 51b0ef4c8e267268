#pragma once

#include <algorithm>
#include <cstddef>

namespace wgscope::exporter {

/// --peer.max: whether an interface has so many peers that only aggregates of it are shown. The way
/// back is a tenth lower than the way there: peers that come and go at the limit would otherwise end
/// all series of the interface and begin them again, over and over.
struct PeerLimit {
  std::size_t most = 0;  ///< 0: there is no limit

  [[nodiscard]] std::size_t back_at() const { return most - std::max<std::size_t>(most / 10, 1); }

  /// @param whole  whether the reading has all peers. One that lacks some proves that there are too
  /// many, but not that there are few.
  /// @param before  what the reading before said.
  [[nodiscard]] bool exceeded(std::size_t peers, bool whole, bool before) const {
    if (most == 0) return false;
    return peers > most || (before && (!whole || peers > back_at()));
  }
};

}  // namespace wgscope::exporter
