#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <sys/types.h>
#include <vector>

#include "http.hpp"
#include "metrics.hpp"
#include "process.hpp"

namespace wgscope::test {

struct ExporterOptions {
  std::vector<std::string> flags;  ///< none of those that have a member here
  std::string max_age = "0s";      ///< of --collect.max-age: every scrape collects
  std::string log_level = "debug";
  std::vector<std::string> wrapper;  ///< a command that executes the exporter, such as setpriv
  std::string program;               ///< empty: the one of this build
  std::uint16_t port = 0;            ///< 0: a free one
  std::string netns;                 ///< name of the namespace it runs in; empty for the test's own
};

/// wgscope-exporter as a user runs it, on 127.0.0.1.
class Exporter {
 public:
  /// Returns once it serves; throws with what it said when it does not.
  explicit Exporter(ExporterOptions options);

  /// The path of the program, for tests that run it in their own way.
  static std::string program();

  [[nodiscard]] const HttpServer& server() const { return server_; }
  [[nodiscard]] pid_t pid() const { return process_.pid(); }
  /// pid() and the processes that it has started, and those that these have, in that order.
  [[nodiscard]] std::vector<pid_t> processes() const;
  [[nodiscard]] bool running() { return process_.running(); }

  [[nodiscard]] HttpResponse get(const std::string& path,
                                 std::vector<HttpHeader> headers = {}) const;
  /// /metrics in the text format; throws unless it is answered with 200.
  [[nodiscard]] Metrics scrape() const;

  /// What it has logged so far.
  const std::string& log();
  [[nodiscard]] bool wait_for_log(std::string_view text, milliseconds timeout);

  void signal(int number) { process_.signal(number); }
  /// @returns the exit status, or nothing when it still runs at `timeout`.
  std::optional<int> wait(milliseconds timeout) { return process_.wait(timeout); }
  /// SIGTERM, and its end.
  std::optional<int> stop();

 private:
  Process process_;
  HttpServer server_;
};

/// The flag that keeps an exporter to the interfaces this test program has named
/// (unique_interface_name), whatever else runs on the machine.
std::string only_own_interfaces();

/// How many times `text` stands in `log`.
std::size_t count_of(std::string_view log, std::string_view text);

}  // namespace wgscope::test
