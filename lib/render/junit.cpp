// A suite has a failure or an error exactly when the program ends with something else than 0, so
// that a pipeline may look at either.

#include "wgscope/render/junit.hpp"

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>

#include <fmt/core.h>

#include "wgscope/base/time.hpp"
#include "wgscope/render/layout.hpp"

namespace wgscope::render {
namespace {

using Outcome = JunitCase::Outcome;

/// An attribute's value or an element's text. one_line() has left nothing in it that XML does not
/// allow, line breaks of our own aside (XML 1.0 §2.2, §2.4, §3.3.3).
std::string escaped(std::string_view text) {
  std::string made;
  for (const char c : text) {
    switch (c) {
      case '&': made += "&amp;"; break;
      case '<': made += "&lt;"; break;
      case '>': made += "&gt;"; break;
      case '"': made += "&quot;"; break;
      default: made += c;
    }
  }
  return made;
}

std::string element(const JunitCase& one) {
  const std::string text = escaped(one.details);
  switch (one.outcome) {
    case Outcome::passed:
      return text.empty() ? "" : fmt::format("    <system-out>{}</system-out>\n", text);
    case Outcome::skipped:
      return fmt::format("    <skipped message=\"{}\"/>\n", escaped(one.message));
    case Outcome::failed:
    case Outcome::error: break;
  }
  return fmt::format("    <{0} type=\"{1}\" message=\"{2}\">{3}</{0}>\n",
                     one.outcome == Outcome::failed ? "failure" : "error", escaped(one.type),
                     escaped(one.message), text);
}

std::string xml_seconds(Nanoseconds time) {
  return fmt::format("{:.3f}", static_cast<double>(time.count()) / 1e9);
}

/// Jenkins' schema has times in UTC without saying so: no "Z", no fraction.
std::string xml_time(WallTime at) {
  constexpr std::size_t kUpToSeconds = 19;
  return timestamp(at).substr(0, kUpToSeconds);
}

}  // namespace

std::string to_junit(const JunitSuite& suite) {
  const auto count = [&](Outcome outcome) {
    return std::ranges::count(suite.cases, outcome, &JunitCase::outcome);
  };
  const std::string times = suite.started
                                ? fmt::format(R"( time="{}" timestamp="{}")",
                                              xml_seconds(suite.duration), xml_time(*suite.started))
                                : "";
  std::string xml = fmt::format(
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
      "<testsuites>\n"
      "<testsuite name=\"{}\" tests=\"{}\" failures=\"{}\" errors=\"{}\" skipped=\"{}\"{}>\n",
      escaped(suite.name), suite.cases.size(), count(Outcome::failed), count(Outcome::error),
      count(Outcome::skipped), times);
  for (const JunitCase& one : suite.cases) {
    const std::string inside = element(one);
    xml += fmt::format(R"(  <testcase classname="{}" name="{}")", escaped(one.classname),
                       escaped(one.name));
    xml += inside.empty() ? "/>\n" : ">\n" + inside + "  </testcase>\n";
  }
  xml += fmt::format("  <system-out>{}</system-out>\n</testsuite>\n</testsuites>\n",
                     escaped(suite.output));
  return xml;
}

}  // namespace wgscope::render
