#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "wgscope/base/result.hpp"
#include "wgscope/base/time.hpp"
#include "wgscope/checks/handshake.hpp"
#include "wgscope/checks/prepare.hpp"
#include "wgscope/checks/target.hpp"
#include "wgscope/model/address.hpp"

#include "probe/options/output_options.hpp"

namespace wgscope::probe {

class CommandLine;

/// The options of every verb that asks a question.
struct CheckOptions {
  checks::TargetOptions target;
  OutputOptions output;
  Nanoseconds timeout = std::chrono::seconds{20};
  bool timeout_given = false;  ///< the user gave --timeout
  bool quick = false;
  bool plan = false;  ///< only says what would be sent, and sends nothing
  bool ipv4 = false;  ///< only uses IPv4 addresses of the endpoint
  bool ipv6 = false;  ///< only uses IPv6 addresses of the endpoint

  [[nodiscard]] std::optional<Family> family() const;
  /// How a verb with these options handshakes.
  [[nodiscard]] checks::HandshakeOptions handshake() const;
  /// The limit of a verb that waits for answers.
  [[nodiscard]] Nanoseconds limit() const;
  /// The limit of a verb that otherwise takes as long as it needs: with --timeout or --quick only.
  [[nodiscard]] std::optional<Nanoseconds> limit_if_given() const;
};

/// @param options  outlive the parsing.
void add_check_options(CommandLine& line, CheckOptions& options);

/// What --timeout is in verbs that take as long as they need.
inline constexpr std::string_view kTimeoutOfAll =
    "Time limit for the whole run; without it, only the handshake is limited, to 20s";

/// Adds an option that is a span of time: "500ms", "30s", "2m".
void add_duration_option(CommandLine& line, const std::string& name,
                         std::function<void(Nanoseconds)> take, const std::string& description);

/// What a verb is to ping inside the tunnel: ADDRESS or, the same in all of them, --ping ADDRESS.
class InnerAddress {
 public:
  void add(CommandLine& line);
  /// @returns nothing where none was given; bad_value: no address, or none inside the tunnel.
  [[nodiscard]] Result<std::optional<IpAddress>> read(const checks::Target& target) const;
  [[nodiscard]] const std::string& written() const { return written_; }

 private:
  std::string written_;
};

/// An address that the tunnel leads to. @param option  names it in the error. @returns bad_value.
Result<IpAddress> parse_inner_address(const checks::Target& target, const std::string& option,
                                      const std::string& written);

}  // namespace wgscope::probe
