#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>

#include "wgscope/base/time.hpp"
#include "wgscope/checks/run.hpp"
#include "wgscope/checks/session.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/path/alarm_trials.hpp"
#include "wgscope/path/flow_lifetime.hpp"

#include "silent_flow.hpp"

namespace wgscope::checks {

/// Runs path::AlarmTrials on a real session, with a host inside the tunnel.
class AlarmCalls {
 public:
  /// @param from  our address inside. All outlive this.
  AlarmCalls(Run& run, Session& ours, SilentFlow& flow, const IpAddress& from,
             const IpAddress& host);

  /// What the host's reassembly time is expected to be.
  static std::chrono::seconds alarm_of(const IpAddress& host);

  /// Narrows what is known.
  /// @returns whether the host gave up a piece in time, so that alarms can tell anything.
  bool measure(const path::AlarmConfig& config, path::FlowLifetime& known);

 private:
  void send(path::AlarmTrials& trials);
  void send_ask(std::uint32_t number);
  void send_piece(std::uint32_t number);
  bool take(Instant now, std::span<const std::byte> bytes, path::AlarmTrials& trials);

  Run& run_;
  Session& ours_;
  SilentFlow& flow_;
  IpAddress from_;
  IpAddress host_;
  std::uint16_t ask_id_;  ///< of our echo requests that are whole; that of pieces is the next one
  std::uint32_t piece_id_;
};

}  // namespace wgscope::checks
