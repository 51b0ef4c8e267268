#include "wgscope/os/file.hpp"

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <fcntl.h>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

#include <fmt/core.h>

#include "wgscope/base/result.hpp"
#include "wgscope/base/secret.hpp"
#include "wgscope/base/secret_string.hpp"
#include "wgscope/os/unique_fd.hpp"

namespace wgscope::os {
namespace {

/// As much as fits and is there; fewer than asked for only at the end of the file.
Result<std::size_t> read_up_to(int fd, std::span<char> into) {
  std::size_t used = 0;
  while (used < into.size()) {
    const ssize_t got = read(fd, into.data() + used, into.size() - used);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail_errno("read", errno);
    if (got == 0) break;
    used += static_cast<std::size_t>(got);
  }
  return used;
}

Result<> write_all(int fd, std::string_view content) {
  while (!content.empty()) {
    const ssize_t put = write(fd, content.data(), content.size());
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return fail_errno("write", errno);
    content.remove_prefix(static_cast<std::size_t>(put));
  }
  return {};
}

struct Temporary {
  std::string path;
  UniqueFd file;
};

/// A new file beside the one that it is to become.
Result<Temporary> make_temporary(const std::string& path) {
  Temporary made{path + ".XXXXXX", {}};
  made.file = UniqueFd(mkostemp(made.path.data(), O_CLOEXEC));
  if (!made.file)
    return fail_errno(fmt::format("write {}: make a temporary file beside it", path), errno);
  return made;
}

tl::unexpected<Error> cannot_open(int error) {
  auto failed = fail_errno("open", error);
  if (error == ENOENT) failed.value().context += " (check the path)";
  if (error == EACCES)
    failed.value().context += " (run as root, or as a user who may read the file)";
  return failed;
}

tl::unexpected<Error> too_large(std::size_t max_size) {
  return fail(Errc::too_large, fmt::format("larger than {} bytes", max_size));
}

}  // namespace

Result<std::string> read_file(const std::string& path, std::size_t max_size) {
  const UniqueFd file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!file) return cannot_open(errno);
  constexpr std::size_t kStep = 16UL * 1024;
  std::string text;
  for (std::size_t used = 0;;) {
    text.resize(used + kStep);
    const auto got = read_up_to(file.get(), std::span(text).subspan(used));
    if (!got) return tl::unexpected(got.error());
    used += *got;
    if (used > max_size) return too_large(max_size);
    if (*got < kStep) {
      text.resize(used);
      return text;
    }
  }
}

SecretText::SecretText(std::size_t capacity)
    : memory_(std::make_unique_for_overwrite<char[]>(capacity)), capacity_(capacity) {}

SecretText::~SecretText() {
  if (memory_) wipe(std::span(memory_.get(), capacity_));
}

Result<SecretText> read_secret_file(const std::string& path, std::size_t max_size) {
  const UniqueFd file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  struct stat status{};
  if (!file || fstat(file.get(), &status) != 0) return cannot_open(errno);
  if (!S_ISREG(status.st_mode)) return fail(Errc::bad_value, "not a regular file");
  const auto size = static_cast<std::size_t>(status.st_size);
  if (size > max_size) return too_large(max_size);
  SecretText text(size);
  const auto got = read_up_to(file.get(), {text.memory_.get(), size});
  if (!got) return tl::unexpected(got.error());
  text.used_ = *got;
  return text;
}

Result<> check_replaceable(const std::string& path) {
  struct stat there{};
  if (lstat(path.c_str(), &there) == 0 && !S_ISREG(there.st_mode))
    return fail(Errc::bad_value, fmt::format("write {}: not a regular file", path));
  const auto temporary = make_temporary(path);
  if (!temporary) return tl::unexpected(temporary.error());
  unlink(temporary->path.c_str());
  return {};
}

namespace {

/// All that comes until the end, of what tells no size before.
Result<SecretString> read_secret_stream(int fd, std::size_t max_size) {
  std::array<char, 4096> piece{};
  const WipeGuard wiped{std::span<char>(piece)};
  SecretString text;
  for (;;) {
    const auto got = read_up_to(fd, piece);
    if (!got) return tl::unexpected(got.error());
    text.append({piece.data(), *got});
    if (text.size() > max_size) return too_large(max_size);
    if (*got < piece.size()) return text;
  }
}

}  // namespace

Result<SecretInput> read_secret_input(const std::string& path, std::size_t max_size) {
  UniqueFd file;
  if (path != "-") file.reset(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  const int fd = path == "-" ? STDIN_FILENO : file.get();
  struct stat status{};
  if (fd < 0 || fstat(fd, &status) != 0) return cannot_open(errno);
  if (S_ISDIR(status.st_mode)) return fail(Errc::bad_value, "this is a directory: give a file");
  if (path != "-" && !S_ISREG(status.st_mode) && !S_ISFIFO(status.st_mode))
    return fail(Errc::bad_value, "neither a file nor a pipe");
  // Reads from a pipe must wait; O_NONBLOCK was only for opening a pipe without a writer.
  if (path != "-" && fcntl(fd, F_SETFL, O_RDONLY) != 0) return cannot_open(errno);
  auto text = read_secret_stream(fd, max_size);
  if (!text) return tl::unexpected(text.error());
  SecretInput input{std::move(*text), std::nullopt};
  if (S_ISREG(status.st_mode)) input.mode = status.st_mode & 07777U;
  return input;
}

Result<> replace_file(const std::string& path, std::string_view content, unsigned mode) {
  const auto temporary = make_temporary(path);
  if (!temporary) return tl::unexpected(temporary.error());
  const int file = temporary->file.get();
  auto written = write_all(file, content);
  if (written && (fchmod(file, mode) != 0 || fsync(file) != 0))
    written = fail_errno("finish", errno);
  if (written && rename(temporary->path.c_str(), path.c_str()) != 0)
    written = fail_errno("rename", errno);
  if (written) return {};
  unlink(temporary->path.c_str());
  Error error = std::move(written).error();
  error.context = fmt::format("write {}: {}", path, error.context);
  return tl::unexpected(std::move(error));
}

}  // namespace wgscope::os
