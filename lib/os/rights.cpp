#include "wgscope/os/rights.hpp"

#include <array>
#include <filesystem>
#include <optional>
#include <pwd.h>
#include <string>
#include <sys/stat.h>
#include <system_error>

namespace wgscope::os {

std::optional<Rights> rights_of(const std::string& path) {
  struct stat status{};
  if (stat(path.c_str(), &status) != 0) return std::nullopt;
  return Rights{status.st_mode & 07777U, status.st_uid, status.st_gid};
}

std::optional<UserNumbers> user_named(const std::string& name) {
  passwd entry{};
  passwd* found = nullptr;
  std::array<char, 4096> memory;  // NOLINT(*-member-init): written by the call
  if (getpwnam_r(name.c_str(), &entry, memory.data(), memory.size(), &found) != 0 ||
      found == nullptr)
    return std::nullopt;
  return UserNumbers{entry.pw_uid, entry.pw_gid};
}

std::optional<std::string> real_path(const std::string& path) {
  std::error_code error;
  const std::filesystem::path real = std::filesystem::canonical(path, error);
  if (error) return std::nullopt;
  return real.string();
}

}  // namespace wgscope::os
