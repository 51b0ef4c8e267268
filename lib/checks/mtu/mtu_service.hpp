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
/// measuring_service.hpp). Whether it is there is asked while the session does other things: a
/// stock peer says at once that nothing listens on that port, or says nothing.
class MtuService {
 public:
  static constexpr std::size_t kMostAsked = 3;  ///< how often ask() asks where no answer comes

  /// @param target  inside the tunnel. The session outlives this.
  MtuService(Session& session, const IpAddress& target);
  MtuService(const MtuService&) = delete;
  MtuService& operator=(const MtuService&) = delete;
  ~MtuService();

  /// Asks whether the service is there, and again a few times, as time passes, until an answer
  /// comes.
  void ask(Instant now);
  /// Whether it is known that the service is there, or that it is not.
  [[nodiscard]] bool settled() const { return first_ || absent_; }
  /// The first answer. Nothing: the service is not there, as far as is known.
  [[nodiscard]] const std::optional<wire::MeasuringAnswer>& first() const { return first_; }

  /// Asks the service for an answer of that size: see MeasuringRequest.
  void request(std::uint32_t serial, std::size_t answer_size);
  /// The service's answer that an event of the session carries, if it carries one.
  [[nodiscard]] std::optional<wire::MeasuringAnswer> answer_in(const inner::Event& event) const;

 private:
  void take(const inner::Event& event);
  [[nodiscard]] std::optional<Instant> next_timeout() const;
  void handle_timeout(Instant now);

  Session& session_;
  IpAddress target_;
  std::uint16_t port_ = 0;  ///< our UDP port for requests; 0: no port was free
  std::size_t asked_ = 0;   ///< how often ask() has asked
  Instant asked_first_{};
  bool absent_ = false;  ///< the service is not there
  std::optional<wire::MeasuringAnswer> first_;
  Session::Attention attention_;
};

}  // namespace wgscope::checks
