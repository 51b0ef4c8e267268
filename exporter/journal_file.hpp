#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

#include "wgscope/base/result.hpp"
#include "wgscope/os/unique_fd.hpp"

#include "exporter/journal.hpp"

namespace wgscope::exporter {

/// A journal in a file, which others may rename or remove at any time: before each write the file at
/// the path is compared with the one that is open (device and inode), and opened anew if it is
/// another one. So logrotate needs no signal and no script. For one thread.
///
/// Lines are appended whole. If only a part of one could be written (a full disk), that part is cut
/// off again. If the process was killed inside a line, the next line begins on one of its own.
class JournalFile final : public JournalOutput {
 public:
  explicit JournalFile(std::string path) : path_(std::move(path)) {}

  /// @returns access_denied, io, naming the path; bad_value for what is not a regular file, and
  /// where another process has the file as its journal.
  Result<> write(std::string_view lines, std::size_t& done) override;
  bool begun_anew() override { return std::exchange(begun_anew_, false); }

 private:
  Result<> open();
  Result<> append(std::string_view lines, std::size_t& done);
  [[nodiscard]] bool is_at_path() const;

  std::string path_;
  os::UniqueFd file_;
  bool torn_ = false;      ///< the file ends inside a line
  bool was_open_ = false;  ///< at any time
  bool begun_anew_ = false;
};

}  // namespace wgscope::exporter
