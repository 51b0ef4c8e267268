#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>

#include <spdlog/spdlog.h>

namespace wgscope::exporter {

enum class LogFormat : std::uint8_t { logfmt, json };

/// The levels by the names that --log.level accepts and that each line carries.
struct LogLevel {
  std::string_view name;
  spdlog::level::level_enum level;
};
inline constexpr std::array<LogLevel, 4> kLogLevels{{{"debug", spdlog::level::debug},
                                                     {"info", spdlog::level::info},
                                                     {"warn", spdlog::level::warn},
                                                     {"error", spdlog::level::err}}};

struct LogField {
  std::string_view key;
  std::string_view value;
};

/// Writes one line for each event to standard error, as logfmt or JSON. Values are escaped. Callers
/// must not pass secrets.
class Log {
 public:
  Log(LogFormat format, spdlog::level::level_enum level);

  void write(spdlog::level::level_enum level, std::string_view message,
             std::initializer_list<LogField> fields = {}) const;
  void info(std::string_view message, std::initializer_list<LogField> fields = {}) const {
    write(spdlog::level::info, message, fields);
  }
  void warn(std::string_view message, std::initializer_list<LogField> fields = {}) const {
    write(spdlog::level::warn, message, fields);
  }
  void error(std::string_view message, std::initializer_list<LogField> fields = {}) const {
    write(spdlog::level::err, message, fields);
  }

 private:
  LogFormat format_;
  std::shared_ptr<spdlog::logger> logger_;
};

}  // namespace wgscope::exporter
