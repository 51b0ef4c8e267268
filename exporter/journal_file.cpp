#include "exporter/journal_file.hpp"

#include <cerrno>
#include <cstddef>
#include <fcntl.h>
#include <string_view>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

#include <fmt/core.h>

#include "wgscope/base/result.hpp"
#include "wgscope/os/unique_fd.hpp"

namespace wgscope::exporter {
namespace {

/// The most that is written at once: what a kill may leave half written, and what may have to be
/// read again to find the beginning of a line.
constexpr std::size_t kMostAtOnce = 256UL * 1024;

ssize_t write_some(int file, std::string_view text) {
  ssize_t put = 0;
  do {
    put = ::write(file, text.data(), text.size());
  } while (put < 0 && errno == EINTR);
  return put;
}

}  // namespace

bool JournalFile::is_at_path() const {
  struct stat opened{};
  struct stat there{};
  return fstat(file_.get(), &opened) == 0 && stat(path_.c_str(), &there) == 0 &&
         opened.st_dev == there.st_dev && opened.st_ino == there.st_ino;
}

Result<> JournalFile::open() {
  if (file_ && is_at_path()) return {};
  const auto failed = [&] {
    auto why = fail_errno(fmt::format("write the journal {}", path_), errno);
    if (why.value().sys_errno == ENOENT) why.value().context += " (make its directory)";
    return why;
  };
  file_.reset();
  // Without waiting: opening a pipe would wait for its reader.
  os::UniqueFd file(
      ::open(path_.c_str(), O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK, 0640));
  struct stat status{};
  if (!file || fstat(file.get(), &status) != 0) return failed();
  if (!S_ISREG(status.st_mode))
    return fail(Errc::bad_value, fmt::format("write the journal {}: not a regular file", path_));
  if (flock(file.get(), LOCK_EX | LOCK_NB) != 0)
    return fail(Errc::bad_value,
                fmt::format("write the journal {}: another process writes to this file", path_));
  char last = '\n';
  if (status.st_size > 0 && pread(file.get(), &last, 1, status.st_size - 1) != 1) return failed();
  torn_ = last != '\n';
  if (status.st_size == 0 && was_open_) begun_anew_ = true;
  was_open_ = true;
  file_ = std::move(file);
  return {};
}

Result<> JournalFile::append(std::string_view lines, std::size_t& done) {
  const auto failed = [&](int error) {
    return fail_errno(fmt::format("write the journal {}", path_), error);
  };
  if (torn_) {
    if (write_some(file_.get(), "\n") != 1) return failed(errno);
    torn_ = false;
  }
  while (done < lines.size()) {
    std::string_view piece = lines.substr(done, kMostAtOnce);
    if (piece.size() < lines.size() - done) piece = piece.substr(0, piece.rfind('\n') + 1);
    const ssize_t put = write_some(file_.get(), piece);
    if (put < 0) return failed(errno);
    const auto size = static_cast<std::size_t>(put);
    if (size == piece.size()) {
      done += size;
      continue;
    }
    // The disk is full: keep the whole lines.
    const std::size_t whole = piece.substr(0, size).rfind('\n') + 1;
    struct stat status{};
    torn_ = whole != size &&
            (fstat(file_.get(), &status) != 0 ||
             ftruncate(file_.get(), status.st_size - static_cast<off_t>(size - whole)) != 0);
    done += whole;
    return failed(ENOSPC);
  }
  return {};
}

Result<> JournalFile::write(std::string_view lines, std::size_t& done) {
  done = 0;
  if (auto opened = open(); !opened) return opened;
  auto appended = append(lines, done);
  // Whether it reached the disk is known now or never: the lines are not written again.
  if (done != 0 && fdatasync(file_.get()) != 0 && appended)
    return fail_errno(fmt::format("write the journal {}: synchronize", path_), errno);
  return appended;
}

}  // namespace wgscope::exporter
