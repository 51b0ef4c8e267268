#pragma once

#include "wgscope/diagnosis/mtu.hpp"
#include "wgscope/path/mtu_search.hpp"

namespace wgscope::checks {

/// What a search found, as a fact.
diagnosis::MtuDirection to_facts(const path::MtuResult& result);

}  // namespace wgscope::checks
