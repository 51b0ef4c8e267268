#pragma once

#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "process.hpp"

namespace wgscope::test {

/// What `wgscope drift --json` said.
struct DriftReport {
  int exit_code = -1;
  nlohmann::json report;
  std::string text;

  explicit DriftReport(Finished finished)
      : exit_code(finished.exit_code),
        report(nlohmann::json::parse(finished.out, nullptr, false)),
        text(std::move(finished.out)) {}

  /// The findings' IDs, in the report's order.
  [[nodiscard]] std::vector<std::string> ids() const { return of_findings("/id"); }
  /// The first line of each fix: the command that makes it as declared.
  [[nodiscard]] std::vector<std::string> commands() const { return of_findings("/fix/0"); }

 private:
  [[nodiscard]] std::vector<std::string> of_findings(const char* field) const {
    std::vector<std::string> found;
    for (const auto& check : report.at("checks"))
      if (check.contains("finding") && check["status"] != "ok")
        found.push_back(check["finding"].at(nlohmann::json::json_pointer(field)));
    return found;
  }
};

}  // namespace wgscope::test
