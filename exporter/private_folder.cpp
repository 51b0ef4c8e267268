#include "exporter/private_folder.hpp"

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include <fmt/format.h>

#include "wgscope/base/result.hpp"

namespace wgscope::exporter {

Result<PrivateFolder> PrivateFolder::make(std::string_view name) {
  std::error_code ignored;
  std::string path = std::filesystem::temp_directory_path(ignored) / fmt::format("{}.XXXXXX", name);
  if (mkdtemp(path.data()) == nullptr)
    return fail_errno(fmt::format("make the directory {}", path), errno);
  return PrivateFolder(std::move(path));
}

PrivateFolder::~PrivateFolder() {
  std::error_code ignored;
  if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
}

}  // namespace wgscope::exporter
