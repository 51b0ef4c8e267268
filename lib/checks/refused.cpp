#include "refused.hpp"

#include <algorithm>
#include <cstddef>
#include <span>

#include <fmt/core.h>

#include "wgscope/diagnosis/handshake.hpp"
#include "wgscope/tunnel/event.hpp"
#include "wgscope/wire/message.hpp"

namespace wgscope::checks {
namespace {

using tunnel::DropReason;

constexpr std::size_t kMostStrays = 8;    ///< kinds
constexpr std::size_t kShownOfStray = 8;  ///< bytes

/// Whether a message of that type may have that size.
bool is_wireguard_size(unsigned type, std::size_t size) {
  switch (type) {
    case 1: return size == wire::kInitiationSize;
    case 2: return size == wire::kResponseSize;
    case 3: return size == wire::kCookieReplySize;
    case 4: return size >= wire::kKeepaliveSize;
    default: return false;
  }
}

void add_stray(const diagnosis::Stray& stray, diagnosis::Refused& all) {
  const auto known = std::ranges::find_if(all.strays, [&](const diagnosis::Stray& one) {
    return one.from == stray.from && one.size == stray.size && one.begins == stray.begins;
  });
  if (known != all.strays.end())
    known->count += stray.count;
  else if (all.strays.size() < kMostStrays)
    all.strays.push_back(stray);
  else
    all.more_strays += stray.count;
}

diagnosis::Stray stray_of(const tunnel::Event& event) {
  diagnosis::Stray stray;
  if (event.address) stray.from = *event.address;
  stray.size = event.size;
  const std::size_t shown = std::min<std::size_t>(event.size, kShownOfStray);
  for (const std::byte byte : std::span(event.begins).first(shown))
    stray.begins +=
        fmt::format("{}{:02x}", stray.begins.empty() ? "" : " ", std::to_integer<unsigned>(byte));
  stray.reserved = event.reason == DropReason::malformed &&
                   is_wireguard_size(std::to_integer<unsigned>(event.begins[0]), event.size);
  return stray;
}

/// Where datagrams that are WireGuard messages count.
std::size_t& place_of(const tunnel::Event& event, diagnosis::Refused& all) {
  using enum DropReason;
  switch (event.reason.value_or(no_resources)) {
    case not_for_us:
    case unknown_peer:
    case stale_timestamp:
    case too_soon:
    case under_load:
    case rate_limited: return all.initiations;
    case not_authentic:
    case low_order:
    case response_not_decrypted:
    case cookie_unexpected: return all.not_authentic;
    case unknown_index: return event.never_ours ? all.foreign : all.late;
    case response_unexpected:
    case session_expired: return all.late;
    case replayed:
    case exhausted: return all.repeated;
    case inner_malformed:
    case source_not_allowed: return all.inside;
    case malformed:
    case bad_mac1:
    case no_resources: break;
  }
  return all.failed;
}

}  // namespace

void count_refused(const tunnel::Event& event, diagnosis::Refused& all) {
  if (event.reason == DropReason::malformed || event.reason == DropReason::bad_mac1)
    add_stray(stray_of(event), all);
  else
    ++place_of(event, all);
}

bool is_late_response(const tunnel::Event& event) {
  return event.reason == DropReason::unknown_index && event.size == wire::kResponseSize &&
         event.begins[0] == std::byte{2};
}

void merge_refused(const diagnosis::Refused& more, diagnosis::Refused& all) {
  for (const diagnosis::Stray& stray : more.strays) add_stray(stray, all);
  all.more_strays += more.more_strays;
  all.initiations += more.initiations;
  all.not_authentic += more.not_authentic;
  all.foreign += more.foreign;
  all.late += more.late;
  all.repeated += more.repeated;
  all.inside += more.inside;
  all.failed += more.failed;
}

}  // namespace wgscope::checks
