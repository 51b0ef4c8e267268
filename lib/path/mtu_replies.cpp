#include "wgscope/path/mtu_replies.hpp"

#include <algorithm>
#include <cstddef>

#include "wgscope/path/mtu_search.hpp"

namespace wgscope::path {
namespace {

/// IPv4 cuts at multiples of 8 bytes (RFC 791 §3.1), IPv6 likewise (RFC 8200 §4.5).
constexpr std::size_t kFragmentUnit = 8;
/// The least MTU that Linux learns of a path over IPv4 (net.ipv4.route.min_pmtu). A gateway that
/// cuts to that believes a report that claimed as much or less, which no link with IPv4 has.
constexpr std::size_t kLeastLearnt = 552;

}  // namespace

void forget_limit(MtuResult& result) {
  result.not_above.reset();
  result.current_fits.reset();
  result.exact = false;
  result.verdict = MtuVerdict::inconclusive;
}

void widen_to_step(MtuResult& result, const MtuSearchConfig& config) {
  if (!result.not_above || *result.not_above + 1 != config.ceiling) return;
  const std::size_t beyond = (config.ceiling - config.floor) % config.step;
  if (beyond != 0) result.not_above = config.ceiling - beyond + config.step - 1;
}

void narrow_to_fragment(MtuResult& result, std::size_t fragment, std::size_t forward) {
  if (!result.not_above) return;
  if (fragment <= kLeastLearnt && forward > 2 * kLeastLearnt) return forget_limit(result);
  if (result.mtu && fragment < *result.mtu) return;
  result.mtu = fragment;
  result.not_above = std::max(fragment, std::min(*result.not_above, fragment + kFragmentUnit - 1));
}

}  // namespace wgscope::path
