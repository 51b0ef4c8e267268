#pragma once

#include <chrono>
#include <optional>
#include <string_view>
#include <vector>

#include "wgscope/diagnosis/finding.hpp"
#include "wgscope/diagnosis/nat.hpp"
#include "wgscope/diagnosis/report.hpp"
#include "wgscope/diagnosis/text.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/path/mapping_lifetime.hpp"
#include "wgscope/path/nat_behaviour.hpp"

namespace wgscope::diagnosis {

bool is_dependent(path::NatMapping mapping);

/// "silent mappings live for 29 to 30 s".
Text describe_lifetime(const path::MappingLifetimeResult& result);

/// What the first server that answered saw.
std::optional<IpAddress> mapped_address(const NatFacts& facts);
/// What the router says of its outer side, where that may be true.
std::optional<IpAddress> router_outer(const NatFacts& facts);
/// Nothing: it was not asked.
std::optional<Check> check_router(const NatFacts& facts);

/// Lifetime and keepalive, as far as they were wanted.
std::vector<Check> check_lifetime(const NatFacts& facts);

}  // namespace wgscope::diagnosis
