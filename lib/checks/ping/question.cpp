#include "wgscope/checks/question.hpp"

#include <memory>
#include <optional>
#include <vector>

#include <fmt/core.h>

#include "wgscope/base/result.hpp"
#include "wgscope/base/time.hpp"
#include "wgscope/checks/ping.hpp"
#include "wgscope/checks/run.hpp"
#include "wgscope/checks/session.hpp"
#include "wgscope/checks/target.hpp"
#include "wgscope/checks/tunnel.hpp"
#include "wgscope/diagnosis/ping.hpp"
#include "wgscope/diagnosis/report.hpp"
#include "wgscope/diagnosis/text.hpp"

namespace wgscope::checks {
namespace {

using diagnosis::text;

class PingQuestion final : public InnerQuestion {
 public:
  PingQuestion(Tunnel& tunnel, const PingOptions& options, PingObserver* observer)
      : InnerQuestion(tunnel, diagnosis::kPingChecks), options_(options), observer_(observer) {}

  [[nodiscard]] std::vector<diagnosis::Text> plan() const override {
    const diagnosis::Text pings = options_.count == 0 ? text("echo requests until Ctrl-C")
                                                      : text("{} echo requests", options_.count);
    std::vector<diagnosis::Text> lines;
    lines.push_back(text("{} through the tunnel to {}: {} bytes of payload, one every {}", pings,
                         whom(options_.target), options_.payload_size, options_.interval));
    lines.push_back(text("  up to {} more if the last ones are not answered, small ones if none is",
                         kExtraPings));
    lines.push_back(text("as many echo requests to {} outside the tunnel",
                         diagnosis::Name{tunnel().target().endpoint.host}));
    return lines;
  }

 private:
  void ask_through(Run& run, Session& session, std::optional<Instant> deadline,
                   diagnosis::Report& report) override {
    options_.deadline = deadline;
    const auto facts = ping(run, session, tunnel().target(), options_, observer_);
    diagnosis::add(facts, report);
    if (observer_ != nullptr) observer_->on_result(facts);
  }

  PingOptions options_;
  PingObserver* observer_;
};

}  // namespace

Result<std::unique_ptr<Question>> ping_question(Tunnel& tunnel, PingOptions options,
                                                PingObserver* observer) {
  if (options.interval < kLeastPingInterval)
    return fail(Errc::bad_value,
                fmt::format("the interval must be at least {} ms, to spare others on the path",
                            kLeastPingInterval.count()));
  if (options.target)
    if (auto inside = check_inside(tunnel.target(), *options.target); !inside)
      return tl::unexpected(inside.error());
  return std::make_unique<PingQuestion>(tunnel, options, observer);
}

}  // namespace wgscope::checks
