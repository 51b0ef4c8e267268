#pragma once

#include "wgscope/base/result.hpp"
#include "wgscope/config/expectations.hpp"

namespace wgscope::config {

/// The same target, as one that must not be reachable. A name server that is given no question is
/// asked for a name that does not exist.
/// @returns bad_value for what cannot be expected so.
Result<Expectation> must_not_be_reachable(Expectation expectation);

}  // namespace wgscope::config
