#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "wgscope/base/time.hpp"
#include "wgscope/checks/run.hpp"
#include "wgscope/checks/session.hpp"
#include "wgscope/diagnosis/nat_flow.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/path/retransmission_ladder.hpp"
#include "wgscope/path/silent_gateway.hpp"
#include "wgscope/path/silent_tcp.hpp"

#include "silent_flow.hpp"

namespace wgscope::checks {

/// Runs path::RetransmissionLadder on a real session, with a few path::SilentTcp to one service.
class LadderCalls {
 public:
  /// @param from  our address inside. All outlive this.
  LadderCalls(Run& run, Session& ours, const IpAddress& from, const Endpoint& service);
  LadderCalls(const LadderCalls&) = delete;
  LadderCalls& operator=(const LadderCalls&) = delete;
  ~LadderCalls();

  /// Measures until it is known what the interval's silence does, or nothing more can be found out,
  /// or the user ends it.
  /// @param config  without `alarm` and `known`; `most` is set, and includes connecting.
  void measure(path::LadderConfig config, diagnosis::FlowFacts& facts);

 private:
  struct Line {
    path::SilentTcp tcp;
    std::optional<Instant> data;  ///< when data last came in; nothing: none has
  };

  struct Opening;

  void make_lines();
  void close();
  bool open();
  bool climb_once(const path::LadderConfig& config, diagnosis::FlowFacts& facts);
  bool take_opening(Instant now, std::span<const std::byte> bytes);
  bool take_climbing(Instant now, std::span<const std::byte> bytes,
                     path::RetransmissionLadder& ladder, std::span<const std::size_t> lines);
  void climb(path::RetransmissionLadder& ladder, std::span<const std::size_t> lines);
  void send_packets();
  void send(path::RetransmissionLadder& ladder, std::span<const std::size_t> lines);
  [[nodiscard]] diagnosis::ServiceFault fault() const;

  Run& run_;
  Session& ours_;
  IpAddress from_;
  Endpoint service_;
  SilentFlow flow_;
  std::vector<Line> lines_;
  path::LossSeen seen_;
  std::size_t packets_ = 0;  ///< packets sent to the service
};

}  // namespace wgscope::checks
