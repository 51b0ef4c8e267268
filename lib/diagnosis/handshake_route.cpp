#include <algorithm>
#include <array>
#include <optional>
#include <vector>

#include "wgscope/diagnosis/finding.hpp"
#include "wgscope/diagnosis/handshake.hpp"
#include "wgscope/diagnosis/report.hpp"
#include "wgscope/diagnosis/route.hpp"
#include "wgscope/model/address.hpp"

#include "handshake_parts.hpp"

namespace wgscope::diagnosis {
namespace {

/// What somebody on a wrong way, or this host instead of the gateway, answers or does not answer.
constexpr std::array kMayBeTheWay{
    FindingId::nothing_listens, FindingId::endpoint_rejects,   FindingId::hop_rejects,
    FindingId::hop_unreachable, FindingId::silent_host_up,     FindingId::silent,
    FindingId::local_firewall,  FindingId::wireguard_filtered,
};

}  // namespace

std::optional<Check> check_way(const Scene& scene) {
  if (!scene.one.route) return std::nullopt;
  return check_route(*scene.one.route, gateway_answered(scene.one));
}

void blame_way(const Scene& scene, std::vector<Check>& checks) {
  if (!scene.one.route) return;
  const auto reason = route_to_blame(*scene.one.route);
  if (!reason) return;
  for (Check& check : checks) {
    if (!check.finding || std::ranges::find(kMayBeTheWay, check.finding->id) == kMayBeTheWay.end())
      continue;
    auto& hypotheses = check.finding->hypotheses;
    hypotheses.insert(hypotheses.begin(), *reason);
  }
}

const RouteFacts* route_to(const HandshakeFacts& facts, const Endpoint& address) {
  const auto found = std::ranges::find(facts.attempts, address, &AttemptFacts::endpoint);
  return found == facts.attempts.end() || !found->route ? nullptr : &*found->route;
}

}  // namespace wgscope::diagnosis
