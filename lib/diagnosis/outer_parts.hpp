#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "wgscope/diagnosis/outer.hpp"
#include "wgscope/path/mtu_search.hpp"

// Between the files of lib/diagnosis/outer*.cpp.

namespace wgscope::diagnosis {

/// Why echo requests above some size get no reply that proves anything.
enum class PingLimit : std::uint8_t {
  none,           ///< there is no such size, or it is this host's own limit
  path,           ///< the forward path takes no more: a router says so, or UDP is lost as well
  fragments,      ///< larger replies come in fragments
  pings,          ///< somebody on the forward path drops large pings, and not UDP of that size
  pings_or_back,  ///< somebody drops large pings, or the reverse path takes no more
  unknown,        ///< somebody drops large pings, or the path takes no more in either direction
};
PingLimit ping_limit(const OuterFacts& facts);

std::size_t full_size(const OuterFacts& facts);
bool fits(const OuterFacts& facts, const path::MtuResult& direction);
/// Whether `both` says what the path takes in both directions.
bool is_both_known(const OuterFacts& facts);
/// What says which packets arrive at the far end. Nothing: none that can be believed.
std::optional<std::size_t> known_forward(const OuterFacts& facts);
/// What the reverse path takes, or as much as is needed. Nothing: unknown, as where the forward path
/// or this host lets no larger ping get there.
std::optional<std::size_t> known_backward(const OuterFacts& facts);

}  // namespace wgscope::diagnosis
