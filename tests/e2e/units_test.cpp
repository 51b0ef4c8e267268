// The units in packaging/systemd, as systemd's own programs judge them. tests/kernel boots them.

#include <filesystem>
#include <regex>
#include <stdexcept>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "files.hpp"
#include "paths.hpp"
#include "process.hpp"
#include "temp_dir.hpp"

namespace wgscope::test {
namespace {

using testing::IsEmpty;

std::filesystem::path units() { return source_dir() / "packaging/systemd"; }

/// A folder with a unit and drop-ins of it, whose programs are there: systemd refuses others.
class UnitFolder {
 public:
  UnitFolder(const std::string& unit, const std::vector<std::string>& drop_ins) : unit_(unit) {
    for (const auto& entry : std::filesystem::directory_iterator(units()))
      if (entry.is_regular_file() && entry.path().extension() != ".md")
        write_file(folder_ / entry.path().filename(),
                   std::regex_replace(read_file(entry.path()), std::regex("=/usr/bin/wgscope\\S*"),
                                      "=/bin/true"));
    const auto beside = folder_ / (unit + ".d");
    std::filesystem::create_directory(beside);
    for (const std::string& name : drop_ins)
      std::filesystem::copy_file(units() / "drop-ins" / name, beside / name);
  }

  [[nodiscard]] Finished analyze(std::vector<std::string> command) const {
    command.insert(command.begin(), "systemd-analyze");
    command.push_back(folder_ / (std::regex_replace(unit_, std::regex("@"), "@example")));
    return run(command, {.env = {"SYSTEMD_UNIT_PATH=" + folder_.path().string() + ":",
                                 "SYSTEMD_EMOJI=0", "SYSTEMD_COLORS=0"},
                         .netns = {},
                         .input = {}});
  }

  /// As `systemd-analyze security` has it, from 0 to 10.
  [[nodiscard]] double exposure() const {
    const Finished said = analyze({"security", "--offline=yes", "--no-pager"});
    std::smatch match;
    if (!std::regex_search(said.out, match, std::regex("exposure level for \\S+: ([0-9.]+)")))
      throw std::runtime_error(said.out + said.err);
    return std::stod(match[1]);
  }

 private:
  std::string unit_;
  TempDir folder_;
};

struct Variant {
  std::string unit;
  std::vector<std::string> drop_ins;
  double exposure;
};

const std::vector<Variant> kVariants{
    {"wgscope-exporter.service", {}, 1.2},
    {"wgscope-exporter.service", {"exporter-inventory-names.conf"}, 1.7},
    {"wgscope-exporter.service", {"exporter-namespaces.conf"}, 1.6},
    {"wgscope-exporter.service", {"exporter-userspace.conf"}, 1.7},
    {"wgscope-exporter.service", {"exporter-web-config.conf"}, 1.2},
    {"wgscope-probe@.service", {}, 1.3},
    {"wgscope-probe@.service", {"probe-raw-sockets.conf"}, 1.5}};

TEST(Units, ExposeNoMoreThanTheirPageSays) {
  const std::string page = read_file(units() / "README.md");
  for (const Variant& variant : kVariants) {
    const std::string name = variant.unit + fmt::format(" {}", fmt::join(variant.drop_ins, " "));
    EXPECT_NEAR(UnitFolder(variant.unit, variant.drop_ins).exposure(), variant.exposure, 0.01)
        << name;
    EXPECT_LE(variant.exposure, 1.7) << name;
    for (const std::string& drop_in : variant.drop_ins)
      EXPECT_TRUE(std::regex_search(
          page, std::regex(fmt::format("\\| [^\\n|]*`{}`[^\\n|]* \\| {:.1f} \\|\\n", drop_in,
                                       variant.exposure))))
          << name;
  }
  EXPECT_NEAR(UnitFolder("wgscope-exporter.service",
                         {"exporter-namespaces.conf", "exporter-userspace.conf"})
                  .exposure(),
              2.0, 0.01)
      << "as the page says of both";
}

TEST(Units, HaveEveryDropInJudged) {
  std::vector<std::string> judged;
  for (const Variant& variant : kVariants)
    judged.insert(judged.end(), variant.drop_ins.begin(), variant.drop_ins.end());
  std::vector<std::string> there;
  for (const auto& entry : std::filesystem::directory_iterator(units() / "drop-ins"))
    there.push_back(entry.path().filename());
  EXPECT_THAT(judged, testing::UnorderedElementsAreArray(there));
}

TEST(Units, AreUnderstoodBySystemd) {
  for (const Variant& variant : kVariants) {
    const Finished said = UnitFolder(variant.unit, variant.drop_ins).analyze({"verify"});
    EXPECT_EQ(said.exit_code, 0) << variant.unit;
    EXPECT_THAT(said.err + said.out, IsEmpty()) << variant.unit;
  }
  for (const char* other : {"wgscope-exporter.socket", "wgscope-probe@.timer"}) {
    const Finished said = UnitFolder(other, {}).analyze({"verify"});
    EXPECT_EQ(said.exit_code, 0) << other;
    EXPECT_THAT(said.err + said.out, IsEmpty()) << other;
  }
}

}  // namespace
}  // namespace wgscope::test
