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

#include "mtu_course.hpp"
#include "mtu_service.hpp"

namespace wgscope::checks {

/// Bytes that UDP and IP add to a datagram.
std::size_t datagram_overhead(Family outer);

/// Bytes that WireGuard, UDP and IP add to an inner packet.
std::size_t tunnel_overhead(Family outer);

/// Runs one search over a session: sends its probes as echo requests, and tells it what
/// came of them.
class MtuProbing final : public MtuSearching {
 public:
  /// @param target  inside the tunnel. @param service  the target's. All outlive the probing.
  MtuProbing(Run& run, Session& session, const IpAddress& target, MtuWay way, MtuService& service);
  MtuProbing(const MtuProbing&) = delete;
  MtuProbing& operator=(const MtuProbing&) = delete;
  ~MtuProbing() override;

  // As MtuSearching has them.

  void announce(const diagnosis::Text& what) override { what_ = what; }
  void limit_requests(std::size_t largest) override { largest_request_ = largest; }
  [[nodiscard]] std::optional<std::size_t> largest_fragment() const override { return fragment_; }
  [[nodiscard]] std::optional<bool> fragments_after_losses() const override {
    return after_losses_;
  }
  [[nodiscard]] bool replies_were_sent() const override;
  [[nodiscard]] bool inner_fragments() const override;

  // While it searches, for checks::drive().
  [[nodiscard]] std::optional<Instant> next_timeout() const;
  void handle_timeout(Instant now) { engine().handle_timeout(now); }
  [[nodiscard]] bool done() const { return is_over(); }

 private:
  void drive(Instant deadline) override;
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
  std::uint64_t missing_before_;     ///< of the gateway's packets
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
