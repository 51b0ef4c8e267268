#pragma once

#include <optional>
#include <string>

#include "wgscope/diagnosis/mtu.hpp"
#include "wgscope/model/address.hpp"

#include "probe/frame.hpp"
#include "probe/verbs.hpp"

namespace wgscope::probe {

/// wgscope mtu --outer: the path without a tunnel.
struct MtuOuter {
  CheckOptions check;
  std::string host;  ///< HOST or HOST:PORT; empty: the configuration's endpoint
  std::optional<Family> family;
  bool is_limited = false;  ///< by a --timeout that was given
};
Exit run_mtu_outer(const MtuOuter& verb);

/// The sizes that were tried one way, a line each.
std::string size_table(std::string_view title, const diagnosis::MtuDirection& direction);

}  // namespace wgscope::probe
