#pragma once

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>

#include <spdlog/spdlog.h>

namespace wgscope::exporter {

enum class LogFormat : std::uint8_t { logfmt, json };

struct LogField {
  std::string_view key;
  std::string_view value;
};

/// One line an event on standard error, as logfmt or JSON. Values are escaped; secrets never get
/// here.
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
