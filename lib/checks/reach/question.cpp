#include "wgscope/checks/question.hpp"

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "wgscope/base/result.hpp"
#include "wgscope/base/time.hpp"
#include "wgscope/checks/reach.hpp"
#include "wgscope/checks/run.hpp"
#include "wgscope/checks/session.hpp"
#include "wgscope/checks/target.hpp"
#include "wgscope/checks/tunnel.hpp"
#include "wgscope/config/expectations.hpp"
#include "wgscope/diagnosis/finding.hpp"
#include "wgscope/diagnosis/reach.hpp"
#include "wgscope/diagnosis/report.hpp"
#include "wgscope/diagnosis/text.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/os/clock.hpp"

namespace wgscope::checks {
namespace {

using config::Expectation;
using diagnosis::text;

class ReachQuestion final : public InnerQuestion {
 public:
  ReachQuestion(Tunnel& tunnel, ReachOptions options, std::vector<Expectation> expectations)
      : InnerQuestion(tunnel, {}),
        options_(std::move(options)),
        expectations_(std::move(expectations)) {}

  [[nodiscard]] std::vector<diagnosis::Text> plan() const override {
    std::vector<diagnosis::Text> lines{"through the tunnel:"};
    for (const Expectation& one : expectations_)
      lines.push_back(text("  {}, asked at most {} times", diagnosis::describe(one),
                           one.tries.value_or(options_.tries)));
    const auto gets_pings = [](const Expectation& one) {
      return !one.closed && one.kind != config::ReachKind::icmp;
    };
    if (std::ranges::any_of(expectations_, gets_pings)) {
      lines.push_back(text("  up to {} echo requests to the host of each target that is silent",
                           kControlTries));
      for (const IpAddress& control : options_.controls)
        lines.push_back(
            text("  up to {} echo requests to {} if targets are silent and nothing has "
                 "answered",
                 kControlTries, control));
    }
    if (std::ranges::any_of(expectations_, &Expectation::closed))
      for (const IpAddress& control : options_.controls)
        lines.push_back(
            text("  up to {} echo requests to {} if targets that must be closed are silent",
                 kControlTries, control));
    return lines;
  }

  void skip(std::optional<diagnosis::FindingId> because, diagnosis::Report& report) const override {
    diagnosis::skip(expectations_, because, report);
  }

 private:
  void ask_through(Run& run, Session& session, std::optional<Instant> deadline,
                   diagnosis::Report& report) override {
    options_.deadline = deadline;
    // No single try outlives the whole.
    if (deadline)
      options_.try_timeout =
          std::clamp(*deadline - os::boot_now(), Nanoseconds{1}, options_.try_timeout);
    diagnosis::add(reach(run, session, expectations_, options_), report);
  }

  ReachOptions options_;
  std::vector<Expectation> expectations_;
};

}  // namespace

Result<std::unique_ptr<Question>> reach_question(Tunnel& tunnel, ReachOptions options,
                                                 std::vector<Expectation> expectations) {
  // A configuration's own name servers may lie outside: then the system is asked for names.
  const auto of_file = reach_options(tunnel.target()).dns;
  for (const IpAddress& server : options.dns) {
    if (std::ranges::find(of_file, server) != of_file.end()) continue;
    if (auto inside = check_inside(tunnel.target(), server); !inside)
      return tl::unexpected(inside.error());
  }
  return std::make_unique<ReachQuestion>(tunnel, std::move(options), std::move(expectations));
}

}  // namespace wgscope::checks
