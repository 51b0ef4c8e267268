#include "exporter/log.hpp"

#include <algorithm>
#include <cstddef>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>

#include <fmt/format.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include "wgscope/base/text.hpp"

namespace wgscope::exporter {
namespace {

/// `value` between quotes, escaped so that both a JSON parser and a logfmt reader get it back.
std::string quoted(std::string_view value) {
  std::string text = "\"";
  const std::string valid = to_valid_utf8(value);
  for (std::size_t i = 0; i < valid.size(); ++i) {
    const char c = valid[i];
    const auto code = static_cast<unsigned char>(c);
    const auto next = static_cast<unsigned char>(i + 1 < valid.size() ? valid[i + 1] : '\0');
    if (c == '"' || c == '\\') {
      text.append("\\").push_back(c);
    } else if (c == '\n') {
      text += "\\n";
    } else if (code < 0x20 || code == 0x7f) {
      text += fmt::format("\\u{:04x}", code);
    } else if (code == 0xc2 && next < 0xa0) {  // U+0080 to U+009F: terminals obey these, too
      text += fmt::format("\\u{:04x}", next);
      ++i;
    } else {
      text += c;
    }
  }
  return text += '"';
}

}  // namespace

Log::Log(LogFormat format, spdlog::level::level_enum level)
    : format_(format),
      logger_(std::make_shared<spdlog::logger>("wgscope",
                                               std::make_shared<spdlog::sinks::stderr_sink_mt>())) {
  logger_->set_level(level);
  logger_->set_pattern(format == LogFormat::json ? R"({"ts":"%Y-%m-%dT%H:%M:%S.%e%z",%v})"
                                                 : "ts=%Y-%m-%dT%H:%M:%S.%e%z %v");
}

void Log::write(spdlog::level::level_enum level, std::string_view message,
                std::initializer_list<LogField> fields) const {
  if (!logger_->should_log(level)) return;
  const bool json = format_ == LogFormat::json;
  // spdlog's own %l would write "warning", which --log.level does not accept.
  const std::string_view name = std::ranges::find(kLogLevels, level, &LogLevel::level)->name;
  std::string line =
      json ? fmt::format(R"("level":"{}","msg":)", name) : fmt::format("level={} msg=", name);
  line += quoted(message);
  for (const LogField& field : fields) {
    if (field.value.empty()) continue;
    line += json ? fmt::format(",\"{}\":", field.key) : fmt::format(" {}=", field.key);
    line += quoted(field.value);
  }
  logger_->log(level, line);
}

}  // namespace wgscope::exporter
