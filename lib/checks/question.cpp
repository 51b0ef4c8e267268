#include "wgscope/checks/question.hpp"

#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "wgscope/base/time.hpp"
#include "wgscope/checks/run.hpp"
#include "wgscope/checks/session.hpp"
#include "wgscope/checks/target.hpp"
#include "wgscope/checks/tunnel.hpp"
#include "wgscope/diagnosis/finding.hpp"
#include "wgscope/diagnosis/report.hpp"
#include "wgscope/diagnosis/text.hpp"

namespace wgscope::checks {
namespace {

class InTurn final : public Question {
 public:
  explicit InTurn(std::vector<std::unique_ptr<Question>> questions)
      : questions_(std::move(questions)) {}

  [[nodiscard]] diagnosis::Text target() const override { return questions_.back()->target(); }

  [[nodiscard]] std::vector<diagnosis::Text> plan() const override {
    std::vector<diagnosis::Text> lines;
    for (const auto& question : questions_)
      for (diagnosis::Text& line : question->plan()) lines.push_back(std::move(line));
    return lines;
  }

  void ask(Run& run, std::optional<Instant> deadline, diagnosis::Report& report) override {
    for (const auto& question : questions_) {
      if (run.interrupted())
        question->skip(std::nullopt, report);
      else
        question->ask(run, deadline, report);
    }
  }

  void skip(std::optional<diagnosis::FindingId> because, diagnosis::Report& report) const override {
    for (const auto& question : questions_) question->skip(because, report);
  }

 private:
  std::vector<std::unique_ptr<Question>> questions_;
};

}  // namespace

InnerQuestion::InnerQuestion(Tunnel& tunnel) : tunnel_(tunnel) { tunnel.options().go_on = true; }

diagnosis::Text InnerQuestion::target() const { return endpoint_text(tunnel_.target()); }

void InnerQuestion::ask(Run& run, std::optional<Instant> deadline, diagnosis::Report& report) {
  Session* const session = tunnel_.stand(run, report);
  if (session != nullptr && !run.interrupted()) {
    ask_through(run, *session, deadline, report);
    report.interrupted = report.interrupted || run.interrupted();
  } else {
    report.interrupted = report.interrupted || run.interrupted();
    skip(diagnosis::worst_finding_id(report), report);
  }
}

std::unique_ptr<Question> in_turn(std::vector<std::unique_ptr<Question>> questions) {
  return std::make_unique<InTurn>(std::move(questions));
}

}  // namespace wgscope::checks
