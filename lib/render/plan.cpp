#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

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
  for (const diagnosis::Text& line : plan.lines) text += redaction.show(line) + '\n';
  return text;
}

std::string to_json(const Plan& plan, bool redact) {
  Redaction redaction(redact);
  nlohmann::ordered_json json{{"schema", kSchema},
                              {"verb", plan.verb},
                              {"target", redaction.show(plan.target)},
                              {"redacted", redact},
                              {"plan", nlohmann::ordered_json::array()}};
  for (const diagnosis::Text& line : plan.lines) json["plan"].push_back(redaction.show(line));
  return json.dump(2) + '\n';
}

}  // namespace wgscope::render
