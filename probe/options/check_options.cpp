#include "probe/options/check_options.hpp"

#include <algorithm>
#include <functional>
#include <optional>
#include <string>
#include <utility>

#include <fmt/core.h>

#include "wgscope/base/duration.hpp"
#include "wgscope/base/result.hpp"
#include "wgscope/base/text.hpp"
#include "wgscope/base/time.hpp"
#include "wgscope/checks/handshake.hpp"
#include "wgscope/checks/target.hpp"
#include "wgscope/model/address.hpp"

#include "probe/command_line.hpp"
#include "probe/options/output_options.hpp"
#include "probe/options/target_options.hpp"

namespace wgscope::probe {

void add_duration_option(CommandLine& line, const std::string& name,
                         std::function<void(Nanoseconds)> take, const std::string& description) {
  line.add(
          name,
          [name, take = std::move(take)](const std::string& text) -> Complaint {
            const auto duration = parse_duration(text);
            if (!duration) return fmt::format("{}: {}", name, duration.error().context);
            if (*duration == Nanoseconds{0}) return name + ": give a duration longer than 0";
            take(*duration);
            return std::nullopt;
          },
          description)
      .type("TIME");
}

void add_check_options(CommandLine& line, CheckOptions& options) {
  add_duration_option(
      line, "--timeout",
      [&](Nanoseconds time) {
        options.timeout = time;
        options.timeout_given = true;
      },
      "Time limit for the whole run [20s]");
  line.add_flag("--quick", options.quick, "Within 10 s; leave out what takes longer");
  line.begin_group("Options of all checks, for the tunnel");
  add_target_options(line, options.target);
  const Option ipv4 =
      line.add_flag("-4,--ipv4", options.ipv4, "Only IPv4 addresses of the endpoint");
  line.add_flag("-6,--ipv6", options.ipv6, "Only IPv6 addresses of the endpoint").excludes(ipv4);
  line.begin_group("Options of all checks, for the report");
  line.add_flag("--plan", options.plan,
                "Print what would be sent, to whom, and what that changes; send nothing");
  add_output_options(line, options.output);
}

std::optional<Family> CheckOptions::family() const {
  if (!ipv4 && !ipv6) return std::nullopt;
  return ipv4 ? Family::v4 : Family::v6;
}

checks::HandshakeOptions CheckOptions::handshake() const {
  checks::HandshakeOptions made;
  made.timeout = timeout;
  made.quick = quick;
  made.data = false;
  made.family = family();
  made.steal_endpoint = target.steal_endpoint;
  made.uapi_folder = target.uapi_folder;
  made.through = target.through;
  return made;
}

Nanoseconds CheckOptions::limit() const {
  return quick ? std::min<Nanoseconds>(timeout, checks::kQuick) : timeout;
}

std::optional<Nanoseconds> CheckOptions::limit_if_given() const {
  if (!timeout_given && !quick) return std::nullopt;
  return limit();
}

namespace {

/// What many type first.
Complaint refuse_file(const std::string& text) {
  if (!looks_like_file(text)) return std::nullopt;
  const std::string file = printable(hide_keys(text));
  return fmt::format("'{}' looks like a file: pass it as --config {}", file, file);
}

}  // namespace

void InnerAddress::add(CommandLine& line) {
  const Option address =
      line.add("ADDRESS", written_,
               "What to ping inside the tunnel; by default an address that is likely to answer")
          .type("")
          .check(refuse_file);
  line.add("--ping", written_, "The same as ADDRESS").type("ADDRESS").excludes(address);
}

Result<std::optional<IpAddress>> InnerAddress::read(const checks::Target& target) const {
  if (written_.empty()) return std::nullopt;
  return parse_inner_address(target, "ADDRESS", written_);
}

Result<IpAddress> parse_inner_address(const checks::Target& target, const std::string& option,
                                      const std::string& written) {
  const auto address = IpAddress::parse(written);
  if (!address)
    return fail(Errc::bad_value,
                fmt::format("{}: '{}' is not an IP address: give an address inside the tunnel",
                            option, printable(written)));
  if (const auto inside = checks::check_inside(target, *address); !inside)
    return fail(inside.error().code, fmt::format("{}: {}", option, inside.error().context));
  return *address;
}

}  // namespace wgscope::probe
