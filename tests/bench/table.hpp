#pragma once

#include <string>
#include <vector>

namespace wgscope::bench {

/// One table in Markdown, its columns aligned so that a terminal shows it as well.
class Table {
 public:
  explicit Table(std::vector<std::string> heading) { rows_.push_back(std::move(heading)); }

  void section(const std::string& title);
  void row(std::vector<std::string> cells) { rows_.push_back(std::move(cells)); }
  void print() const;

 private:
  std::vector<std::vector<std::string>> rows_;
};

/// 1234567 as "1 234 567".
std::string grouped(double value);

}  // namespace wgscope::bench
