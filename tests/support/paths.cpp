#include "paths.hpp"

#include <filesystem>

namespace wgscope::test {

std::filesystem::path source_dir() { return WGSCOPE_SOURCE_DIR; }
std::filesystem::path binary_dir() { return WGSCOPE_BINARY_DIR; }

}  // namespace wgscope::test
