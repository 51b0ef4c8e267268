#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "probe/verbs.hpp"

namespace CLI {
class App;
class Option;
}  // namespace CLI

// The options of a verb. CLI11 stands behind it and is included in command_line.cpp alone: its
// headers took more time to compile than the verb that used them.

namespace wgscope::probe {

/// `text` without the keys in it, private ones that somebody put where they do not belong or
/// others: for messages that repeat arguments.
std::string hide_keys(std::string_view text);

/// Of an argument without an option: wg-quick takes its file so.
bool looks_like_file(std::string_view argument);

/// What is wrong, as a message for the user; nothing when all is well.
using Complaint = std::optional<std::string>;

/// An option of a CommandLine, to say more about it. Valid as long as the CommandLine is.
class Option {
 public:
  explicit Option(CLI::Option& option) : option_(&option) {}

  /// What --help calls the option's value, such as "FILE"; "": nothing.
  Option& type(std::string_view name);
  /// Replaces the description that the option was added with.
  Option& description(std::string_view text);
  /// Refuses numbers below `least` and above `most`.
  Option& range(std::int64_t least, std::int64_t most);
  /// Is called with each value, as the user wrote it.
  Option& check(std::function<Complaint(const std::string&)> look);
  /// Each occurrence of a repeatable option takes one value: "--a 1 2" does not give two.
  Option& one_value_each();
  Option& show_default();  ///< makes --help show the default value
  Option& needs(const Option& other);
  Option& excludes(const Option& other);
  [[nodiscard]] bool given() const;

 private:
  CLI::Option* option_;
};

class CommandLine {
 public:
  /// @param name  "wgscope VERB", with which messages begin.
  CommandLine(std::string_view description, std::string_view name);
  ~CommandLine();
  CommandLine(const CommandLine&) = delete;
  CommandLine& operator=(const CommandLine&) = delete;

  /// Adds an option whose value goes to `into`, which has to outlive parse(). `names` are
  /// those of an option, "-c,--count", or that of an argument without one, "ADDRESS". A vector
  /// makes it repeatable.
  /// @tparam Value  std::string, int, std::uint16_t or std::uint64_t; optional or a vector where
  /// command_line.cpp says so.
  template <class Value>
  Option add(std::string_view names, Value& into, std::string_view description);
  /// Adds an option whose value `take` understands, or complains about.
  Option add(std::string_view names, std::function<Complaint(const std::string&)> take,
             std::string_view description);
  Option add_flag(std::string_view names, bool& into, std::string_view description);

  /// The heading under which --help lists what is added from here on.
  void begin_group(std::string_view heading);

  /// An option that was added. @param name  as it was added, with its dashes.
  [[nodiscard]] Option find(std::string_view name);

  /// Looks at all options together, once each of them was understood.
  void check(std::function<Complaint()> look);

  /// What --help shows below the options.
  void end_of_help(const std::string& text);

  /// Whom to tell about a mistake, in a sentence, instead of standard error. @param tell  returns
  /// what the program is to end with.
  void on_mistake(std::function<Exit(const std::string& sentence)> tell) {
    tell_ = std::move(tell);
  }

  /// Reads a verb's options. What --help prints has been printed, and a mistake been told.
  /// @returns what the program is to end with at once; nothing when the verb is to run.
  std::optional<Exit> parse(std::vector<std::string> arguments);

 private:
  std::unique_ptr<CLI::App> app_;
  std::function<Exit(const std::string& sentence)> tell_;
};

}  // namespace wgscope::probe
