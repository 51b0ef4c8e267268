#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace wgscope::test {

/// Whole files, as bytes. Set-up that fails throws, which GoogleTest reports as
/// that test's failure.
std::string read_file(const std::filesystem::path& path);
void write_file(const std::filesystem::path& path, std::string_view content);

}  // namespace wgscope::test
