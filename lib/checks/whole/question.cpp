#include "wgscope/checks/question.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "wgscope/base/result.hpp"
#include "wgscope/base/time.hpp"
#include "wgscope/checks/handshake.hpp"
#include "wgscope/checks/mtu.hpp"
#include "wgscope/checks/ping.hpp"
#include "wgscope/checks/reach.hpp"
#include "wgscope/checks/run.hpp"
#include "wgscope/checks/tunnel.hpp"
#include "wgscope/checks/whole.hpp"
#include "wgscope/diagnosis/check_kinds.hpp"
#include "wgscope/diagnosis/finding.hpp"
#include "wgscope/diagnosis/report.hpp"
#include "wgscope/diagnosis/text.hpp"
#include "wgscope/os/clock.hpp"

namespace wgscope::checks {
namespace {

using namespace std::chrono_literals;
using diagnosis::text;

/// On a path without faults the search for the MTU takes a second or two. A lossy one may take
/// minutes, which are for wgscope mtu.
constexpr Nanoseconds kMtuLimit = 30s;
constexpr Nanoseconds kQuickMtuLimit = 5s;

/// Why pings inside the tunnel are pointless, if they are: nothing answered those of the handshake.
std::optional<diagnosis::FindingId> why_mute(const diagnosis::Report& report) {
  const std::string_view name = row_of(diagnosis::CheckKind::tunnel_data).name;
  for (const diagnosis::Check& check : report.checks)
    if (check.name == name && check.finding) return check.finding->id;
  return std::nullopt;
}

/// The last one only where something is expected.
enum Part : std::uint8_t { kHandshake, kPing, kMtu, kReach };

class WholeTunnel final : public Series {
 public:
  /// @param parts  in the order of Part.
  WholeTunnel(std::vector<std::unique_ptr<Question>> parts, Nanoseconds mtu_limit,
              std::vector<diagnosis::Further> further)
      : Series(std::move(parts)), mtu_limit_(mtu_limit), further_(std::move(further)) {}

  void ask(Run& run, std::optional<Instant> deadline, diagnosis::Report& report) override;

 private:
  Nanoseconds mtu_limit_;
  std::vector<diagnosis::Further> further_;
};

void WholeTunnel::ask(Run& run, std::optional<Instant> deadline, diagnosis::Report& report) {
  parts()[kHandshake]->ask(run, deadline, report);
  std::optional<diagnosis::FindingId> broken;
  if (overall(report) == diagnosis::Status::critical) broken = worst_finding_id(report);
  const auto mute = broken ? broken : why_mute(report);
  // The pings that follow measure the same better, and the verdict has room for one sentence.
  if (!mute) report.distributions.clear();
  report.success = text("the tunnel to {} works", target());
  const auto ask_part = [&](Question& part, std::optional<diagnosis::FindingId> because,
                            std::optional<Instant> until) {
    if (because)
      part.skip(because, report);
    else
      part.ask(run, until, report);
  };
  ask_part(*parts()[kPing], mute, deadline);
  const Instant until = os::boot_now() + mtu_limit_;
  ask_part(*parts()[kMtu], mute, deadline ? std::min(*deadline, until) : until);
  if (parts().size() > kReach) ask_part(*parts()[kReach], broken, deadline);
  if (!broken) report.further = further_;
}

}  // namespace

Result<std::unique_ptr<Question>> whole_question(Tunnel& tunnel, WholeOptions options) {
  HandshakeOptions handshake = std::move(tunnel.options());
  handshake.data = true;
  handshake.inner_target = options.target;
  PingOptions ping;
  ping.target = options.target;
  ping.count = options.quick ? 10 : 20;
  ping.interval = options.quick ? 50ms : 100ms;
  MtuOptions mtu;
  mtu.target = options.target;
  mtu.quick = true;
  ReachOptions reach = reach_options(tunnel.target());
  if (options.quick) {
    reach.tries = 2;
    reach.try_timeout = 400ms;
  }
  std::vector<Result<std::unique_ptr<Question>>> made;
  made.push_back(handshake_question(tunnel, std::move(handshake)));
  made.push_back(ping_question(tunnel, ping));
  made.push_back(mtu_question(tunnel, mtu));
  if (!options.expectations.empty())
    made.push_back(reach_question(tunnel, std::move(reach), std::move(options.expectations)));
  std::vector<std::unique_ptr<Question>> parts;
  for (auto& part : made) {
    if (!part) return std::move(part);
    parts.push_back(std::move(*part));
  }
  return std::make_unique<WholeTunnel>(std::move(parts), options.quick ? kQuickMtuLimit : kMtuLimit,
                                       std::move(options.further));
}

}  // namespace wgscope::checks
