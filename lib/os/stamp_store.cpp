#include "wgscope/os/stamp_store.hpp"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <fcntl.h>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <sys/file.h>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>
#include <utility>

#include <fmt/core.h>

#include "wgscope/base/bytes.hpp"
#include "wgscope/base/result.hpp"
#include "wgscope/base/text.hpp"
#include "wgscope/model/public_key.hpp"
#include "wgscope/os/file.hpp"
#include "wgscope/os/unique_fd.hpp"

namespace wgscope::os {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kMostAhead = std::chrono::minutes(1);
constexpr std::uint32_t kSecond = 1'000'000'000;  // in nanoseconds
constexpr std::size_t kTextSize = 26;             // "@", 24 digits, "\n"
// Labels from 2^63 on are reserved (https://cr.yp.to/libtai/tai64.html).
constexpr std::uint64_t kMostSeconds = INT64_MAX;

std::string hex(std::span<const std::byte> bytes) {
  std::string text;
  for (const std::byte byte : bytes) text += fmt::format("{:02x}", byte);
  return text;
}

Stamp later(const Stamp& stamp, milliseconds by) {
  const std::span<const std::byte, Stamp().size()> from(stamp);
  const std::uint64_t nanoseconds =
      load_be32(from.last<4>()) + static_cast<std::uint64_t>(by.count()) * 1'000'000;
  const std::uint64_t seconds = load_be64(from.first<8>());
  const std::uint64_t more = nanoseconds / kSecond;
  if (seconds > kMostSeconds - more) return stamp;
  Stamp sum;
  const std::span<std::byte, Stamp().size()> to(sum);
  store_be64(to.first<8>(), seconds + more);
  store_be32(to.last<4>(), static_cast<std::uint32_t>(nanoseconds % kSecond));
  return sum;
}

/// The external format of TAI64N, as other programs have it in their logs: "@" and 24 digits.
std::optional<Stamp> parse_stamp(std::string_view text) {
  if (text.size() != kTextSize || text.front() != '@' || text.back() != '\n') return std::nullopt;
  Stamp stamp;
  if (!decode_hex(text.substr(1, kTextSize - 2), stamp)) return std::nullopt;
  const std::span<const std::byte, Stamp().size()> bytes(stamp);
  if (load_be64(bytes.first<8>()) > kMostSeconds || load_be32(bytes.last<4>()) >= kSecond)
    return std::nullopt;
  return stamp;
}

Result<> make_folder(const std::filesystem::path& folder) {
  std::error_code error;
  if (std::filesystem::is_directory(folder, error)) return {};
  if (folder.has_parent_path() && folder.parent_path() != folder)
    if (auto made = make_folder(folder.parent_path()); !made) return made;
  if (mkdir(folder.c_str(), 0700) == 0 || errno == EEXIST) return {};
  return fail_errno(fmt::format("make the directory {} for handshake timestamps", folder.string()),
                    errno);
}

/// The lock has a file of its own: the other one is replaced whenever it is written.
Result<UniqueFd> take_lock(const std::string& path) {
  UniqueFd lock(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!lock) return fail_errno(fmt::format("open {}", path), errno);
  if (flock(lock.get(), LOCK_EX | LOCK_NB) == 0) return lock;
  if (errno != EWOULDBLOCK) return fail_errno(fmt::format("lock {}", path), errno);
  return fail(Errc::refused,
              fmt::format("lock {}: another process uses this private key. Wait until that process "
                          "ends, or give each process its own key: a gateway treats one key as "
                          "one peer",
                          path));
}

Result<std::optional<Stamp>> read_stamp(const std::string& path) {
  const auto text = read_file(path, kTextSize);
  if (!text && text.error().sys_errno == ENOENT) return std::optional<Stamp>();
  if (!text && text.error().code != Errc::too_large)
    return fail(text.error().code, fmt::format("read {}: {}", path, text.error().context),
                text.error().sys_errno);
  const auto stamp = text ? parse_stamp(*text) : std::nullopt;
  if (stamp) return stamp;
  return fail(
      Errc::bad_value,
      fmt::format("read {}: this is not a handshake timestamp ('@' and 24 digits). A gateway "
                  "may have accepted a later timestamp than the clock's, and would then "
                  "ignore this key. If this host's clock was never ahead of the true time, "
                  "remove the file; otherwise use a new private key",
                  path));
}

Result<> sync_folder(const std::string& path) {
  const UniqueFd folder(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!folder || fsync(folder.get()) != 0) return fail_errno(fmt::format("sync {}", path), errno);
  return {};
}

}  // namespace

Result<std::string> stamp_folder(const StateHome& from) {
  if (from.user == 0) return std::string("/var/lib/wgscope");
  // The specification has relative paths ignored.
  const auto is_absolute = [](const char* path) { return path != nullptr && *path == '/'; };
  if (is_absolute(from.xdg_state_home)) return std::string(from.xdg_state_home) + "/wgscope";
  if (is_absolute(from.home)) return std::string(from.home) + "/.local/state/wgscope";
  return fail(
      Errc::bad_value,
      "there is no directory to keep handshake timestamps in: neither XDG_STATE_HOME nor HOME "
      "is an absolute path");
}

StampStore::StampStore(std::string folder, std::string path, UniqueFd lock)
    : folder_(std::move(folder)), path_(std::move(path)), lock_(std::move(lock)) {}

StampStore::~StampStore() {
  if (!lock_ || stored_ == last_) return;
  // What fails here leaves the file ahead of what was used.
  if (auto written = write(last_); !written) return;
}

Result<StampStore> StampStore::open(const std::string& folder, const PublicKey& key) {
  if (auto made = make_folder(folder); !made) return tl::unexpected(made.error());
  std::string path = folder + "/stamp-" + hex(key.bytes);
  auto lock = take_lock(path + ".lock");
  if (!lock) return tl::unexpected(lock.error());
  const auto stamp = read_stamp(path);
  if (!stamp) return tl::unexpected(stamp.error());
  StampStore store(folder, std::move(path), std::move(*lock));
  store.stored_ = store.last_ = stamp->value_or(Stamp{});
  return store;
}

Result<> StampStore::cover(const Stamp& stamp) {
  if (stamp > stored_) {
    if (auto written = write(later(stamp, ahead_)); !written) return written;
    ahead_ = std::min(2 * ahead_, kMostAhead);
  }
  last_ = std::max(last_, stamp);
  return {};
}

Result<> StampStore::write(const Stamp& stamp) {
  if (auto written = replace_file(path_, fmt::format("@{}\n", hex(stamp)), 0600); !written)
    return written;
  // The rename itself outlives a loss of power only once the folder is on disk.
  if (auto synced = sync_folder(folder_); !synced) return synced;
  stored_ = stamp;
  return {};
}

}  // namespace wgscope::os
