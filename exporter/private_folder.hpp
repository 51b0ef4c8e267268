#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "wgscope/base/result.hpp"

namespace wgscope::exporter {

/// A temporary folder that only its owner may enter; removed with what is in it.
class PrivateFolder {
 public:
  /// @param name  what the folder's name begins with. @returns io.
  static Result<PrivateFolder> make(std::string_view name);
  PrivateFolder(PrivateFolder&& other) noexcept : path_(std::exchange(other.path_, {})) {}
  PrivateFolder& operator=(PrivateFolder&&) = delete;
  PrivateFolder(const PrivateFolder&) = delete;
  PrivateFolder& operator=(const PrivateFolder&) = delete;
  ~PrivateFolder();

  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  explicit PrivateFolder(std::string path) : path_(std::move(path)) {}
  std::string path_;
};

}  // namespace wgscope::exporter
