#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <vector>

#include "wgscope/base/time.hpp"
#include "wgscope/checks/run.hpp"
#include "wgscope/checks/session.hpp"
#include "wgscope/diagnosis/text.hpp"
#include "wgscope/inner/event.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/path/mtu_search.hpp"
#include "wgscope/wire/measuring.hpp"

#include "mtu_service.hpp"

namespace wgscope::checks {

/// What makes a datagram of a probe's size.
enum class MtuWay : std::uint8_t {
  forward,   ///< a small echo request, padded behind its end
  backward,  ///< the reply to an echo request of that size
  answered,  ///< an answer of the measuring service, which pads it to that size
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

  /// Shows what is known so far, beside what the search is for, while it runs.
  void announce(const diagnosis::Text& what) { what_ = what; }
  /// From now on no request is larger than that, in bytes of whole datagrams: larger ones are cut
  /// inside the tunnel, and the other side puts them together.
  void limit_requests(std::size_t largest) { largest_request_ = largest; }
  /// Runs a search until it is done, the deadline comes or the user ends it.
  /// @returns what it found.
  path::MtuResult search(const path::MtuSearchConfig& config, Instant deadline);
  /// Begins a search, and ends sooner: when it knows all sizes, while repeats of the size in use may
  /// still be in flight. Their answers are taken while something else runs, until go_on().
  path::MtuResult search_sizes(const path::MtuSearchConfig& config, Instant deadline);
  /// Begins a search, and ends sooner: with the first packet that counts as lost.
  path::MtuResult search_until_loss(const path::MtuSearchConfig& config, Instant deadline);
  /// Runs a search that was begun to its end.
  path::MtuResult go_on(Instant deadline);
  [[nodiscard]] bool knows_sizes() const { return search_->knows_sizes(); }
  /// MtuSearch::doubt()
  void doubt();

  /// Bytes of the largest fragment of a reply; nothing: no reply came in fragments. A reply in
  /// fragments does not count as an answer, because the path did not let it pass whole.
  [[nodiscard]] const std::optional<std::size_t>& largest_fragment() const { return fragment_; }
  /// Whether replies at least as large were lost before the first reply in fragments, as happens
  /// where their sender must first learn that they are too big. Nothing: no reply came in
  /// fragments.
  [[nodiscard]] std::optional<bool> fragments_after_losses() const { return after_losses_; }
  /// Whether the replies that did not come have left gaps in the numbers of the gateway's packets,
  /// so that they were lost on their way. If not, the gateway did not send them.
  [[nodiscard]] bool replies_were_sent() const;
  /// Whether replies came in fragments inside the tunnel.
  [[nodiscard]] bool inner_fragments() const;

  // While it searches, for drive().
  [[nodiscard]] std::optional<Instant> next_timeout() const;
  void handle_timeout(Instant now) { search_->handle_timeout(now); }
  [[nodiscard]] bool done() const;

 private:
  enum class Until : std::uint8_t { done, sizes, loss };

  path::MtuResult run(Until until, Instant deadline);
  void send_probes();
  [[nodiscard]] Nanoseconds pause_before(std::size_t size) const;
  void send(const path::MtuProbe& probe);
  void send_echo(const path::MtuProbe& probe);
  void tell_progress(Instant until);
  void send_in_pieces(std::span<const std::byte> request);
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
  diagnosis::Text what_;
  std::optional<path::MtuBounds> told_bounds_;  ///< as they were shown last
  std::size_t largest_request_ = SIZE_MAX;
  std::uint32_t pieces_id_ = 0;
  std::uint64_t missing_before_;  ///< of the gateway's packets
  std::optional<path::MtuSearch> search_;
  Until until_ = Until::done;
  std::vector<std::size_t> sizes_;   ///< the size of each probe, by its id
  std::deque<path::MtuProbe> held_;  ///< probes that wait until next_send_
  Instant next_send_{};
  Instant sent_at_{};          ///< when the last probe was sent
  std::size_t sent_size_ = 0;  ///< the size of that probe, in bytes
  std::size_t errors_seen_;
  std::size_t fragments_seen_;
  std::uint64_t inner_fragments_before_;
  std::optional<std::uint32_t> refused_;  ///< id of the last probe that this host did not send
  std::optional<std::size_t> fragment_;
  std::vector<bool> came_;  ///< by id of the probe: whether an answer came, whole or in fragments
  std::optional<bool> after_losses_;
  /// The last report of the service that the search was told.
  std::optional<wire::MeasuringReport> told_;
  Session::Attention attention_;
};

}  // namespace wgscope::checks
