#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "wgscope/base/time.hpp"
#include "wgscope/checks/session.hpp"
#include "wgscope/inner/event.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/wire/measuring.hpp"

namespace wgscope::checks {

/// The measuring service of the target, where it is an endpoint of ours (endpoint/
/// measuring_service.hpp). Whether it is there is asked beside other things, so that nobody waits:
/// a stock peer says at once that nobody listens on that port, or nothing.
class MtuService {
 public:
  static constexpr std::size_t kMostAsked = 3;  ///< times

  /// @param target  inside the tunnel. Session outlives this.
  MtuService(Session& session, const IpAddress& target);
  MtuService(const MtuService&) = delete;
  MtuService& operator=(const MtuService&) = delete;
  ~MtuService();

  /// Asks whether it is there; again a few times, as time passes, until something comes.
  void ask(Instant now);
  [[nodiscard]] std::optional<Instant> next_timeout() const;
  void handle_timeout(Instant now);

  /// An answer to a request, where the event is one.
  std::optional<wire::MeasuringAnswer> take(const inner::Event& event);
  /// It is there, or is known not to be.
  [[nodiscard]] bool settled() const { return first_ || absent_; }
  /// The first answer; nothing: not there, as far as is known.
  [[nodiscard]] const std::optional<wire::MeasuringAnswer>& first() const { return first_; }
  /// What came last of what routers reported to it.
  [[nodiscard]] const std::optional<wire::MeasuringReport>& report() const { return report_; }

  /// Wants an answer of a size: MeasuringRequest.
  void request(std::uint32_t serial, std::size_t answer_size);

 private:
  Session& session_;
  IpAddress target_;
  std::uint16_t port_ = 0;  ///< ours; 0: none was free
  std::size_t asked_ = 0;
  Instant asked_first_{};
  bool absent_ = false;
  std::optional<wire::MeasuringAnswer> first_;
  std::optional<wire::MeasuringReport> report_;
};

}  // namespace wgscope::checks
