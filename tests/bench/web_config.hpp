#pragma once

#include <string>

#include "temp_dir.hpp"

namespace wgscope::bench {

/// A file for --web.config.file with TLS that asks nothing of clients. @returns its path.
std::string write_web_config(const test::TempDir& folder);

}  // namespace wgscope::bench
