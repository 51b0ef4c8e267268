#pragma once

#include <filesystem>

namespace wgscope::test {

/// Where this checkout and this build lie. Functions of one small file, so that no other object
/// depends on the place and ccache can give it to a checkout elsewhere.
std::filesystem::path source_dir();
std::filesystem::path binary_dir();

}  // namespace wgscope::test
