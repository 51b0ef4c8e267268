#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace wgscope::audit {

/// What a shell command may leave open.
enum class Unclosed : std::uint8_t { single_quote, double_quote, backquote, parenthesis };
std::string_view name_of(Unclosed what);  ///< "a single quote"

/// What a command of bash opens and does not close, so that bash refuses it: quotes, and
/// parentheses. Here documents and brackets of other kinds are not looked at.
std::optional<Unclosed> unclosed(std::string_view command);

}  // namespace wgscope::audit
