#include "wgscope/diagnosis/probe_metrics.hpp"

#include <cstddef>
#include <filesystem>
#include <regex>
#include <set>
#include <string>
#include <string_view>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "files.hpp"
#include "paths.hpp"

namespace wgscope::diagnosis {
namespace {

/// Names of figures in string literals of a folder's sources.
std::set<std::string> names_in(const std::filesystem::path& folder) {
  const std::regex literal("\"(wireguard_probe_[a-z_]*[a-z])\"");
  std::set<std::string> names;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    if (entry.path().extension() != ".cpp" || entry.path().filename() == "probe_metrics.cpp")
      continue;
    const std::string source = test::read_file(entry.path());
    for (auto found = std::sregex_iterator(source.begin(), source.end(), literal);
         found != std::sregex_iterator(); ++found)
      names.insert((*found)[1]);
  }
  return names;
}

TEST(ProbeMetrics, HaveARowForEachFigureThatAnythingMeasures) {
  const std::set<std::string> names = names_in(test::source_dir() / "lib");
  EXPECT_THAT(names, ::testing::Contains("wireguard_probe_rtt_seconds"));
  for (const std::string& name : names) EXPECT_NE(find_probe_metric(name), nullptr) << name;
}

TEST(ProbeMetrics, AreNamedByTheirUnit) {
  std::set<std::string_view> seen;
  for (const ProbeMetric& metric : probe_metrics()) {
    EXPECT_TRUE(seen.insert(metric.name).second) << metric.name;
    EXPECT_TRUE(metric.name.ends_with(metric.unit)) << metric.name;
    EXPECT_FALSE(metric.help.empty()) << metric.name;
    EXPECT_EQ(metric.help.find_first_of("\\\n"), std::string_view::npos)
        << metric.name << ": written without escaping";
  }
  EXPECT_EQ(find_probe_metric("wireguard_probe_of_no_table"), nullptr);
}

}  // namespace
}  // namespace wgscope::diagnosis
