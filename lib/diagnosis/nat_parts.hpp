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
/// Whether a server has seen another address or port than this host sends from. Without that, an
/// unknown mapping is no sign of a NAT.
bool is_behind_nat(const NatFacts& facts);

/// The lifetime in words: "silent mappings live for 29 to 30 s".
Text describe_lifetime(const path::MappingLifetimeResult& result);

/// The address of this host that the first server to answer saw.
std::optional<IpAddress> mapped_address(const NatFacts& facts);
/// The outer address that the router names, where that may be true.
std::optional<IpAddress> router_outer(const NatFacts& facts);
/// The check of the router. Nothing: no router was asked.
std::optional<Check> check_router(const NatFacts& facts);

/// The checks of lifetime and keepalive, as far as they were wanted.
std::vector<Check> check_lifetime(const NatFacts& facts);

}  // namespace wgscope::diagnosis
