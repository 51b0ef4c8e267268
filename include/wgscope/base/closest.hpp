#pragma once

#include <span>
#include <string>
#include <string_view>

namespace wgscope {

/// For messages about a word that nobody knows: ": did you mean '--count'?" with the one of `known`
/// that differs least from it, in letters changed, added, left out or swapped with the next; capitals
/// are as good as small ones. Empty where even that differs in more than a third of its letters.
std::string did_you_mean(std::string_view word, std::span<const std::string> known);

}  // namespace wgscope
