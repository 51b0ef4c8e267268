#pragma once

#include "wgscope/base/result.hpp"
#include "wgscope/config/names.hpp"

namespace wgscope::config {

/// What was found, unless each line that should give a name is bad: then it is most likely another
/// file, and the names that were read before are worth more. @returns bad_value with the first.
Result<NamesFound> unless_all_bad(NamesFound found);

}  // namespace wgscope::config
