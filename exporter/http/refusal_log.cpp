#include "exporter/http/refusal_log.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "wgscope/base/time.hpp"

namespace wgscope::exporter::http {

std::optional<std::uint64_t> LineLimit::admit(Instant now) {
  if (lines_ == 0 || now - minute_ >= std::chrono::minutes(1)) {
    minute_ = now;
    lines_ = 0;
  }
  if (lines_ >= most_) {
    ++left_out_;
    return std::nullopt;
  }
  ++lines_;
  return std::exchange(left_out_, 0);
}

RefusalLog::RefusalLog(std::function<void(const Line& line)> write)
    : write_(std::move(write)), thread_([this](const std::stop_token& stop) { run(stop); }) {}

void RefusalLog::add(What what, std::string_view from, std::string_view said, Instant now) {
  while (said.ends_with('\n')) said.remove_suffix(1);
  {
    const std::lock_guard lock(mutex_);
    const auto left_out = limits_.at(static_cast<std::size_t>(what)).admit(now);
    // While the log's reader sleeps, lines wait here. More than a few minutes' worth help nobody.
    if (!left_out || lines_.size() >= 4 * kLinesAMinute) return;
    lines_.push_back({what, std::string(from), std::string(said), *left_out});
  }
  added_.notify_one();
}

void RefusalLog::run(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  while (added_.wait(lock, stop, [this] { return !lines_.empty(); })) {
    const std::vector<Line> lines = std::exchange(lines_, {});
    lock.unlock();
    for (const Line& line : lines) write_(line);
    lock.lock();
  }
}

}  // namespace wgscope::exporter::http
