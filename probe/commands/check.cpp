#include <algorithm>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "wgscope/base/result.hpp"
#include "wgscope/base/time.hpp"
#include "wgscope/checks/handshake.hpp"
#include "wgscope/checks/mtu.hpp"
#include "wgscope/checks/ping.hpp"
#include "wgscope/checks/prepare.hpp"
#include "wgscope/checks/question.hpp"
#include "wgscope/checks/reach.hpp"
#include "wgscope/checks/run.hpp"
#include "wgscope/checks/tunnel.hpp"
#include "wgscope/config/expectations.hpp"
#include "wgscope/diagnosis/check_kinds.hpp"
#include "wgscope/diagnosis/finding.hpp"
#include "wgscope/diagnosis/report.hpp"
#include "wgscope/diagnosis/text.hpp"
#include "wgscope/os/clock.hpp"

#include "probe/command_line.hpp"
#include "probe/commands/commands.hpp"
#include "probe/options/check_options.hpp"
#include "probe/options/target_options.hpp"
#include "probe/run.hpp"

// wgscope check: what the other verbs ask about one tunnel, over one handshake, in the order in
// which one answer explains the next.

namespace wgscope::probe {
namespace {

using namespace std::chrono_literals;
using diagnosis::text;

/// On a path without faults the search for the MTU takes a second or two. A lossy one may take
/// minutes, which are for wgscope mtu.
constexpr Nanoseconds kMtuLimit = 30s;
constexpr Nanoseconds kQuickMtuLimit = 5s;

struct Parts {
  std::unique_ptr<checks::Question> handshake;
  std::unique_ptr<checks::Question> ping;
  std::unique_ptr<checks::Question> mtu;
  std::unique_ptr<checks::Question> reach;  ///< nullptr: nothing is expected
  Nanoseconds mtu_limit = kMtuLimit;
  std::vector<diagnosis::Further> further;
};

/// Why pings inside the tunnel are pointless, if they are: nothing answered those of the handshake.
std::optional<diagnosis::FindingId> why_mute(const diagnosis::Report& report) {
  const std::string_view name = row_of(diagnosis::CheckKind::tunnel_data).name;
  for (const diagnosis::Check& check : report.checks)
    if (check.name == name && check.finding) return check.finding->id;
  return std::nullopt;
}

class WholeTunnel final : public checks::Question {
 public:
  explicit WholeTunnel(Parts parts) : parts_(std::move(parts)) {}

  [[nodiscard]] diagnosis::Text target() const override { return parts_.handshake->target(); }

  [[nodiscard]] std::vector<diagnosis::Text> plan() const override {
    std::vector<diagnosis::Text> lines;
    for (const checks::Question* part : all())
      for (diagnosis::Text& line : part->plan()) lines.push_back(std::move(line));
    return lines;
  }

  void ask(checks::Run& run, std::optional<Instant> deadline, diagnosis::Report& report) override;

  void skip(std::optional<diagnosis::FindingId> because, diagnosis::Report& report) const override {
    for (const checks::Question* part : all()) part->skip(because, report);
  }

 private:
  [[nodiscard]] std::vector<checks::Question*> all() const {
    std::vector<checks::Question*> parts{parts_.handshake.get(), parts_.ping.get(),
                                         parts_.mtu.get()};
    if (parts_.reach) parts.push_back(parts_.reach.get());
    return parts;
  }

  Parts parts_;
};

void WholeTunnel::ask(checks::Run& run, std::optional<Instant> deadline,
                      diagnosis::Report& report) {
  parts_.handshake->ask(run, deadline, report);
  std::optional<diagnosis::FindingId> broken;
  if (overall(report) == diagnosis::Status::critical) broken = worst_finding_id(report);
  const auto mute = broken ? broken : why_mute(report);
  // The pings that follow measure the same better, and the verdict has room for one sentence.
  if (!mute) report.distributions.clear();
  report.success = text("the tunnel to {} works", target());
  const auto ask = [&](checks::Question& part, std::optional<diagnosis::FindingId> because,
                       std::optional<Instant> until) {
    if (because)
      part.skip(because, report);
    else
      part.ask(run, until, report);
  };
  ask(*parts_.ping, mute, deadline);
  const Instant until = os::boot_now() + parts_.mtu_limit;
  ask(*parts_.mtu, mute, deadline ? std::min(*deadline, until) : until);
  if (parts_.reach) ask(*parts_.reach, broken, deadline);
  if (!broken) report.further = parts_.further;
}

class TunnelVerb final : public CheckVerb {
 public:
  [[nodiscard]] std::string_view description() const override {
    return "Check everything about one tunnel in one run: names, handshake, data, packet loss, MTU "
           "in both\ndirections and, with --expect, what must be reachable and what must not be. "
           "The first line is the\nverdict. A healthy tunnel takes less than 15 s, with --quick "
           "less than 3 s.";
  }
  void add_options(CommandLine& line) override;
  Result<std::unique_ptr<checks::Question>> make(Subject& subject) override;

 private:
  [[nodiscard]] std::vector<diagnosis::Further> further(
      const std::vector<config::Expectation>& wanted) const;

  std::string inner_target_;
  std::string expectations_;
};

void TunnelVerb::add_options(CommandLine& line) {
  line.add("ADDRESS", inner_target_,
           "What to ping inside the tunnel; by default an address that is likely to answer")
      .type("");
  line.add("--ping", inner_target_, "The same as ADDRESS, as in wgscope handshake").type("ADDRESS");
  line.add("--expect", expectations_,
           "YAML file with what must be reachable and what must not be (docs/reach.md)")
      .type("FILE");
  add_check_options(line, check);
  line.find("--timeout")
      .description(
          "Time limit for the whole run; without it, only the handshake is limited, to 20s");
  line.find("--quick").description(
      "Fewer pings and tries; less than 10 s even if the tunnel fails");
}

/// What takes longer, with this configuration.
std::vector<diagnosis::Further> TunnelVerb::further(
    const std::vector<config::Expectation>& wanted) const {
  const diagnosis::Text arguments = target_arguments(check.target);
  const auto service = std::ranges::find_if(wanted, [](const config::Expectation& one) {
    return one.kind == config::ReachKind::tcp && !one.closed && one.where.address();
  });
  const diagnosis::Text tcp = service == wanted.end() ? diagnosis::Text("ADDRESS:PORT")
                                                      : text("{}", *service->where.address());
  return {{"the exact path MTU in both directions", text("wgscope mtu{}", arguments)},
          {"whether the path MTU changes, until Ctrl-C", text("wgscope mtu --watch{}", arguments)},
          {"the path MTU outside the tunnel", text("wgscope mtu --outer{}", arguments)},
          {"how long NATs remember the idle tunnel, some minutes",
           text("wgscope nat --tcp {}{}", tcp, arguments)}};
}

Result<std::unique_ptr<checks::Question>> TunnelVerb::make(Subject& subject) {
  const auto tunnel = subject.tunnel();
  if (!tunnel) return tl::unexpected(tunnel.error());
  checks::HandshakeOptions handshake = check.handshake();
  checks::PingOptions ping;
  ping.count = check.quick ? 10 : 20;
  ping.interval = check.quick ? 50ms : 100ms;
  checks::MtuOptions mtu;
  mtu.quick = true;
  handshake.data = true;
  if (!inner_target_.empty()) {
    const auto address = parse_inner_address((*tunnel)->target(), "ADDRESS", inner_target_);
    if (!address) return tl::unexpected(address.error());
    handshake.inner_target = ping.target = mtu.target = *address;
  }
  std::vector<config::Expectation> wanted;
  if (!expectations_.empty()) {
    auto read = checks::read_expectations(expectations_);
    if (!read) return tl::unexpected(read.error());
    wanted = std::move(*read);
  }
  Parts parts;
  parts.mtu_limit = check.quick ? kQuickMtuLimit : kMtuLimit;
  parts.further = further(wanted);
  auto made = checks::handshake_question(**tunnel, std::move(handshake));
  if (!made) return made;
  parts.handshake = std::move(*made);
  if (made = checks::ping_question(**tunnel, ping); !made) return made;
  parts.ping = std::move(*made);
  if (made = checks::mtu_question(**tunnel, mtu); !made) return made;
  parts.mtu = std::move(*made);
  if (!wanted.empty()) {
    checks::ReachOptions reach = checks::reach_options((*tunnel)->target());
    if (check.quick) {
      reach.tries = 2;
      reach.try_timeout = 400ms;
    }
    if (made = checks::reach_question(**tunnel, reach, std::move(wanted)); !made) return made;
    parts.reach = std::move(*made);
  }
  return std::make_unique<WholeTunnel>(std::move(parts));
}

}  // namespace

std::unique_ptr<CheckVerb> make_check() { return std::make_unique<TunnelVerb>(); }

}  // namespace wgscope::probe
