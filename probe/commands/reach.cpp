#include "wgscope/checks/reach.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/core.h>

#include "wgscope/base/result.hpp"
#include "wgscope/base/text.hpp"
#include "wgscope/base/time.hpp"
#include "wgscope/checks/prepare.hpp"
#include "wgscope/checks/question.hpp"
#include "wgscope/checks/tunnel.hpp"
#include "wgscope/config/expectations.hpp"

#include "probe/command_line.hpp"
#include "probe/commands/commands.hpp"
#include "probe/options/check_options.hpp"
#include "probe/run.hpp"

namespace wgscope::probe {
namespace {

using config::Expectation;
using config::ReachKind;

/// An option that takes targets of a kind.
struct TargetOption {
  const char* name;
  ReachKind kind;
  const char* form;
  const char* description;
};
constexpr TargetOption kTargets[] = {
    {"--icmp", ReachKind::icmp, "HOST", "Must answer pings"},
    {"--ping", ReachKind::icmp, "HOST", "The same as --icmp, as other verbs have it"},
    {"--tcp", ReachKind::tcp, "HOST:PORT", "Must accept connections"},
    {"--udp", ReachKind::udp, "HOST:PORT",
     "Must answer a datagram; silence is reported as unknown"},
    {"--dns", ReachKind::dns, "NAME@SERVER", "The name server must resolve the name"},
    {"--http", ReachKind::http, "URL", "Must answer a GET with a status below 400"},
};
constexpr std::size_t kTargetOptions = std::size(kTargets);

class ReachVerb final : public CheckVerb {
 public:
  [[nodiscard]] std::string_view description() const override {
    return "Ask what can be reached inside the tunnel, and what must not be, all targets at once.\n"
           "A silent target counts as closed only if the tunnel is proven to carry packets.";
  }
  void add_options(CommandLine& line) override;
  Result<std::unique_ptr<checks::Question>> make(Subject& subject) override;
  [[nodiscard]] std::optional<Nanoseconds> limit() const override { return check.limit(); }

 private:
  [[nodiscard]] Result<std::vector<Expectation>> read_targets() const;

  std::vector<std::string> targets_[kTargetOptions];
  std::vector<std::string> closed_;
  std::string file_;
  std::vector<std::string> name_servers_;
  std::uint16_t tries_ = checks::ReachOptions{}.tries;
  Nanoseconds try_timeout_ = checks::ReachOptions{}.try_timeout;
};

void ReachVerb::add_options(CommandLine& line) {
  for (std::size_t i = 0; i < kTargetOptions; ++i)
    line.add(kTargets[i].name, targets_[i], std::string(kTargets[i].description) + "; repeatable")
        .type(kTargets[i].form)
        .one_value_each();
  line.add("--expect-closed", closed_,
           "Must not be reachable: tcp:HOST:PORT, udp:HOST:PORT, icmp:HOST or dns:SERVER; "
           "repeatable")
      .type("TARGET")
      .one_value_each();
  line.add("--expect", file_, "YAML file with more targets (docs/reach.md)").type("FILE");
  line.add("--dns-server", name_servers_,
           "Name server inside the tunnel, instead of the configuration's DNS; repeatable")
      .type("ADDRESS")
      .one_value_each();
  line.add("--tries", tries_, "How often each target is asked")
      .type("N")
      .range(1, config::kMaxTries)
      .show_default();
  add_duration_option(
      line, "--try-timeout", [this](Nanoseconds time) { try_timeout_ = time; },
      "How long to wait for the answer to each try [2s]");
  add_check_options(line, check);
}

tl::unexpected<Error> bad_option(std::string_view option, const std::string& written,
                                 const Error& error) {
  return fail(error.code, fmt::format("{} {}: {}", option, printable(written), error.context));
}

/// All expectations, in the order of --help, the file's last.
Result<std::vector<Expectation>> ReachVerb::read_targets() const {
  std::vector<Expectation> expectations;
  for (std::size_t i = 0; i < kTargetOptions; ++i) {
    for (const std::string& written : targets_[i]) {
      auto target = config::parse_target(kTargets[i].kind, written);
      if (!target) return bad_option(kTargets[i].name, written, target.error());
      if (target->kind == ReachKind::dns && target->question.empty())
        return bad_option(
            kTargets[i].name, written,
            {Errc::bad_value, "expected NAME@SERVER: the name to ask for is missing"});
      expectations.push_back(std::move(*target));
    }
  }
  for (const std::string& written : closed_) {
    auto target = config::parse_closed_target(written);
    if (!target) return bad_option("--expect-closed", written, target.error());
    expectations.push_back(std::move(*target));
  }
  if (!file_.empty()) {
    auto more = checks::read_expectations(file_);
    if (!more) return more;
    std::ranges::move(*more, std::back_inserter(expectations));
  }
  if (expectations.empty())
    return fail(
        Errc::missing_key,
        "no targets: give some with --icmp, --tcp, --udp, --dns, --http, --expect-closed or "
        "--expect FILE");
  return expectations;
}

Result<std::unique_ptr<checks::Question>> ReachVerb::make(Subject& subject) {
  const auto tunnel = subject.tunnel();
  if (!tunnel) return tl::unexpected(tunnel.error());
  auto expectations = read_targets();
  if (!expectations) return tl::unexpected(expectations.error());
  checks::ReachOptions options = checks::reach_options((*tunnel)->target());
  options.tries = tries_;
  options.try_timeout = try_timeout_;
  if (!name_servers_.empty()) options.dns.clear();
  for (const std::string& written : name_servers_) {
    const auto server =
        parse_inner_address((*tunnel)->target(), "--dns-server " + written, written);
    if (!server) return tl::unexpected(server.error());
    options.dns.push_back(*server);
  }
  return checks::reach_question(**tunnel, std::move(options), std::move(*expectations));
}

}  // namespace

std::unique_ptr<CheckVerb> make_reach() { return std::make_unique<ReachVerb>(); }

}  // namespace wgscope::probe
