#include "exporter/state_file.hpp"

#include <cerrno>
#include <cstddef>
#include <string>

#include <fmt/core.h>

#include "wgscope/base/result.hpp"
#include "wgscope/base/text.hpp"
#include "wgscope/base/time.hpp"
#include "wgscope/os/file.hpp"

#include "exporter/history.hpp"

namespace wgscope::exporter {
namespace {

constexpr std::size_t kMaxSize = 256U << 20U;  // a million peers need a quarter of it

/// Names this boot of the machine; empty where /proc does not tell.
std::string read_boot_id() {
  auto id = os::read_file("/proc/sys/kernel/random/boot_id", 64);
  return id ? std::string(trim(id->substr(0, id->find('\n')))) : std::string();
}

}  // namespace

StateFile::StateFile(const std::string& dir)
    : path_(dir + "/first-seen"), boot_id_(read_boot_id()) {}

Result<> StateFile::load(History& into) const {
  const auto text = os::read_file(path_, kMaxSize);
  if (!text && text.error().sys_errno == ENOENT) return {};
  if (!text)
    return fail(text.error().code, fmt::format("read {}: {}", path_, text.error().context));
  if (auto restored = into.restore(*text, boot_id_); !restored)
    return fail(
        restored.error().code,
        fmt::format("read {}: {}; the exporter starts without this file and will rewrite it", path_,
                    restored.error().context));
  return {};
}

Result<> StateFile::save(History& history) {
  auto saved = os::replace_file(path_, history.serialize(boot_id_), 0644);
  if (!saved) history.mark_changed();  // still to be written
  return saved;
}

bool StateFile::due(Instant now) {
  if (last_due_ && now - *last_due_ < kSaveInterval) return false;
  last_due_ = now;
  return true;
}

}  // namespace wgscope::exporter
