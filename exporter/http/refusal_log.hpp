#pragma once

#include <array>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "wgscope/base/time.hpp"

namespace wgscope::exporter::http {

/// At most so many lines in any minute that begins with one.
class LineLimit {
 public:
  explicit LineLimit(std::size_t most) : most_(most) {}

  /// @returns how many lines were left out since the one before; nothing: so is this one.
  std::optional<std::uint64_t> admit(Instant now);

 private:
  std::size_t most_;
  Instant minute_{};       ///< when the present one began
  std::size_t lines_ = 0;  ///< in it
  std::uint64_t left_out_ = 0;
};

/// Says what was refused to whom: a line each, ten a minute of each kind, with nothing that a client
/// sent. A thread of its own writes them, so that no request waits for the reader of the log.
class RefusalLog {
 public:
  enum class What : std::uint8_t { request, tls, login };
  struct Line {
    What what = What::request;
    std::string from;  ///< the client's address
    std::string said;  ///< what it was told, or why it was refused
    std::uint64_t left_out = 0;
  };
  static constexpr std::size_t kLinesAMinute = 10;

  /// @param write  called from the thread.
  explicit RefusalLog(std::function<void(const Line& line)> write);
  RefusalLog(const RefusalLog&) = delete;
  RefusalLog& operator=(const RefusalLog&) = delete;
  ~RefusalLog() = default;

  /// From any thread; does not wait.
  void add(What what, std::string_view from, std::string_view said, Instant now);

 private:
  void run(const std::stop_token& stop);

  std::function<void(const Line& line)> write_;
  std::mutex mutex_;  ///< guards what follows
  /// A flood of one kind hides none of the others.
  std::array<LineLimit, 3> limits_{LineLimit(kLinesAMinute), LineLimit(kLinesAMinute),
                                   LineLimit(kLinesAMinute)};
  std::vector<Line> lines_;
  std::condition_variable_any added_;
  std::jthread thread_;  ///< last: it uses the rest
};

}  // namespace wgscope::exporter::http
