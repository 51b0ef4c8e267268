#pragma once

#include <optional>
#include <string>

namespace wgscope::os {

/// Who can do what with a file or a directory.
struct Rights {
  unsigned mode = 0;   ///< permission bits (stat(2))
  unsigned owner = 0;  ///< number of the user
  unsigned group = 0;
};

/// @returns nothing where it cannot be found out.
std::optional<Rights> rights_of(const std::string& path);

/// A user of this host, by the numbers of user and group.
struct UserNumbers {
  unsigned user = 0;
  unsigned group = 0;
};
/// @returns nothing where the host has no such user.
std::optional<UserNumbers> user_named(const std::string& name);

/// The path without symbolic links and dots. @returns nothing where nothing is there.
std::optional<std::string> real_path(const std::string& path);

}  // namespace wgscope::os
