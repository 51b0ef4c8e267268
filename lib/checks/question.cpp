#include "wgscope/checks/question.hpp"

#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "wgscope/base/time.hpp"
#include "wgscope/checks/run.hpp"
#include "wgscope/checks/session.hpp"
#include "wgscope/checks/target.hpp"
#include "wgscope/checks/tunnel.hpp"
#include "wgscope/diagnosis/check_kinds.hpp"
#include "wgscope/diagnosis/finding.hpp"
#include "wgscope/diagnosis/report.hpp"
#include "wgscope/diagnosis/text.hpp"
#include "wgscope/model/address.hpp"

namespace wgscope::checks {
namespace {

class InTurn final : public Series {
 public:
  using Series::Series;

  [[nodiscard]] diagnosis::Text target() const override { return parts().back()->target(); }

  void ask(Run& run, std::optional<Instant> deadline, diagnosis::Report& report) override {
    for (const auto& question : parts()) {
      if (run.interrupted())
        question->skip(std::nullopt, report);
      else
        question->ask(run, deadline, report);
    }
  }
};

}  // namespace

InnerQuestion::InnerQuestion(Tunnel& tunnel, std::span<const diagnosis::CheckKind> kinds)
    : Question(kinds), tunnel_(tunnel) {
  tunnel.options().go_on = true;
}

diagnosis::Text InnerQuestion::target() const { return endpoint_text(tunnel_.target()); }

diagnosis::Text InnerQuestion::whom(const std::optional<IpAddress>& given) const {
  const auto address = given ? given : guess_inner_target(tunnel_.target());
  return address ? diagnosis::text("{}", *address)
                 : diagnosis::Text("an address that you must give");
}

void InnerQuestion::ask(Run& run, std::optional<Instant> deadline, diagnosis::Report& report) {
  const bool asked = tunnel_.use(
      run, report, [&](Session& session) { ask_through(run, session, deadline, report); });
  report.interrupted = report.interrupted || run.interrupted();
  if (!asked) skip(diagnosis::worst_finding_id(report), report);
}

std::vector<diagnosis::Text> Series::plan() const {
  std::vector<diagnosis::Text> lines;
  for (const auto& part : parts_)
    for (diagnosis::Text& line : part->plan()) lines.push_back(std::move(line));
  return lines;
}

void Series::skip(std::optional<diagnosis::FindingId> because, diagnosis::Report& report) const {
  for (const auto& part : parts_) part->skip(because, report);
}

std::unique_ptr<Question> in_turn(std::vector<std::unique_ptr<Question>> questions) {
  return std::make_unique<InTurn>(std::move(questions));
}

}  // namespace wgscope::checks
