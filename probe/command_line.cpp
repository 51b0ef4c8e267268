#include "probe/command_line.hpp"

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
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

}  // namespace

std::optional<Exit> parse_options(CLI::App& app, std::vector<std::string> arguments) {
  app.formatter(std::make_shared<PlainFormatter>());
  app.failure_message([](const CLI::App* failed, const CLI::Error& error) {
    return fmt::format("{}: {} (see --help)\n", failed->get_name(), error.what());
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
