#include "exporter/state_file.hpp"

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <fcntl.h>
#include <filesystem>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <system_error>
#include <thread>
#include <utility>

#include <fmt/core.h>

#include "wgscope/base/result.hpp"
#include "wgscope/base/text.hpp"
#include "wgscope/base/time.hpp"
#include "wgscope/os/file.hpp"

#include "exporter/history.hpp"

namespace wgscope::exporter {
namespace {

constexpr std::size_t kMaxSize = 256U << 20U;  // a million peers need less
constexpr const char* kName = "first-seen";
constexpr int kMostSetAside = 9;

/// Names this boot of the machine; empty where /proc does not tell.
std::string read_boot_id() {
  auto id = os::read_file("/proc/sys/kernel/random/boot_id", 64);
  return id ? std::string(trim(id->substr(0, id->find('\n')))) : std::string();
}

/// os::replace_file() makes them beside the file; a kill leaves one behind.
bool is_temporary(const std::string& name) {
  const std::string start = std::string(kName) + '.';
  constexpr std::size_t kRandom = 6;
  return name.starts_with(start) && name.size() == start.size() + kRandom &&
         std::all_of(name.begin() + static_cast<std::ptrdiff_t>(start.size()), name.end(),
                     [](unsigned char c) { return std::isalnum(c) != 0; });
}

}  // namespace

StateFile::StateFile(const std::string& dir)
    : dir_(dir), path_(dir + '/' + kName), boot_id_(read_boot_id()) {}

void StateFile::remove_temporaries() const {
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(dir_, ignored))
    if (is_temporary(entry.path().filename())) std::filesystem::remove(entry.path(), ignored);
}

/// @returns what became of the file, as the rest of a sentence.
std::string StateFile::set_aside() {
  int error = EEXIST;
  for (int i = 1; i <= kMostSetAside && error == EEXIST; ++i) {
    const std::string aside = path_ + (i == 1 ? ".corrupt" : fmt::format(".corrupt-{}", i));
    if (renameat2(AT_FDCWD, path_.c_str(), AT_FDCWD, aside.c_str(), RENAME_NOREPLACE) == 0)
      return fmt::format("the exporter renamed it to {} and starts without it", aside);
    error = errno;
  }
  blocked_ = true;
  return fmt::format(
      "the exporter starts without it, could not rename it ({}) and writes no state: remove the "
      "file and start the exporter again",
      std::generic_category().message(error));
}

Result<bool> StateFile::load(History& into) {
  remove_temporaries();
  const auto text = os::read_file(path_, kMaxSize);
  if (!text && text.error().sys_errno == ENOENT) return false;
  const auto restored = text ? into.restore(*text, boot_id_) : Result<>();
  if (text && restored) return true;
  const Error& error = text ? restored.error() : text.error();
  return fail(error.code, fmt::format("read {}: {}; {}", path_, error.context, set_aside()));
}

Result<> StateFile::replace(const std::string& text) const {
  if (blocked_)
    return fail(Errc::bad_value, fmt::format("write {}: the file that could not be read is still "
                                             "there, so the state is not kept",
                                             path_));
  return os::replace_file(path_, text, 0640);
}

Result<> StateFile::save(History& history, WallTime now) {
  {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return !text_; });
  }
  auto saved = replace(history.serialize(boot_id_, now));
  if (!saved) history.mark_changed();  // still to be written
  return saved;
}

void StateFile::save_later(History& history, WallTime now) {
  std::string text = history.serialize(boot_id_, now);
  {
    const std::lock_guard lock(mutex_);
    text_ = std::move(text);
  }
  if (!thread_.joinable())
    thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
  changed_.notify_all();
}

void StateFile::run(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  while (changed_.wait(lock, stop, [this] { return text_.has_value(); })) {
    lock.unlock();
    auto saved = replace(*text_);
    lock.lock();
    text_.reset();
    outcome_ = std::move(saved);
    changed_.notify_all();
  }
}

std::optional<Result<>> StateFile::take_outcome() {
  const std::lock_guard lock(mutex_);
  return std::exchange(outcome_, std::nullopt);
}

bool StateFile::unsaved() {
  const std::lock_guard lock(mutex_);
  return text_ || (outcome_ && !*outcome_);
}

bool StateFile::due(Instant now, bool changed) {
  {
    const std::lock_guard lock(mutex_);
    if (text_) return false;
  }
  const Nanoseconds interval = changed ? Nanoseconds(kSaveInterval) : kTouchInterval;
  if (last_due_ && now - *last_due_ < interval) return false;
  last_due_ = now;
  return true;
}

}  // namespace wgscope::exporter
