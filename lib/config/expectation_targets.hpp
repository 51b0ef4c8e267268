#pragma once

#include "wgscope/base/result.hpp"
#include "wgscope/config/expectations.hpp"

namespace wgscope::config {

/// Turns an expectation into its opposite: the target must not be reachable. A name server that is
/// given no question is asked for a name that does not exist.
/// @returns bad_value if this kind of target, or its `answers`, cannot be combined with that.
Result<Expectation> must_not_be_reachable(Expectation expectation);

}  // namespace wgscope::config
