#pragma once

#include <cstdint>
#include <string>

#include "wgscope/base/result.hpp"

namespace wgscope::exporter {

/// What tells that a file changed. Editors replace files, so the inode counts too.
struct FileStamp {
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  std::uint64_t size = 0;
  std::int64_t modified_ns = 0;
  std::int64_t changed_ns = 0;
  friend bool operator==(const FileStamp&, const FileStamp&) = default;
};

/// Of the file that a path leads to, through symbolic links. @returns io, access_denied.
Result<FileStamp> stamp_of(const std::string& path);

}  // namespace wgscope::exporter
