#include "probe/command_line.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <regex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/core.h>

#include "wgscope/base/closest.hpp"
#include "wgscope/base/text.hpp"
#include "wgscope/render/layout.hpp"

#include "probe/render/print.hpp"
#include "probe/verbs.hpp"

namespace wgscope::probe {
namespace {

constexpr std::size_t kHelpWidth = 100;
constexpr std::size_t kDescriptionColumn = 32;

/// Help without CLI11's notes on validators: name, type, default; and in lines that fit.
class PlainFormatter final : public CLI::Formatter {
 public:
  PlainFormatter() { column_width(kDescriptionColumn); }

 private:
  std::string make_option_opts(const CLI::Option* option) const override {
    return option->get_type_name().empty() ? "" : " " + option->get_type_name();
  }
  std::string make_option_desc(const CLI::Option* option) const override {
    std::string text = option->get_description();
    if (const std::string& standard = option->get_default_str(); !standard.empty())
      text += fmt::format(" [{}]", standard);
    return render::fold(text, {.width = kHelpWidth - kDescriptionColumn});
  }
};

void complain(const Complaint& complaint) {
  if (complaint) throw CLI::ValidationError(*complaint);
}

/// Options had dots once; scripts may still have them.
void take_old_spelling(std::string& argument) {
  for (const std::string_view old : {"--state.dir", "--uapi.dir"})
    if (argument == old || argument.starts_with(std::string(old) + "="))
      argument[old.find('.')] = '-';
}

/// About the first argument that no option took.
std::string unknown_argument(const CLI::App& app) {
  const std::string word = app.remaining().front();
  const bool is_option = word.starts_with('-');
  std::vector<std::string> known;
  for (const CLI::Option* option : app.get_options())
    for (const std::string& name : option->get_lnames()) known.push_back("--" + name);
  const std::string shown = printable(hide_keys(word));
  if (is_option)
    return fmt::format("unknown option '{}'{}", shown,
                       did_you_mean(word.substr(0, word.find('=')), known));
  if (looks_like_file(word) && std::ranges::find(known, "--config") != known.end())
    return fmt::format("'{}' looks like a file: pass it as --config {}", shown, shown);
  return fmt::format("unknown argument '{}'", shown);
}

/// CLI11 says "--config: At Most 1 required but received 2", "--config: 1 required FILE missing" and
/// "--count: Value x not in range 0 to 9".
std::string in_plain_words(const std::string& error) {
  std::smatch found;
  static const std::regex kTooMany(R"((\S+): At Most 1 required but received (\d+))");
  if (std::regex_match(error, found, kTooMany))
    return fmt::format("{} was given {} times, and takes one value", found.str(1), found.str(2));
  static const std::regex kNone(R"((\S+): 1 required (\S+) missing)");
  if (std::regex_match(error, found, kNone))
    return fmt::format("{} needs a value: {} {}", found.str(1), found.str(1), found.str(2));
  static const std::regex kOutside(R"((\S+): Value (.*) not in range (\d+) to (\d+))");
  if (std::regex_match(error, found, kOutside))
    return fmt::format("{}: '{}': expected a whole number, {} to {}", found.str(1),
                       printable(found.str(2)), found.str(3), found.str(4));
  return error;
}

bool is_of_base64(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '+' ||
         c == '/';
}

}  // namespace

bool looks_like_file(std::string_view argument) {
  return argument.ends_with(".conf") || argument.ends_with(".netdev") ||
         argument.find('/') != std::string_view::npos;
}

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

Option& Option::type(std::string_view name) {
  option_->type_name(std::string(name));
  return *this;
}

Option& Option::description(std::string_view text) {
  option_->description(std::string(text));
  return *this;
}

Option& Option::range(std::int64_t least, std::int64_t most) {
  option_->check(CLI::Range(least, most).description(""));
  return *this;
}

Option& Option::check(std::function<Complaint(const std::string&)> look) {
  option_->each([look = std::move(look)](const std::string& value) { complain(look(value)); });
  return *this;
}

Option& Option::one_value_each() {
  option_->allow_extra_args(false);
  return *this;
}

Option& Option::show_default() {
  option_->capture_default_str();
  return *this;
}

Option& Option::needs(const Option& other) {
  option_->needs(other.option_);
  return *this;
}

Option& Option::excludes(const Option& other) {
  option_->excludes(other.option_);
  return *this;
}

bool Option::given() const { return !option_->empty(); }

CommandLine::CommandLine(std::string_view description, std::string_view name)
    : app_(std::make_unique<CLI::App>(std::string(description) + "\n", std::string(name))) {
  app_->formatter(std::make_shared<PlainFormatter>());
  app_->set_help_flag("-h,--help", "Show this help");
  std::string verb(name);
  if (const std::size_t blank = verb.find(' '); blank != std::string::npos)
    verb.erase(0, blank + 1);
  tell_ = [verb](const std::string& sentence) {
    complain(verb, sentence);
    return Exit::unknown;
  };
}

CommandLine::~CommandLine() = default;

template <class Value>
Option CommandLine::add(std::string_view names, Value& into, std::string_view description) {
  return Option(*app_->add_option(std::string(names), into, std::string(description)));
}
template Option CommandLine::add(std::string_view, std::string&, std::string_view);
template Option CommandLine::add(std::string_view, std::vector<std::string>&, std::string_view);
template Option CommandLine::add(std::string_view, int&, std::string_view);
template Option CommandLine::add(std::string_view, std::uint16_t&, std::string_view);
template Option CommandLine::add(std::string_view, std::optional<std::uint16_t>&, std::string_view);
template Option CommandLine::add(std::string_view, std::vector<std::uint16_t>&, std::string_view);
template Option CommandLine::add(std::string_view, std::uint64_t&, std::string_view);

Option CommandLine::add(std::string_view names, std::function<Complaint(const std::string&)> take,
                        std::string_view description) {
  return Option(*app_->add_option_function<std::string>(
      std::string(names),
      [take = std::move(take)](const std::string& value) { complain(take(value)); },
      std::string(description)));
}

Option CommandLine::add_flag(std::string_view names, bool& into, std::string_view description) {
  return Option(*app_->add_flag(std::string(names), into, std::string(description)));
}

void CommandLine::begin_group(std::string_view heading) {
  app_->option_defaults()->group(std::string(heading));
}

Option CommandLine::find(std::string_view name) {
  return Option(*app_->get_option(std::string(name)));
}

void CommandLine::check(std::function<Complaint()> look) {
  app_->callback([look = std::move(look)] { complain(look()); });
}

void CommandLine::end_of_help(const std::string& text) { app_->footer(text); }

std::optional<Exit> CommandLine::parse(std::vector<std::string> arguments) {
  try {
    std::ranges::for_each(arguments, take_old_spelling);
    std::ranges::reverse(arguments);  // as CLI11 wants them
    app_->parse(std::move(arguments));
  } catch (const CLI::CallForHelp&) {
    return print("", CLI::detail::find_and_replace(app_->help(), "\n\n\n", "\n\n"));
  } catch (const CLI::ExtrasError&) {
    return tell_(unknown_argument(*app_) + " (see --help)");
  } catch (const CLI::ParseError& error) {
    return tell_(hide_keys(in_plain_words(error.what())) + " (see --help)");
  }
  return std::nullopt;
}

}  // namespace wgscope::probe
