#include "wgscope/os/rights.hpp"

#include <filesystem>
#include <optional>
#include <string>
#include <sys/stat.h>
#include <system_error>

namespace wgscope::os {

std::optional<Rights> rights_of(const std::string& path) {
  struct stat status{};
  if (stat(path.c_str(), &status) != 0) return std::nullopt;
  return Rights{status.st_mode & 07777U, status.st_uid, status.st_gid};
}

std::optional<std::string> real_path(const std::string& path) {
  std::error_code error;
  const std::filesystem::path real = std::filesystem::canonical(path, error);
  if (error) return std::nullopt;
  return real.string();
}

}  // namespace wgscope::os
