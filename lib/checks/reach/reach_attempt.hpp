#pragma once

#include <memory>
#include <optional>

#include "wgscope/base/random.hpp"
#include "wgscope/base/result.hpp"
#include "wgscope/base/time.hpp"
#include "wgscope/config/expectations.hpp"
#include "wgscope/diagnosis/reach.hpp"
#include "wgscope/inner/event.hpp"
#include "wgscope/inner/host.hpp"
#include "wgscope/model/address.hpp"

namespace wgscope::checks {

/// Whom an attempt asks, and for what.
struct ReachAim {
  const config::Expectation* expectation = nullptr;  ///< outlives the attempt
  Endpoint to;
  Nanoseconds timeout{};
};

/// One attempt at one target: begun, told what happens inside the tunnel, and settled once.
class ReachAttempt {
 public:
  ReachAttempt(Instant now, const ReachAim& aim);
  ReachAttempt(const ReachAttempt&) = delete;
  ReachAttempt& operator=(const ReachAttempt&) = delete;
  virtual ~ReachAttempt() = default;  ///< lets go of ports and connections

  /// @returns whether the event was about this attempt.
  virtual bool handle_event(Instant now, const inner::Event& event) = 0;
  void handle_timeout(Instant now);

  [[nodiscard]] Instant deadline() const { return deadline_; }
  [[nodiscard]] const std::optional<diagnosis::ReachTry>& result() const { return result_; }

 protected:
  void settle(Instant now, diagnosis::ReachTry result);
  void settle(Instant now, diagnosis::ReachOutcome outcome) { settle(now, {.outcome = outcome}); }
  void cannot_send(Instant now, const Error& error);
  /// By an ICMP error about a packet of this attempt.
  void settle(Instant now, const inner::IcmpFailed& failed);
  [[nodiscard]] const Endpoint& to() const { return to_; }
  [[nodiscard]] const config::Expectation& expectation() const { return *expectation_; }
  /// What it is when the time is over.
  [[nodiscard]] virtual diagnosis::ReachOutcome when_late() const {
    return diagnosis::ReachOutcome::silent;
  }

 private:
  const config::Expectation* expectation_;
  Endpoint to_;
  Instant started_;
  Instant deadline_;
  std::optional<diagnosis::ReachTry> result_;
};

/// Begins an attempt of the kind that is wanted. @param host, random  outlive it.
std::unique_ptr<ReachAttempt> begin_attempt(Instant now, inner::Host& host, Random& random,
                                            const ReachAim& aim);

// One for each kind.
std::unique_ptr<ReachAttempt> begin_echo(Instant now, inner::Host& host, const ReachAim& aim);
std::unique_ptr<ReachAttempt> begin_tcp(Instant now, inner::Host& host, const ReachAim& aim);
std::unique_ptr<ReachAttempt> begin_udp(Instant now, inner::Host& host, const ReachAim& aim);
std::unique_ptr<ReachAttempt> begin_dns(Instant now, inner::Host& host, Random& random,
                                        const ReachAim& aim);
std::unique_ptr<ReachAttempt> begin_http(Instant now, inner::Host& host, const ReachAim& aim);

}  // namespace wgscope::checks
