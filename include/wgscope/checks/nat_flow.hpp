#pragma once

#include <chrono>
#include <memory>
#include <optional>

#include "wgscope/base/result.hpp"
#include "wgscope/checks/question.hpp"
#include "wgscope/checks/run.hpp"
#include "wgscope/checks/session.hpp"
#include "wgscope/checks/target.hpp"
#include "wgscope/checks/tunnel.hpp"
#include "wgscope/diagnosis/nat_flow.hpp"
#include "wgscope/model/address.hpp"

namespace wgscope::checks {

struct NatFlowOptions {
  /// The interval to be judged; nothing or 0: off.
  std::optional<std::chrono::seconds> keepalive;
  /// The longest silence that is tried. Zero: only finds out whether anything comes in that can be
  /// used.
  std::chrono::seconds longest_silence{180};
};

/// With a TCP service a measurement takes no longer than this, whatever happens: then it says what
/// is known. Chosen: four minutes less the usual limit of a handshake, which comes before. That is
/// enough for the silence of 102 s of Linux' TCP.
inline constexpr std::chrono::seconds kLongestTcp{220};
/// The same with a second peer. Chosen: the bracket is narrow by then, except where long silences
/// were asked for: those get their time.
constexpr std::chrono::seconds longest_twin(const NatFlowOptions& options) {
  constexpr std::chrono::seconds kUsual{14 * 60};
  return options.longest_silence * 3 > kUsual ? options.longest_silence * 3 : kUsual;
}

/// Between which addresses inside the tunnel the twin's packets go.
struct TwinAddresses {
  IpAddress from;  ///< the twin's address
  IpAddress to;    ///< this host's address
};

/// @returns bad_value, in a sentence that says what to do: another gateway, the same key, no two
/// addresses of one family that both files let into the tunnel.
Result<TwinAddresses> twin_addresses(const Target& ours, const Target& twin);

/// Finds out how long the NATs on the way remember the tunnel's own flow when it is silent, and
/// whether a keepalive is often enough, with a second peer of the same gateway that sends to us
/// through it. Takes the sum of all silences that are tried: minutes.
/// @param ours, twin  stand.
diagnosis::FlowFacts nat_flow(Run& run, Session& ours, Session& twin, const TwinAddresses& way,
                              const NatFlowOptions& options);

/// @returns bad_value, in a sentence that says what to do: a service that is not inside the tunnel.
Result<> check_service(const Target& ours, const Endpoint& service);

/// The same with a TCP service inside the tunnel, whose host sends again what is not acknowledged:
/// coarser, as it does so after 25, 51, 102 s. Opens a few connections to it, asks it by HTTP if it
/// does not speak first, and resets them at the end. Takes minutes.
/// @param session  stands.
diagnosis::FlowFacts nat_flow(Run& run, Session& session, const Endpoint& service,
                              const NatFlowOptions& options);

/// What the tunnel's own flow is measured with: one of these, or one after the other both.
struct FlowHelp {
  std::unique_ptr<Tunnel> twin;     ///< a second peer of the same gateway
  std::optional<Endpoint> service;  ///< a TCP service inside the tunnel
};

/// @param ours  outlives the question.
/// @returns as twin_addresses() and check_service().
Result<std::unique_ptr<Question>> nat_flow_question(Tunnel& ours, FlowHelp help,
                                                    const NatFlowOptions& options);

}  // namespace wgscope::checks
