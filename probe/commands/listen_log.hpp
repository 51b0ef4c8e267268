#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "wgscope/base/result.hpp"
#include "wgscope/base/secret_string.hpp"
#include "wgscope/os/output.hpp"
#include "wgscope/render/redaction.hpp"

#include "probe/render/event_limit.hpp"
#include "probe/render/events.hpp"

namespace wgscope::probe {

struct ListenLogOptions {
  bool json = false;
  bool colour = false;
  bool redact = false;             ///< keys, addresses, names and paths
  std::vector<std::string> given;  ///< Call::given
};

/// What wgscope listen says: events on standard output, everything else on standard error. Nothing
/// of it waits for a reader.
class ListenLog {
 public:
  /// Open it before anything else: a closed standard output would become somebody else's
  /// descriptor. @returns io: standard output is closed. A closed standard error is nobody's loss.
  static Result<ListenLog> open(ListenLogOptions options);

  void event(const NamedEvent& event);
  void left_out(const NamedLeftOut& left_out);
  void unconfirmed(const NamedUnconfirmed& unconfirmed);
  void gap(std::string_view what, std::uint64_t count);
  /// To standard output, as it is.
  void text(SecretString text) { out_.say(std::move(text)); }
  /// More values that are somebody's, such as the names of peers.
  void hide(std::string value) { options_.given.push_back(std::move(value)); }

  /// A line on standard error.
  void complain(const std::string& text);
  /// The same, of a kind that others can cause as often as they like.
  void complain(Ration& ration, const std::string& text);
  /// Says how many lines a ration left out, once that is due.
  void catch_up(Ration& ration, std::string_view what);

  void on_failure(std::function<void()> function) { out_.on_failure(std::move(function)); }
  /// Gives what waits a short time to be written. @returns io: standard output cannot be written.
  Result<> close();

 private:
  ListenLog(ListenLogOptions options, os::Output out, std::optional<os::Output> err)
      : options_(std::move(options)), out_(std::move(out)), err_(std::move(err)) {}
  render::Redaction* redaction() { return options_.redact ? &redaction_ : nullptr; }

  /// Addresses are what strangers send from.
  static constexpr std::size_t kMostNumbered = 4096;
  ListenLogOptions options_;
  render::Redaction redaction_{true, kMostNumbered};
  os::Output out_;
  std::optional<os::Output> err_;
};

}  // namespace wgscope::probe
