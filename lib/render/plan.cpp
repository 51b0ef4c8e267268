#include <string>
#include <string_view>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "wgscope/diagnosis/finding.hpp"
#include "wgscope/diagnosis/report.hpp"
#include "wgscope/diagnosis/text.hpp"
#include "wgscope/render/redaction.hpp"
#include "wgscope/render/report.hpp"

namespace wgscope::render {
namespace {

constexpr std::string_view kSchema = "wgscope.plan/1";

}  // namespace

std::string to_text(const Plan& plan, bool redact) {
  Redaction redaction(redact);
  std::string text;
  for (const diagnosis::Check& check : plan.noticed) {
    text +=
        fmt::format("{}: {}", diagnosis::to_string(check.status), redaction.show(check.summary));
    if (check.finding) text += fmt::format(" ({})", diagnosis::kind_of(check.finding->id).id);
    text += '\n';
  }
  for (const diagnosis::Text& line : plan.lines) text += redaction.show(line) + '\n';
  return text;
}

std::string to_json(const Plan& plan, bool redact) {
  Redaction redaction(redact);
  nlohmann::ordered_json json{{"schema", kSchema},
                              {"verb", plan.verb},
                              {"target", redaction.show(plan.target)},
                              {"redacted", redact},
                              {"noticed", nlohmann::ordered_json::array()},
                              {"plan", nlohmann::ordered_json::array()}};
  for (const diagnosis::Check& check : plan.noticed) {
    nlohmann::ordered_json finding;
    if (check.finding) finding = diagnosis::kind_of(check.finding->id).id;
    json["noticed"].push_back({{"name", check.name},
                               {"status", diagnosis::to_string(check.status)},
                               {"summary", redaction.show(check.summary)},
                               {"finding", finding}});
  }
  for (const diagnosis::Text& line : plan.lines) json["plan"].push_back(redaction.show(line));
  return json.dump(2) + '\n';
}

}  // namespace wgscope::render
