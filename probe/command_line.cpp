#include "probe/command_line.hpp"

#include <algorithm>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/core.h>

#include "probe/verbs.hpp"

namespace wgscope::probe {
namespace {

/// Help without CLI11's notes on validators: name, type, default.
class PlainFormatter final : public CLI::Formatter {
 public:
  PlainFormatter() { column_width(32); }

 private:
  std::string make_option_opts(const CLI::Option* option) const override {
    std::string text;
    if (option->get_type_size() != 0) text += " " + option->get_type_name();
    const std::string& standard = option->get_default_str();
    if (!standard.empty()) text += fmt::format(" [{}]", standard);
    return text;
  }
};

bool is_of_base64(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '+' ||
         c == '/';
}

}  // namespace

std::string hide_keys(std::string_view text) {
  constexpr std::size_t kDigits = 43;  // of 32 bytes, before the '=' that may be forgotten
  std::string shown;
  while (!text.empty()) {
    const auto run =
        static_cast<std::size_t>(std::ranges::find_if_not(text, is_of_base64) - text.begin());
    const bool is_key = run == kDigits ||
                        (run > kDigits && text.substr(0, run).find('/') == std::string_view::npos);
    if (is_key)
      shown += "(a key, not shown)";
    else
      shown += text.substr(0, run);
    text.remove_prefix(run);
    if (text.empty()) break;
    if (!is_key || text.front() != '=') shown += text.front();
    text.remove_prefix(1);
  }
  return shown;
}

std::optional<Exit> parse_options(CLI::App& app, std::vector<std::string> arguments) {
  app.formatter(std::make_shared<PlainFormatter>());
  app.failure_message([](const CLI::App* failed, const CLI::Error& error) {
    return fmt::format("{}: {} (see --help)\n", failed->get_name(), hide_keys(error.what()));
  });
  try {
    std::ranges::reverse(arguments);  // as CLI11 wants them
    app.parse(std::move(arguments));
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? Exit::ok : Exit::unknown;
  }
  return std::nullopt;
}

}  // namespace wgscope::probe
