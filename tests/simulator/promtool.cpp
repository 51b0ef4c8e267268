#include "promtool.hpp"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <memory>
#include <stdexcept>
#include <string_view>

#include <fmt/format.h>

#include "prometheus.hpp"

namespace wgscope::simulator {
namespace {

using namespace std::chrono_literals;

struct CloseFile {
  void operator()(std::FILE* file) const { std::fclose(file); }
};
using File = std::unique_ptr<std::FILE, CloseFile>;

std::string yaml_string(std::string_view text) {
  std::string out = "'";
  for (const char c : text) out += c == '\'' ? std::string("''") : std::string(1, c);
  return out + "'";
}

void write_test(const std::filesystem::path& path, const std::vector<std::filesystem::path>& rules,
                const std::vector<const Target*>& targets, Time slot, Time duration) {
  const File file(std::fopen(path.c_str(), "w"));
  if (!file) throw std::runtime_error("cannot write " + path.string());
  fmt::print(file.get(), "rule_files:\n");
  for (const auto& rule : rules)
    fmt::print(file.get(), "- {}\n", yaml_string(std::filesystem::absolute(rule).string()));
  fmt::print(file.get(), "evaluation_interval: {}s\ntests:\n- interval: {}s\n  input_series:\n",
             kEvaluation / 1s, slot / 1s);
  for (const Target* target : targets)
    for (const auto& [id, series] : target->all())
      fmt::print(file.get(), "  - series: {}\n    values: {}\n", yaml_string(id),
                 yaml_string(series.values()));
  fmt::print(file.get(), "  promql_expr_test:\n");
  // The value tells the time, and its sign beginning from end.
  for (std::int64_t at = kEvaluation / 1s; at <= duration / 1s; at += kEvaluation / 1s)
    fmt::print(file.get(),
               "  - {{eval_time: {0}s, expr: '(ALERTS{{alertstate=\"firing\"}} unless "
               "ALERTS{{alertstate=\"firing\"}} offset {1}s) * {0} "
               "or (ALERTS{{alertstate=\"firing\"}} offset {1}s unless "
               "ALERTS{{alertstate=\"firing\"}}) * -{0}'}}\n",
               at, kEvaluation / 1s);
}

/// `a="1", b="2"`, as Prometheus writes labels; values without quotes inside.
Labels parse_labels(std::string_view text) {
  Labels labels;
  while (true) {
    const std::size_t equals = text.find("=\"");
    if (equals == std::string_view::npos) return labels;
    const std::size_t end = text.find('"', equals + 2);
    labels[std::string(text.substr(0, equals))] = text.substr(equals + 2, end - equals - 2);
    text.remove_prefix(std::min(end + 3, text.size()));
  }
}

bool is_around_answer(std::string_view text) {
  if (text.starts_with("expr: ")) return text.find(" err: ") == std::string_view::npos;
  return text.empty() || text == "SUCCESS" || text == "FAILED:" || text == "exp: nil" ||
         text == "got: nil" || text.starts_with("Unit Testing: ");
}

class Answer {
 public:
  explicit Answer(Time duration) : duration_(duration) {}

  /// @returns false for a line that is no part of a comparison: a rule that could not be evaluated.
  bool line(std::string_view text) {
    text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
    constexpr std::string_view kGot = "got: ";
    if (!text.starts_with(kGot)) return is_around_answer(text);
    text.remove_prefix(kGot.size());
    while (!text.empty() && text.front() == '{') {
      const std::size_t close = text.find('}');
      const std::string_view labels = text.substr(1, close - 1);
      text.remove_prefix(close + 2);
      double value = 0;
      const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
      if (error != std::errc{}) throw std::runtime_error("promtool: unexpected value");
      text.remove_prefix(static_cast<std::size_t>(end - text.data()));
      text.remove_prefix(std::min<std::size_t>(2, text.size()));  // ", "
      change(std::string(labels), Time(std::llround(std::abs(value)) * 1000), value > 0);
    }
    return true;
  }

  std::vector<Firing> finish() {
    for (const auto& [labels, begin] : open_)
      firings_.push_back({parse_labels(labels), begin, duration_});
    std::sort(firings_.begin(), firings_.end(),
              [](const Firing& a, const Firing& b) { return a.begin < b.begin; });
    return std::move(firings_);
  }

 private:
  void change(std::string labels, Time at, bool begins) {
    if (begins) {
      open_.emplace(std::move(labels), at);
      return;
    }
    const auto found = open_.find(labels);
    if (found == open_.end())
      throw std::runtime_error("an alert ended that had not begun: " + labels);
    firings_.push_back({parse_labels(labels), found->second, at});
    open_.erase(found);
  }

  Time duration_;
  std::map<std::string, Time> open_;
  std::vector<Firing> firings_;
};

}  // namespace

std::vector<Firing> evaluate(const std::vector<std::filesystem::path>& rules,
                             const std::vector<const Target*>& targets, Time slot, Time duration,
                             const std::filesystem::path& folder) {
  const auto promtool = test::find_prometheus_program("promtool");
  if (!promtool)
    throw std::runtime_error("no program promtool (script/bootstrap --tests unpacks it)");
  const std::filesystem::path test = folder / "test.yaml";
  const std::filesystem::path out = folder / "out";
  write_test(test, rules, targets, slot, duration);
  const std::string command = fmt::format("TMPDIR='{}' '{}' test rules '{}' >'{}' 2>&1",
                                          folder.string(), *promtool, test.string(), out.string());
  static_cast<void>(std::system(command.c_str()));  // fails whenever an alert fired
  const File file(std::fopen(out.c_str(), "r"));
  if (!file) throw std::runtime_error("promtool did not run");
  Answer answer(duration);
  std::string unexpected;
  std::string line;
  for (int c = std::fgetc(file.get()); c != EOF; c = std::fgetc(file.get())) {
    if (c != '\n') {
      line += static_cast<char>(c);
      continue;
    }
    if (!answer.line(line)) unexpected += line + "\n";
    line.clear();
  }
  std::filesystem::remove(test);
  std::filesystem::remove(out);
  if (!unexpected.empty()) throw std::runtime_error("promtool: " + unexpected.substr(0, 2000));
  return answer.finish();
}

}  // namespace wgscope::simulator
