#include "promql_check.hpp"

#include <cstddef>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "files.hpp"
#include "process.hpp"
#include "prometheus.hpp"
#include "temp_dir.hpp"

namespace wgscope::test {

PromqlCheck::PromqlCheck(const std::vector<std::string>& queries) {
  if (!queries.empty() && ask(queries))
    for (const std::string& query : queries) known_[query] = true;
}

bool PromqlCheck::is_valid(const std::string& query) {
  if (!known_.contains(query)) known_[query] = ask({query});
  return known_.at(query);
}

bool PromqlCheck::ask(const std::vector<std::string>& queries) {
  nlohmann::json rules = nlohmann::json::array();  // YAML reads JSON
  for (std::size_t i = 0; i < queries.size(); ++i)
    rules.push_back({{"record", fmt::format("a:b:c{}", i)}, {"expr", queries[i]}});
  const TempDir folder;
  write_file(folder / "rules.yaml",
             nlohmann::json{{"groups", {{{"name", "queries"}, {"rules", rules}}}}}.dump());
  return run({find_prometheus_program("promtool").value(), "check", "rules", folder / "rules.yaml"})
             .exit_code == 0;
}

}  // namespace wgscope::test
