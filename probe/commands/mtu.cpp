#include "wgscope/checks/mtu.hpp"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include <fmt/core.h>

#include "wgscope/base/result.hpp"
#include "wgscope/base/text.hpp"
#include "wgscope/base/time.hpp"
#include "wgscope/checks/outer.hpp"
#include "wgscope/checks/prepare.hpp"
#include "wgscope/checks/question.hpp"
#include "wgscope/checks/target.hpp"
#include "wgscope/config/wg_quick.hpp"
#include "wgscope/diagnosis/mtu.hpp"
#include "wgscope/diagnosis/outer.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/os/standard_streams.hpp"
#include "wgscope/path/mtu_search.hpp"

#include "probe/command_line.hpp"
#include "probe/commands/commands.hpp"
#include "probe/options/check_options.hpp"
#include "probe/run.hpp"

namespace wgscope::probe {
namespace {

constexpr std::chrono::minutes kRaiseTimer{10};  // RFC 8899 §5.1.1: PMTU_RAISE_TIMER
constexpr std::chrono::seconds kLeastPause{1};

class MtuVerb final : public CheckVerb {
 public:
  [[nodiscard]] std::string_view description() const override {
    return "Find the MTU of the path below the tunnel in both directions, and the tunnel MTU that "
           "fits it.\nNeeds no privileges, and only a host inside the tunnel that answers pings.\n"
           "Takes about a second on a healthy path, and at most 60 s whatever is lost: then it "
           "says "
           "what is known so far.";
  }
  void add_options(CommandLine& line) override;
  Result<std::unique_ptr<checks::Question>> make(Subject& subject) override;
  [[nodiscard]] std::optional<Nanoseconds> again() const override {
    return watch_ ? std::optional<Nanoseconds>(every_) : std::nullopt;
  }
  [[nodiscard]] std::optional<Nanoseconds> limit() const override {
    const auto given = check.limit_if_given();
    return given || outer_ ? given : std::optional<Nanoseconds>(checks::kMtuMost);
  }

 private:
  [[nodiscard]] Result<std::unique_ptr<checks::Question>> make_inner(Subject& subject) const;
  [[nodiscard]] Result<std::unique_ptr<checks::Question>> make_outer(Subject& subject) const;
  [[nodiscard]] Result<> read_service(const checks::Target& target,
                                      checks::MtuOptions& options) const;
  [[nodiscard]] Result<> read_host(checks::OuterOptions& options) const;
  [[nodiscard]] Result<> read_config(Subject& subject, checks::OuterOptions& options) const;

  InnerAddress inner_;  ///< with --outer a host
  std::string tcp_;
  bool watch_ = false;
  Nanoseconds every_ = kRaiseTimer;
  bool outer_ = false;
};

void MtuVerb::add_options(CommandLine& line) {
  inner_.add(line);
  const Option tcp =
      line.add("--tcp", tcp_,
               "TCP service inside the tunnel: compare its segment size (MSS) with what the path "
               "carries")
          .type("[ADDRESS:]PORT");
  Option outer = line.add_flag(
      "--outer", outer_,
      "Measure the path without a tunnel and without keys: ADDRESS is then HOST or HOST:PORT, by "
      "default the configuration's endpoint; takes at most 30s and then says what is known");
  const Option watch = line.add_flag(
      "--watch", watch_, "Measure again and again until Ctrl-C, and report what has changed");
  add_duration_option(
      line, "--every", [this](Nanoseconds time) { every_ = time; },
      "With --watch: time from one run to the next, at least 1s [10m]");
  line.find("--every").needs(watch);
  outer.excludes(watch).excludes(tcp);
  add_check_options(line, check);
  line.find("--timeout")
      .description("Time limit for each run, handshake included [60s; with --outer 30s]");
}

// --- through the tunnel ---

/// A port alone is one of the target.
Result<> MtuVerb::read_service(const checks::Target& target, checks::MtuOptions& options) const {
  if (tcp_.empty()) return {};
  std::uint16_t port = 0;
  const char* const end = tcp_.data() + tcp_.size();
  const auto [rest, error] = std::from_chars(tcp_.data(), end, port);
  if (error == std::errc{} && rest == end && port != 0) {
    options.tcp_port = port;
    return {};
  }
  const auto service = Endpoint::parse(tcp_);
  if (!service || service->port == 0)
    return fail(Errc::bad_value,
                fmt::format("--tcp '{}': expected PORT, or ADDRESS:PORT of a service inside the "
                            "tunnel",
                            printable(tcp_)));
  if (const auto inside = checks::check_inside(target, service->address); !inside)
    return fail(inside.error().code, "--tcp: " + inside.error().context);
  options.tcp_port = service->port;
  options.tcp_address = service->address;
  return {};
}

std::string size_table(std::string_view title, const path::MtuResult& result) {
  std::string lines = fmt::format("{}, sizes in the order of trying:\n", title);
  for (const path::MtuTrial& trial : result.trials) {
    std::string_view note;
    if (trial.refused) note = "  refused here: above the interface's MTU";
    if (trial.reported) note = "  reported as too big";
    lines += fmt::format("  {:>5} bytes  {:>3} of {:>3} answered{}\n", trial.size, trial.answered,
                         trial.sent, note);
  }
  return lines + fmt::format("  {} probes; {} of {} small packets beside them answered\n",
                             result.probes, result.controls - result.controls_lost,
                             result.controls);
}

/// To standard error, as standard output is for the report alone.
void show_tables(std::string_view first_title, const std::optional<path::MtuResult>& first,
                 std::string_view second_title, const std::optional<path::MtuResult>& second) {
  if (first) os::write_standard_error(size_table(first_title, *first));
  if (second) os::write_standard_error(size_table(second_title, *second));
}

Result<std::unique_ptr<checks::Question>> MtuVerb::make_inner(Subject& subject) const {
  if (every_ < kLeastPause)
    return fail(Errc::bad_value, "--every: must be at least 1s, to spare others on the path");
  const auto tunnel = subject.tunnel();
  if (!tunnel) return tl::unexpected(tunnel.error());
  checks::MtuOptions options;
  options.quick = check.quick;
  const auto inner = inner_.read((*tunnel)->target());
  if (!inner) return tl::unexpected(inner.error());
  options.target = *inner;
  if (auto read = read_service((*tunnel)->target(), options); !read)
    return tl::unexpected(read.error());
  checks::Shown<diagnosis::MtuFacts> shown;
  if (check.output.verbose)
    shown = [](const diagnosis::MtuFacts& facts) {
      show_tables("To the gateway", facts.forward, "From the gateway", facts.backward);
    };
  return checks::mtu_question(**tunnel, options, std::move(shown));
}

// --- without a tunnel ---

/// "192.0.2.1", "2001:db8::1", "[2001:db8::1]", "gw.example.net", and each with a port, IPv6 in
/// brackets then.
Result<> MtuVerb::read_host(checks::OuterOptions& options) const {
  const std::string& written = inner_.written().empty() ? check.target.endpoint : inner_.written();
  if (written.empty()) return {};
  std::string_view host = written;
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  if (IpAddress::parse(host) || host.find(':') == std::string_view::npos) {
    options.host = {.host = std::string(host), .port = checks::kOuterPort};
    return {};
  }
  auto name = config::EndpointName::parse(written);
  if (!name)
    return fail(name.error().code,
                fmt::format("'{}': expected HOST or HOST:PORT", printable(written)));
  options.host = std::move(*name);
  // The port of --endpoint is WireGuard's.
  if (inner_.written().empty()) options.host.port = checks::kOuterPort;
  return {};
}

/// What the configuration says, where there is one: endpoint, MTU, mark, families inside. Its keys
/// are not looked at.
Result<> MtuVerb::read_config(Subject& subject, checks::OuterOptions& options) const {
  const checks::TargetOptions& target = check.target;
  options.through = target.through;
  if (target.fwmark && *target.fwmark != 0) options.mark = target.fwmark;
  if (target.config.empty()) return {};
  auto file = checks::read_config_file(target.config);
  if (!file) return tl::unexpected(file.error());
  subject.notice(file->remarks);
  checks::apply_fwmark(target, file->config);
  const config::WgQuickConfig& config = file->config;
  options.mark = config.fwmark;
  options.ipv6_inside = std::ranges::any_of(
      config.addresses, [](const Prefix& address) { return address.address.family == Family::v6; });
  if (config.mtu) options.tunnel_mtu = *config.mtu;
  options.tunnel_mtu_known = config.mtu.has_value();
  if (!options.host.host.empty()) return {};
  const auto peer = checks::choose_peer(config, target.peer);
  if (!peer) return tl::unexpected(peer.error());
  const auto& endpoint = config.peers[*peer].endpoint;
  if (!endpoint)
    return fail(Errc::missing_key,
                "the peer has no Endpoint: name a host, wgscope mtu --outer HOST");
  options.host = {.host = endpoint->host, .port = checks::kOuterPort};
  return {};
}

Result<std::unique_ptr<checks::Question>> MtuVerb::make_outer(Subject& subject) const {
  checks::OuterOptions options;
  options.quick = check.quick;
  options.family = check.family();
  if (auto read = read_host(options); !read) return tl::unexpected(read.error());
  if (auto read = read_config(subject, options); !read) return tl::unexpected(read.error());
  if (check.target.mtu) options.tunnel_mtu = *check.target.mtu;
  options.tunnel_mtu_known = options.tunnel_mtu_known || check.target.mtu;
  if (options.host.host.empty())
    return fail(Errc::missing_key,
                "no host: name one, wgscope mtu --outer HOST, or a file that does: --config FILE");
  checks::Shown<diagnosis::OuterFacts> shown;
  if (check.output.verbose)
    shown = [](const diagnosis::OuterFacts& facts) {
      show_tables("There and back, echo requests", facts.both_ways, "There, UDP", facts.forward);
    };
  return checks::outer_question(std::move(options), std::move(shown));
}

Result<std::unique_ptr<checks::Question>> MtuVerb::make(Subject& subject) {
  return outer_ ? make_outer(subject) : make_inner(subject);
}

}  // namespace

std::unique_ptr<CheckVerb> make_mtu() { return std::make_unique<MtuVerb>(); }

}  // namespace wgscope::probe
