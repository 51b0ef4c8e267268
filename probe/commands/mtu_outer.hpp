#pragma once

#include <string>
#include <string_view>

#include "wgscope/path/mtu_search.hpp"

#include "probe/frame.hpp"
#include "probe/verbs.hpp"

namespace wgscope::probe {

/// wgscope mtu --outer: the path without a tunnel.
/// @param host  HOST or HOST:PORT; empty: the configuration's endpoint.
Exit run_mtu_outer(const CheckOptions& check, const std::string& host);

/// The sizes that were tried one way, a line each.
std::string size_table(std::string_view title, const path::MtuResult& direction);

}  // namespace wgscope::probe
