// Reads the #include lines of the product and holds them against the table in docs/architecture.md.

#include <filesystem>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "architecture_rules.hpp"
#include "files.hpp"
#include "paths.hpp"

namespace wgscope::architecture {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const std::filesystem::path kRoot = test::source_dir();

std::vector<SourceFile> read_product() {
  const std::set<std::string> suffixes{".hpp", ".cpp", ".h", ".cc", ".c", ".inc"};
  std::vector<SourceFile> files;
  for (const char* folder : {"lib", "include/wgscope", "exporter", "probe"}) {
    if (!std::filesystem::exists(kRoot / folder)) continue;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(kRoot / folder))
      if (entry.is_regular_file() && suffixes.contains(entry.path().extension().string()))
        files.push_back({std::filesystem::relative(entry.path(), kRoot).generic_string(),
                         test::read_file(entry.path())});
  }
  return files;
}

TEST(Architecture, HoldsInTheWholeProduct) {
  const auto arrows = read_arrows(test::read_file(kRoot / "docs/architecture.md"));
  ASSERT_TRUE(arrows) << arrows.error().context;
  const std::vector<SourceFile> files = read_product();
  EXPECT_GT(files.size(), 40U) << "so few that it must be looking in the wrong place";
  for (const std::string& violation : find_violations(files, *arrows)) ADD_FAILURE() << violation;
}

// The checker itself. Each rule has an example that it must catch, and one that it must let pass.

constexpr std::string_view kTable =
    "# Architecture\n"
    "| I want to | go to |\n|---|---|\n| base | everything |\n"
    "\n## Rooms and arrows\n\nText before.\n\n"
    "| room | may include | what it is |\n"
    "|---|---|---|\n"
    "| base | – | ground |\n"
    "| model | base | nouns |\n"
    "| crypto | base | |\n"
    "| config | base, model | |\n"
    "| inner | base | |\n"
    "| os | base, model | |\n"
    "| source | base, model, crypto, os | |\n"
    "| checks | base, model, source | |\n"
    "| exporter | base, model, os, source, config, checks | |\n"
    "| probe | base, model, os, source, config, checks | |\n"
    "\nText after | with a bar |\n\n| another | table | x |\n";

std::vector<std::string> check(const std::string& path, const std::string& text) {
  const auto arrows = read_arrows(kTable);
  if (!arrows) return {arrows.error().context};
  return find_violations({{path, text}}, *arrows);
}

void expect_allowed(const std::string& path, const std::string& text) {
  EXPECT_THAT(check(path, text), IsEmpty()) << path;
}
void expect_caught(const std::string& path, const std::string& text, const std::string& what) {
  EXPECT_THAT(check(path, text), ElementsAre(HasSubstr(what))) << path << ": " << text;
}

TEST(ReadArrows, TakesTheTableUnderItsHeadingAndNoOther) {
  const auto arrows = read_arrows(kTable);
  ASSERT_TRUE(arrows) << arrows.error().context;
  EXPECT_EQ(arrows->size(), 10U);
  EXPECT_THAT(arrows->at("base"), IsEmpty());
  EXPECT_THAT(arrows->at("source"), ElementsAre("base", "crypto", "model", "os"));
}

std::string refusal(const std::string& rows) {
  const auto arrows = read_arrows("\n## Rooms and arrows\n" + rows);
  return arrows ? "accepted" : arrows.error().context;
}

TEST(ReadArrows, RefusesWhatIsNoTableOfRooms) {
  EXPECT_EQ(read_arrows("# Other\n").error().context, "no section \"Rooms and arrows\"");
  EXPECT_EQ(refusal("nothing\n"), "no table under \"Rooms and arrows\"");
  EXPECT_EQ(refusal("| a | – | x |\n| a | – | x |\n"), "a stands in the table twice");
  EXPECT_EQ(refusal("| a | b | x |\n"), "a may include \"b\", which is no room");
}

TEST(ReadArrows, RefusesCircles) {
  EXPECT_EQ(refusal("| a | a | x |\n"), "the arrows from a lead back to it");
  EXPECT_EQ(refusal("| a | b | x |\n| b | c | x |\n| c | a | x |\n"),
            "the arrows from a lead back to it");
  EXPECT_EQ(refusal("| a | – | x |\n| b | a | x |\n| c | a, b | x |\n"), "accepted");
}

TEST(Rules, LetARoomIncludeItselfAndWhatItsRowLists) {
  expect_allowed("lib/source/collect.cpp",
                 "#include \"wgscope/source/collect.hpp\"\n#include <vector>\n#include "
                 "\"wgscope/os/clock.hpp\"\n#include \"parts.hpp\"\n");
  expect_allowed("exporter/main.cpp",
                 "#include \"wgscope/source/collect.hpp\"\n#include "
                 "\"exporter/metrics.hpp\"\n#include \"build_info.hpp\"\n");
}

TEST(Rules, CatchAnArrowThatIsNotListed) {
  expect_caught("lib/model/device.cpp", "\n#include \"wgscope/os/clock.hpp\"\n",
                "lib/model/device.cpp:2: model must not include os");
  expect_caught("include/wgscope/model/device.hpp", "#include \"wgscope/crypto/x25519.hpp\"\n",
                "model must not include crypto");
  expect_caught("lib/checks/reach.cpp", "#include \"wgscope/os/clock.hpp\"\n",
                "checks must not include os");
  expect_caught("lib/base/text.cpp", "  #  include <wgscope/model/device.hpp> // why\n",
                "base must not include model");
}

TEST(Rules, InheritNothing) {  // checks may include source, which may include os
  expect_caught("lib/checks/reach.cpp", "#include \"wgscope/crypto/x25519.hpp\"\n",
                "checks must not include crypto");
}

TEST(Rules, CatchARoomThatIsNotInTheTable) {
  expect_caught("lib/misc/x.cpp", "", "misc is no room");
  expect_caught("lib/base/x.cpp", "#include \"wgscope/misc/x.hpp\"\n",
                "base must not include misc");
}

TEST(Rules, CatchAProgramInTheLibraryOrInTheOtherProgram) {
  expect_caught("lib/checks/reach.cpp", "#include \"exporter/metrics.hpp\"\n",
                "checks must not include exporter");
  expect_caught("lib/checks/reach.cpp", "#include \"../../exporter/metrics.hpp\"\n",
                "checks must not include exporter");
  expect_caught("exporter/main.cpp", "#include \"probe/render.hpp\"\n",
                "exporter must not include probe");
  expect_caught("exporter/main.cpp", "#include \"../probe/render.hpp\"\n",
                "exporter must not include probe");
  expect_caught("probe/main.cpp", "#include <exporter/metrics.hpp>\n",
                "probe must not include exporter");
  expect_caught("probe/main.cpp", "#include \"tests/support/http.hpp\"\n", "is private to tests");
}

TEST(Rules, CatchAPrivateHeaderOutsideItsRoom) {
  expect_allowed("lib/source/collect.cpp", "#include \"lib/source/parts.hpp\"\n");
  expect_allowed("lib/source/uapi/client.cpp", "#include \"../parts.hpp\"\n");
  expect_caught("lib/source/collect.cpp", "#include \"../os/parts.hpp\"\n", "is private to os");
  expect_caught("exporter/main.cpp", "#include \"lib/source/parts.hpp\"\n", "is private to source");
}

TEST(Rules, CatchAPrivateHeaderInAPublicOne) {
  expect_caught("include/wgscope/source/collect.hpp", "#include \"lib/source/parts.hpp\"\n",
                "must not include the private");
  expect_caught("include/wgscope/source/collect.hpp",
                "#include \"../../../lib/source/parts.hpp\"\n", "must not include the private");
}

TEST(Rules, CatchSystemHeadersInPureRooms) {
  for (const char* header : {"<sys/socket.h>", "<linux/netlink.h>", "<spdlog/spdlog.h>"}) {
    const std::string text = std::string("#include ") + header + "\n";
    expect_caught("lib/model/device.cpp", text, "model is pure");
    expect_caught("include/wgscope/config/names.hpp", text, "config is pure");
    expect_allowed("lib/os/clock.cpp", text);
    expect_allowed("lib/crypto/x25519.cpp", text);
  }
}

TEST(Rules, CatchAClockThatAPureRoomReads) {
  for (const char* code : {"std::chrono::steady_clock::now();", "auto t = Clock::now();",
                           "clock_gettime(CLOCK_BOOTTIME, &ts);", "gettimeofday(&tv, nullptr);",
                           "std::time(nullptr);"}) {
    expect_caught("lib/base/time.cpp", std::string("void f() {\n  ") + code + "\n}\n",
                  "lib/base/time.cpp:2: base is pure");
    expect_allowed("lib/os/clock.cpp", code);
  }
  expect_allowed("lib/base/time.cpp",
                 "// never steady_clock::now(): it stands still\nint now(int x);\n");
}

TEST(Rules, CatchAYamlParserThatMayNeverEnd) {
  for (const char* place : {"lib/config/x.cpp", "exporter/http/web_config.cpp", "probe/main.cpp"})
    EXPECT_EQ(check(place, "#include <yaml-cpp/yaml.h>\n").size(), 1U) << place;
}

TEST(Rules, CatchLibrariesOutsideTheirPlaces) {
  struct Case {
    const char* header;
    const char* allowed;
    const char* caught;
  };
  for (const auto& [header, allowed, caught] :
       {Case{"<libmnl/libmnl.h>", "lib/source/netlink/dump.cpp", "lib/os/netns.cpp"},
        {"<libmnl/libmnl.h>", "lib/checks/routes.cpp", "exporter/main.cpp"},
        {"<prometheus/registry.h>", "exporter/metrics.cpp", "lib/checks/x.cpp"},
        {"<prometheus/registry.h>", "exporter/exposition/registry.hpp", "probe/main.cpp"},
        {"<civetweb.h>", "exporter/http/server.cpp", "lib/source/x.cpp"},
        {"<CivetServer.h>", "exporter/http/server.cpp", "probe/main.cpp"},
        {"<nlohmann/json.hpp>", "lib/config/names.cpp", "lib/source/x.cpp"},
        {"<nlohmann/json_fwd.hpp>", "probe/render.cpp", "include/wgscope/model/x.hpp"},
        {"<yaml.h>", "lib/config/x.cpp", "exporter/names.cpp"},
        {"<date/tz.h>", "lib/os/time_zones.cpp", "lib/config/x.cpp"},
        {"<openssl/evp.h>", "lib/crypto/x25519.cpp", "lib/source/x.cpp"},
        {"<openssl/ssl.h>", "exporter/http/tls.cpp", "exporter/main.cpp"},
        {"<sodium.h>", "lib/crypto/x.cpp", "lib/base/secret.cpp"},
        {"<sodium/crypto_aead.h>", "lib/crypto/x.cpp", "probe/main.cpp"},
        {"<lwip/tcp.h>", "lib/inner/host.cpp", "lib/source/x.cpp"}}) {
    const std::string text = std::string("#include ") + header + "\n";
    expect_allowed(allowed, text);
    EXPECT_EQ(check(caught, text).size(), 1U) << caught << ": " << header;
  }
}

}  // namespace
}  // namespace wgscope::architecture
