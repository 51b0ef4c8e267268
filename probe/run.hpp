#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "wgscope/base/result.hpp"
#include "wgscope/base/time.hpp"
#include "wgscope/checks/question.hpp"
#include "wgscope/checks/tunnel.hpp"
#include "wgscope/diagnosis/report.hpp"

#include "probe/options/check_options.hpp"
#include "probe/verbs.hpp"

namespace wgscope::probe {

class CommandLine;

/// What a verb is about: the target that the options name. Nothing is read before it is wanted.
class Subject {
 public:
  /// @param options  outlive this.
  explicit Subject(const CheckOptions& options) : options_(options) {}

  /// The tunnel to the target; the same each time, and it lives as long as this.
  /// @returns what keeps the target from being known, in a sentence that says what to do.
  Result<checks::Tunnel*> tunnel();
  /// A tunnel of another peer, which a wg-quick file describes alone: no other option applies.
  [[nodiscard]] Result<std::unique_ptr<checks::Tunnel>> tunnel_of(const std::string& config) const;
  /// Adds what was noticed in a file whose tunnel is not used.
  void notice(const std::vector<diagnosis::Check>& checks);
  /// What notice() was told.
  [[nodiscard]] const std::vector<diagnosis::Check>& noticed() const { return noticed_; }
  /// The tunnel, if anybody wanted one.
  [[nodiscard]] checks::Tunnel* wanted() const { return tunnel_.get(); }

 private:
  const CheckOptions& options_;
  std::unique_ptr<checks::Tunnel> tunnel_;
  std::vector<diagnosis::Check> noticed_;
};

/// A verb that asks a question. Its members are its options. Everything that such verbs have in
/// common is in run_verb(): refusals, plans, progress, signals, where the report goes.
class CheckVerb {
 public:
  CheckVerb() = default;
  CheckVerb(const CheckVerb&) = delete;
  CheckVerb& operator=(const CheckVerb&) = delete;
  virtual ~CheckVerb() = default;

  /// What --help says first.
  [[nodiscard]] virtual std::string_view description() const = 0;
  /// Adds the verb's own options, and by add_check_options() those of all verbs.
  virtual void add_options(CommandLine& line) = 0;
  /// From the options to a question. @returns what is wrong with them.
  virtual Result<std::unique_ptr<checks::Question>> make(Subject& subject) = 0;
  /// How long the whole may take; nothing: as long as it needs.
  [[nodiscard]] virtual std::optional<Nanoseconds> limit() const { return check.limit_if_given(); }
  /// How long after each run the next one begins, until a signal; nothing: the verb runs once.
  [[nodiscard]] virtual std::optional<Nanoseconds> again() const { return std::nullopt; }

  CheckOptions check;
};

/// Reads the options, and runs the verb once or again and again. SIGINT or SIGTERM ends it, and
/// what is known then is shown; a second signal ends the program.
/// @param arguments  behind the verb.
Exit run_verb(const Verb& verb, std::vector<std::string> arguments);

}  // namespace wgscope::probe
