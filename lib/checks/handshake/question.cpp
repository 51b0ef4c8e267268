#include "wgscope/checks/question.hpp"

#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "wgscope/base/result.hpp"
#include "wgscope/base/time.hpp"
#include "wgscope/checks/handshake.hpp"
#include "wgscope/checks/run.hpp"
#include "wgscope/checks/session.hpp"
#include "wgscope/checks/target.hpp"
#include "wgscope/checks/tunnel.hpp"
#include "wgscope/diagnosis/check_kinds.hpp"
#include "wgscope/diagnosis/handshake.hpp"
#include "wgscope/diagnosis/report.hpp"
#include "wgscope/diagnosis/text.hpp"

namespace wgscope::checks {
namespace {

using diagnosis::CheckKind;

constexpr CheckKind kChecks[] = {CheckKind::handshake_response, CheckKind::tunnel_data};

/// The tunnel does all of it.
class HandshakeQuestion final : public Question {
 public:
  explicit HandshakeQuestion(Tunnel& tunnel) : Question(kChecks), tunnel_(tunnel) {}

  [[nodiscard]] diagnosis::Text target() const override { return endpoint_text(tunnel_.target()); }
  [[nodiscard]] std::vector<diagnosis::Text> plan() const override { return {}; }

  void ask(Run& run, std::optional<Instant> /*deadline*/, diagnosis::Report& report) override {
    tunnel_.use(run, report, [](Session&) {});
    diagnosis::add_success(diagnosis::success(*tunnel_.facts()), report);
  }

 private:
  Tunnel& tunnel_;
};

}  // namespace

Result<std::unique_ptr<Question>> handshake_question(Tunnel& tunnel, HandshakeOptions options) {
  if (options.inner_target)
    if (auto inside = check_inside(tunnel.target(), *options.inner_target); !inside)
      return tl::unexpected(inside.error());
  tunnel.options() = std::move(options);
  return std::make_unique<HandshakeQuestion>(tunnel);
}

}  // namespace wgscope::checks
