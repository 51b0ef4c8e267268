#pragma once

#include <chrono>
#include <optional>

#include "wgscope/base/result.hpp"
#include "wgscope/checks/handshake.hpp"
#include "wgscope/checks/run.hpp"
#include "wgscope/checks/session.hpp"
#include "wgscope/checks/stamps.hpp"
#include "wgscope/checks/target.hpp"
#include "wgscope/diagnosis/nat_flow.hpp"
#include "wgscope/diagnosis/report.hpp"
#include "wgscope/model/address.hpp"

namespace wgscope::checks {

struct NatFlowOptions {
  std::optional<std::chrono::seconds> keepalive;  ///< that is judged; nothing or 0: off
  /// How far the lifetime is looked for. Zero: only whether anything comes in that can be used.
  std::chrono::seconds longest{180};
};

/// How the twin's packets go.
struct TwinWay {
  IpAddress from;  ///< the twin's address inside
  IpAddress to;    ///< ours
};

/// @returns bad_value, in a sentence that says what to do: another gateway, the same key, no two
/// addresses of one family that both files let into the tunnel.
Result<TwinWay> twin_way(const Target& ours, const Target& twin);

/// Finds out how long the NATs on the way remember the tunnel's own flow when it is silent, and
/// whether a keepalive is often enough, with a second peer of the same gateway that sends to us
/// through it. Takes the sum of all silences that are tried: minutes.
/// @param ours, twin  stand, at the same address of the gateway.
diagnosis::FlowFacts nat_flow(Run& run, Session& ours, Session& twin, const TwinWay& way,
                              const NatFlowOptions& options);

/// The second peer.
struct Twin {
  const Target& target;
  Stamps& stamps;
};

struct NatFlowCheck {
  HandshakeOptions handshake;  ///< of both; its `data` is not looked at
  NatFlowOptions flow;
};

/// Handshakes with both keys, measures, and adds all of it to a report.
void check_nat_flow(Run& run, const Target& target, Stamps& stamps, Twin twin, NatFlowCheck check,
                    diagnosis::Report& report);

}  // namespace wgscope::checks
