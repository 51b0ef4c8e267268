#pragma once

#include <string>

namespace wgscope::render {

/// docs/checks.md as it has to be (Markdown): all checks, by verb.
std::string checks_document();

}  // namespace wgscope::render
