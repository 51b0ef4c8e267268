#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "wgscope/base/time.hpp"
#include "wgscope/checks/run.hpp"
#include "wgscope/checks/session.hpp"
#include "wgscope/inner/event.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/path/mtu_search.hpp"

namespace wgscope::checks {

/// What a probe of a size is.
enum class MtuWay : std::uint8_t {
  forward,   ///< a small request in a datagram of that size
  backward,  ///< a request whose reply's datagram has that size
};

/// What UDP and IP add to a datagram.
std::size_t datagram_overhead(Family outer);

/// What WireGuard, UDP and IP add to an inner packet.
std::size_t tunnel_overhead(Family outer);

/// Runs a search over a session: sends its probes as echo requests, and tells it what came of them.
class MtuProbing {
 public:
  /// @param target  inside the tunnel. All outlive the probing.
  MtuProbing(Run& run, Session& session, const IpAddress& target, MtuWay way);
  MtuProbing(const MtuProbing&) = delete;
  MtuProbing& operator=(const MtuProbing&) = delete;
  ~MtuProbing();

  /// Until it is done, the deadline comes or the user ends it.
  void drive(path::MtuSearch& search, Instant deadline);

  /// Datagrams of replies came in fragments, of which the largest had so many bytes. Such a reply
  /// is none: the path did not take it whole.
  [[nodiscard]] const std::optional<std::size_t>& largest_fragment() const { return fragment_; }
  /// Replies came in fragments inside the tunnel.
  [[nodiscard]] bool inner_fragments() const;

 private:
  void send_probes();
  void send(const path::MtuProbe& probe);
  void take(const inner::Event& event);
  void take_errors();
  [[nodiscard]] bool came_in_fragments(std::uint16_t sequence) const;

  Run& run_;
  Session& session_;
  IpAddress target_;
  MtuWay way_;
  std::uint16_t id_;
  path::MtuSearch* search_ = nullptr;
  std::vector<std::size_t> sizes_;  ///< of probes, by id
  std::size_t errors_seen_;
  std::size_t failures_seen_;
  std::size_t fragments_seen_;
  std::uint64_t inner_fragments_before_;
  std::optional<std::uint32_t> refused_;  ///< the last probe that this host did not send
  std::optional<std::size_t> fragment_;
};

}  // namespace wgscope::checks
