#pragma once

#include <map>
#include <string>
#include <vector>

namespace wgscope::test {

/// Asks promtool whether queries are valid: as recording rules, one for each. Remembers the answers.
class PromqlCheck {
 public:
  /// Asks for all of these at once, which is quick as long as all are valid.
  explicit PromqlCheck(const std::vector<std::string>& queries = {});

  [[nodiscard]] bool is_valid(const std::string& query);

 private:
  static bool ask(const std::vector<std::string>& queries);

  std::map<std::string, bool> known_;
};

}  // namespace wgscope::test
