#include <algorithm>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "wgscope/base/result.hpp"
#include "wgscope/checks/prepare.hpp"
#include "wgscope/checks/question.hpp"
#include "wgscope/checks/tunnel.hpp"
#include "wgscope/checks/whole.hpp"
#include "wgscope/config/expectations.hpp"
#include "wgscope/diagnosis/report.hpp"
#include "wgscope/diagnosis/text.hpp"

#include "probe/command_line.hpp"
#include "probe/commands/commands.hpp"
#include "probe/options/check_options.hpp"
#include "probe/options/target_options.hpp"
#include "probe/run.hpp"

// wgscope check: what the other verbs ask about one tunnel, in one run (checks/whole.hpp).

namespace wgscope::probe {
namespace {

using diagnosis::text;

class TunnelVerb final : public CheckVerb {
 public:
  [[nodiscard]] std::string_view description() const override {
    return "Check everything about one tunnel in one run: names, handshake, data, packet loss, MTU "
           "in both\ndirections and, with --expect, what must be reachable and what must not be. "
           "The first line is the\nverdict. A healthy tunnel takes less than 15 s.";
  }
  void add_options(CommandLine& line) override;
  Result<std::unique_ptr<checks::Question>> make(Subject& subject) override;

 private:
  [[nodiscard]] std::vector<diagnosis::Further> further(
      const std::vector<config::Expectation>& expectations) const;

  InnerAddress inner_;
  std::string expectations_;
};

void TunnelVerb::add_options(CommandLine& line) {
  inner_.add(line);
  line.add("--expect", expectations_,
           "YAML file with what must be reachable and what must not be (docs/reach.md)")
      .type("FILE");
  add_check_options(line, check);
  line.find("--timeout").description(kTimeoutOfAll);
  line.find("--quick").description(
      "Fewer pings and tries: less than 3 s for a healthy tunnel, less than 10 s for any");
}

/// What takes longer, with this configuration.
std::vector<diagnosis::Further> TunnelVerb::further(
    const std::vector<config::Expectation>& expectations) const {
  const diagnosis::Text arguments = target_arguments(check.target);
  const auto service = std::ranges::find_if(expectations, [](const config::Expectation& one) {
    return one.kind == config::ReachKind::tcp && !one.closed && one.where.address();
  });
  const diagnosis::Text tcp = service == expectations.end() ? diagnosis::Text("ADDRESS:PORT")
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
  checks::WholeOptions whole;
  whole.quick = check.quick;
  const auto inner = inner_.read((*tunnel)->target());
  if (!inner) return tl::unexpected(inner.error());
  whole.target = *inner;
  if (!expectations_.empty()) {
    auto read = checks::read_expectations(expectations_);
    if (!read) return tl::unexpected(read.error());
    whole.expectations = std::move(*read);
  }
  whole.further = further(whole.expectations);
  return checks::whole_question(**tunnel, std::move(whole));
}

}  // namespace

std::unique_ptr<CheckVerb> make_check() { return std::make_unique<TunnelVerb>(); }

}  // namespace wgscope::probe
