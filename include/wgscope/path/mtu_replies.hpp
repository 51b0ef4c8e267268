#pragma once

#include <cstddef>

#include "wgscope/path/mtu_search.hpp"

// What a search by echo replies found, corrected by what is known of replies beside their arrival:
// their sizes come in steps, and what cuts them shows its own size.

namespace wgscope::path {

/// What was found is not the path's limit, and nothing is known of larger sizes.
void forget_limit(MtuResult& result);

/// A reply of the largest size may have been padded to the next step above `config.ceiling`, so its
/// loss does not say that the ceiling itself is lost.
void widen_to_step(MtuResult& result, const MtuSearchConfig& config);

/// A fragment tells the link that made it, nearly; but one that is smaller than a packet that
/// arrived whole was made by who cuts smaller than any link asks for.
/// @param fragment  bytes of the largest that came in. @param forward  what passes the other way.
void narrow_to_fragment(MtuResult& result, std::size_t fragment, std::size_t forward);

}  // namespace wgscope::path
