#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

// The rules of Grafana's dashboard-linter, which is a Go module that cannot be had here, written anew from their
// descriptions. What the linter takes from its PromQL parser is split here: a given function says whether a query is
// valid, promql_scan.hpp what it selects.
namespace wgscope::test {

struct LintResult {
  std::string rule;
  std::string dashboard;             ///< its title
  std::optional<std::string> panel;  ///< its title; none for rules of the whole dashboard
  std::optional<std::size_t> target;
  std::string message;
};

/// Whether Prometheus can parse a query in which the variables stand for something.
using IsValid = std::function<bool(const std::string& promql)>;

/// What the seventeen rules say of a dashboard in the classic format.
std::vector<LintResult> lint(const nlohmann::json& dashboard, const IsValid& is_valid);

/// A file .lint: what is not to be reported.
class LintConfiguration {
 public:
  struct Entry {
    std::string rule;
    std::string reason;  ///< its own, or its rule's
    std::optional<std::string> dashboard;
    std::optional<std::string> panel;
    std::optional<std::size_t> target;
    bool everything = false;  ///< the rule has no entries, so it is excluded as a whole

    [[nodiscard]] bool matches(const LintResult& result) const;
  };

  static LintConfiguration load(const std::filesystem::path& file);

  /// Warnings count as exclusions: only with --strict they make the linter fail.
  [[nodiscard]] const std::vector<Entry>& entries() const { return entries_; }
  [[nodiscard]] bool excludes(const LintResult& result) const;

 private:
  std::vector<Entry> entries_;
};

/// The panels of a dashboard, those inside of rows as well, rows themselves not.
std::vector<nlohmann::json> panels_of(const nlohmann::json& dashboard);

/// Values of Grafana's variables, by name.
using Variables = std::map<std::string, std::string>;

/// A query with these values in place of its variables. What is not among them selects everything; ranges are 4m.
std::string substituted(std::string promql, const Variables& values = {});

}  // namespace wgscope::test
