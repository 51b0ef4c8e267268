#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "wgscope/base/result.hpp"
#include "wgscope/base/secret_string.hpp"
#include "wgscope/base/time.hpp"

namespace wgscope::os {

struct OutputOptions {
  /// What may wait to be written, in bytes. Lines beyond that are left out and counted.
  std::size_t most_waiting = std::size_t{256} << 10U;
  /// The line, with its line break, that says how many lines were left out. Called on the writing
  /// thread.
  std::function<std::string(std::uint64_t count)> left_out;
};

/// Lines for a descriptor that may take them late or never: a pipe that nobody reads, a terminal
/// that Ctrl-S has stopped, a file on a server that hangs. say() never waits, for a thread writes.
/// The thread is left to itself where it cannot be woken: a write(2) that waits ends with the
/// process.
///
/// A thread rather than O_NONBLOCK, which belongs to the open file: it would change standard output
/// for the shell and for every other process that shares it, and does nothing for files.
class Output {
 public:
  /// @param fd  stays the caller's; a duplicate of it is used. @returns io: it is not open.
  static Result<Output> open(int fd, OutputOptions options);
  Output(Output&&) noexcept = default;
  Output& operator=(Output&&) = delete;
  Output(const Output&) = delete;
  Output& operator=(const Output&) = delete;
  ~Output();  ///< waits for nothing

  /// Writes a whole line, with its line break, after those before it. Once one had to be left out,
  /// all are until everything that waits is written; then the line of OutputOptions::left_out comes.
  void say(SecretString line);
  void say(const std::string& line) { say(SecretString(line)); }

  /// Waits until all is written. @returns how many lines are not written when `patience` is over.
  std::uint64_t flush(Nanoseconds patience);

  /// Calls a function once nothing can be written any more: on the writing thread, or at once if
  /// that is so already. An empty function ends that; then the one before is not called any more.
  void on_failure(std::function<void()> function);
  /// Why nothing can be written any more.
  [[nodiscard]] std::optional<Error> error() const;

 private:
  struct State;
  explicit Output(std::shared_ptr<State> state);
  std::shared_ptr<State> state_;
};

}  // namespace wgscope::os
