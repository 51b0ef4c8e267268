#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

#include "wgscope/base/time.hpp"
#include "wgscope/checks/run.hpp"
#include "wgscope/checks/session.hpp"
#include "wgscope/inner/event.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/path/mtu_search.hpp"
#include "wgscope/wire/measuring.hpp"

#include "mtu_service.hpp"

namespace wgscope::checks {

/// What makes a datagram of a probe's size.
enum class MtuWay : std::uint8_t {
  forward,   ///< a small echo request, padded
  backward,  ///< the reply to an echo request
  answered,  ///< an answer of the measuring service, which it pads to any size
};

/// Bytes that UDP and IP add to a datagram.
std::size_t datagram_overhead(Family outer);

/// Bytes that WireGuard, UDP and IP add to an inner packet.
std::size_t tunnel_overhead(Family outer);

/// Runs one search over a session: sends its probes as echo requests, and tells it what
/// came of them.
class MtuProbing {
 public:
  /// @param target  inside the tunnel. @param service  the target's. All outlive the probing.
  MtuProbing(Run& run, Session& session, const IpAddress& target, MtuWay way, MtuService& service);
  MtuProbing(const MtuProbing&) = delete;
  MtuProbing& operator=(const MtuProbing&) = delete;
  ~MtuProbing();

  /// Runs a search until it is done, the deadline comes or the user ends it.
  /// @returns what it found.
  path::MtuResult search(const path::MtuSearchConfig& config, Instant deadline);

  /// The largest fragment of a reply, in bytes. A reply that comes in fragments does not count as
  /// an answer, because the path did not let it pass whole. Nothing: none came in fragments.
  [[nodiscard]] const std::optional<std::size_t>& largest_fragment() const { return fragment_; }
  /// Before the first reply in fragments, replies at least as large had been lost, as happens where
  /// their sender must first learn that they are too big. Nothing: none came in fragments.
  [[nodiscard]] std::optional<bool> fragments_after_losses() const { return after_losses_; }
  /// Whether replies came in fragments inside the tunnel.
  [[nodiscard]] bool inner_fragments() const;

  // While it searches, for drive().
  [[nodiscard]] std::optional<Instant> next_timeout() const;
  void handle_timeout(Instant now) { search_->handle_timeout(now); }
  [[nodiscard]] bool done() const { return search_->done(); }

 private:
  void send_probes();
  void send(const path::MtuProbe& probe);
  void send_echo(const path::MtuProbe& probe);
  void take(const inner::Event& event);
  void take_reply(const inner::EchoReplied& replied);
  void take_answer(const wire::MeasuringAnswer& answer);
  void take_errors();
  [[nodiscard]] bool came_in_fragments(std::uint32_t probe);
  void note_losses_before(std::uint32_t probe);

  Run& run_;
  Session& session_;
  IpAddress target_;
  MtuWay way_;
  MtuService& service_;
  std::uint16_t id_;
  std::optional<path::MtuSearch> search_;
  std::vector<std::size_t> sizes_;   ///< of probes, by id
  std::deque<path::MtuProbe> held_;  ///< to be sent, one after the other
  Instant next_send_{};
  std::size_t errors_seen_;
  std::size_t failures_seen_;
  std::size_t fragments_seen_;
  std::uint64_t inner_fragments_before_;
  std::optional<std::uint32_t> refused_;  ///< the last probe that this host did not send
  std::optional<std::size_t> fragment_;
  std::vector<bool> came_;  ///< of probes, by id: an answer came, whole or in fragments
  std::optional<bool> after_losses_;
  std::optional<wire::MeasuringReport> told_;  ///< the last report that the search knows of
  Session::Attention attention_;
};

}  // namespace wgscope::checks
