#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "wgscope/base/result.hpp"
#include "wgscope/base/secret_string.hpp"

namespace wgscope::os {

/// Reads the whole text of a file without secrets, also of one in /proc, whose size is not known
/// before.
/// @returns too_large above `max_size`, access_denied, io (ENOENT in sys_errno: there is no such
/// file).
Result<std::string> read_file(const std::string& path, std::size_t max_size);

/// A file's text in memory that is wiped when it is destroyed and never copied.
class SecretText {
 public:
  explicit SecretText(std::size_t capacity);
  SecretText(SecretText&&) noexcept = default;
  SecretText& operator=(SecretText&&) = delete;
  SecretText(const SecretText&) = delete;
  SecretText& operator=(const SecretText&) = delete;
  ~SecretText();

  [[nodiscard]] std::string_view text() const { return {memory_.get(), used_}; }

 private:
  friend Result<SecretText> read_secret_file(const std::string& path, std::size_t max_size);

  std::unique_ptr<char[]> memory_;
  std::size_t capacity_;
  std::size_t used_ = 0;
};

/// Reads a regular file that may hold private keys.
/// @returns bad_value for anything but a regular file, and as read_file().
Result<SecretText> read_secret_file(const std::string& path, std::size_t max_size);

/// What may hold private keys, and who can read it where it lies.
struct SecretInput {
  SecretString text;
  std::optional<unsigned> mode;  ///< permission bits (stat(2)); nothing: it is not a regular file
};

/// A regular file, a pipe such as a shell makes of <(command), or for "-" standard input, read to
/// its end: waits for who writes it.
/// @returns bad_value for anything else, and as read_file().
Result<SecretInput> read_secret_input(const std::string& path, std::size_t max_size);

/// Writes a file so that readers see the old content or the new, never a part: to a temporary
/// beside it, then renamed.
/// @param mode  permissions of the new file.
/// @returns access_denied, io, naming the path.
Result<> replace_file(const std::string& path, std::string_view content, unsigned mode);

/// Whether replace_file() could write there now: tried, with a temporary that is removed again.
/// @returns bad_value where something else than a regular file is at the path (replacing a device
/// or what a symbolic link leads to would be no writing to it), access_denied, io, naming the path.
Result<> check_replaceable(const std::string& path);

}  // namespace wgscope::os
