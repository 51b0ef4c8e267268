#include "wgscope/checks/nat_flow.hpp"

#include <chrono>
#include <cstddef>
#include <optional>

#include <fmt/core.h>

#include "wgscope/base/result.hpp"
#include "wgscope/checks/run.hpp"
#include "wgscope/checks/session.hpp"
#include "wgscope/checks/target.hpp"
#include "wgscope/crypto/x25519.hpp"
#include "wgscope/diagnosis/nat_flow.hpp"
#include "wgscope/diagnosis/session.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/path/flow_lifetime.hpp"
#include "wgscope/path/retransmission_ladder.hpp"
#include "wgscope/path/silence_search.hpp"

#include "nat_ladder.hpp"
#include "nat_twin.hpp"

namespace wgscope::checks {
namespace {

diagnosis::FlowFacts begin(diagnosis::FlowMethod method, const Session& ours,
                           const Endpoint& caller, const NatFlowOptions& options) {
  diagnosis::FlowFacts facts;
  facts.method = method;
  facts.gateway = ours.gateway();
  facts.caller = caller;
  facts.keepalive = options.keepalive;
  facts.longest_silence = options.longest_silence;
  return facts;
}

/// Tells the session what the measurement saw of it.
/// @param needed  as of path::conclude().
void heed_losses(Session& ours, std::size_t needed, diagnosis::FlowFacts& facts) {
  for (const path::SessionLost& lost : facts.found.lost)
    ours.note_lost({.lived = lost.lived,
                    .silent = lost.silent,
                    .unanswered = lost.unanswered,
                    .awaited = true});
  const diagnosis::SessionFacts seen = ours.facts();
  facts.sessions_lost = seen.lost.size();
  facts.taken = seen.taken.sessions > 0;
  if (facts.taken || facts.sessions_lost > 0)
    path::forget_failures(facts.found, path::judged_silence(facts.keepalive), needed);
}

}  // namespace

Result<TwinAddresses> twin_addresses(const Target& ours, const Target& twin) {
  if (ours.gateway != twin.gateway)
    return fail(
        Errc::bad_value,
        "the file of the second peer names another gateway: it must be a peer of the same gateway");
  const auto our_key = crypto::derive_public_key(ours.private_key.secret);
  const auto twins_key = crypto::derive_public_key(twin.private_key.secret);
  if (our_key && twins_key && *our_key == *twins_key)
    return fail(Errc::bad_value,
                "the file of the second peer has the same private key: it must be another peer");
  for (const Prefix& to : ours.addresses) {
    for (const Prefix& from : twin.addresses) {
      if (to.address.family != from.address.family || to.address == from.address) continue;
      if (is_allowed(twin, to.address) && is_allowed(ours, from.address))
        return TwinAddresses{from.address, to.address};
    }
  }
  return fail(
      Errc::bad_value,
      fmt::format("the AllowedIPs keep the two peers apart: each file's [Peer] must allow the "
                  "other peer's Address, here {} and {}",
                  twin.addresses.front().address.to_string(),
                  ours.addresses.front().address.to_string()));
}

diagnosis::FlowFacts nat_flow(Run& run, Session& ours, Session& twin, const TwinAddresses& way,
                              const NatFlowOptions& options) {
  diagnosis::FlowFacts facts = begin(diagnosis::FlowMethod::twin, ours, {way.from, 0, 0}, options);
  facts.ours = way.to;
  path::SilenceSearchConfig config{.interval = options.keepalive,
                                   .longest_silence = options.longest_silence,
                                   .most = longest_twin(options)};
  if (options.longest_silence == std::chrono::seconds(0)) config.interval.reset();
  TwinCalls(run, ours, twin, way).measure(config, facts);
  heed_losses(ours, config.trials, facts);
  facts.interrupted = run.interrupted();
  return facts;
}

Result<> check_service(const Target& ours, const Endpoint& service) {
  if (auto inside = check_inside(ours, service.address); !inside) return inside;
  for (const Prefix& own : ours.addresses)
    if (own.address.family == service.address.family && own.address != service.address) return {};
  return fail(Errc::bad_value, fmt::format("{}: this peer has no address of that family",
                                           service.address.to_string()));
}

diagnosis::FlowFacts nat_flow(Run& run, Session& session, const Endpoint& service,
                              const NatFlowOptions& options) {
  diagnosis::FlowFacts facts = begin(diagnosis::FlowMethod::tcp, session, service, options);
  const auto from = session.host().source_for(service.address);
  if (!from) return facts;
  facts.ours = *from;
  LadderCalls(run, session, *from, service)
      .measure({.interval = options.keepalive,
                .longest_silence = options.longest_silence,
                .most = kLongestTcp},
               facts);
  heed_losses(session, path::kLadderTrials, facts);
  facts.interrupted = run.interrupted();
  return facts;
}

}  // namespace wgscope::checks
