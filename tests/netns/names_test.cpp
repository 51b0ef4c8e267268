// Names of peers from files that change while the exporter runs.

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "exporter.hpp"
#include "files.hpp"
#include "http.hpp"
#include "metrics.hpp"
#include "temp_dir.hpp"
#include "uapi_server.hpp"

namespace wgscope::test {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

class NamesTest : public testing::Test {
 protected:
  Exporter start(std::vector<std::string> flags) {
    flags.push_back("--uapi.dir=" + folder_.path().string());
    return Exporter({.flags = std::move(flags)});
  }

  static std::optional<double> names_success(const Metrics& metrics) {
    return metrics.value("wireguard_exporter_collector_success", {{"collector", "names"}});
  }

  /// The name of peer `number`; empty without one.
  static std::string name_of(const Metrics& metrics, std::uint64_t number) {
    const auto info = metrics.sample("wireguard_peer_info",
                                     {{"public_key", UapiPeer{.number = number}.public_key()}});
    if (!info) return "no such peer";
    const auto name = info->labels.find("name");
    return name == info->labels.end() ? "" : name->second;
  }

  static std::string map_entry(std::uint64_t number, const std::string& name) {
    return "\"" + UapiPeer{.number = number}.public_key() + "\": " + name + "\n";
  }

  const std::string first_key_ = UapiPeer{.number = 1}.public_key();
  TempDir folder_;
  const UapiServer server_{folder_ / "wg0.sock",
                           {uapi_answer({{.number = 1}, {.number = 2}, {.number = 3}})}};
};

TEST_F(NamesTest, AppearWithTheNextScrapeAfterTheFileChanged) {
  const std::string file = folder_ / "names.yaml";
  write_file(file, map_entry(1, "laptop"));
  const Exporter exporter = start({"--names.file=" + file});
  Metrics metrics = exporter.scrape();
  EXPECT_EQ(name_of(metrics, 1), "laptop");
  EXPECT_EQ(name_of(metrics, 2), "");
  EXPECT_EQ(names_success(metrics), 1);

  write_file(file, map_entry(1, "desktop") + map_entry(2, "\"a \\\"b\\\" \\\\ \\n c\""));
  metrics = exporter.scrape();
  EXPECT_EQ(name_of(metrics, 1), "desktop");
  EXPECT_EQ(name_of(metrics, 2), "a \"b\" \\ \n c");

  // As editors and configuration management write: a new file in the old one's place.
  write_file(folder_ / "new", "{\"" + first_key_ + "\": \"json\"}");
  std::filesystem::rename(folder_ / "new", file);
  metrics = exporter.scrape();
  EXPECT_EQ(name_of(metrics, 1), "json");
  EXPECT_EQ(name_of(metrics, 2), "");
}

TEST_F(NamesTest, StayWhenTheFileTurnsBadAndTheLogSaysSoOnce) {
  const std::string file = folder_ / "names.yaml";
  write_file(file, map_entry(1, "laptop"));
  Exporter exporter = start({"--names.file=" + file});
  EXPECT_EQ(name_of(exporter.scrape(), 1), "laptop");

  int problems = 0;
  const auto expect_kept = [&](const std::string& why) {
    for (int scrape = 0; scrape < 3; ++scrape) {
      const Metrics metrics = exporter.scrape();
      EXPECT_EQ(name_of(metrics, 1), "laptop") << why;
      EXPECT_EQ(names_success(metrics), 0) << why;
    }
    ++problems;
    EXPECT_EQ(count_of(exporter.log(), "names from " + file + ": "),
              static_cast<std::size_t>(problems))
        << exporter.log();
  };
  write_file(file, "just text\n");
  expect_kept("no map");
  write_file(file, "level: debug\n");
  expect_kept("another file");
  write_file(file, "{\"" + first_key_);
  expect_kept("cut short");
  std::filesystem::remove(file);
  expect_kept("gone");
  std::filesystem::create_directory(file);
  expect_kept("a folder");
  std::filesystem::remove(file);
  EXPECT_THAT(exporter.log(), HasSubstr("keeps the 1 names it read before"));

  write_file(file, map_entry(1, "back"));
  const Metrics metrics = exporter.scrape();
  EXPECT_EQ(name_of(metrics, 1), "back");
  EXPECT_EQ(names_success(metrics), 1);
}

TEST_F(NamesTest, AreTakenWhereOneLineIsBadWhichTheLogSaysOnce) {
  const std::string file = folder_ / "names.yaml";
  write_file(file, map_entry(1, "laptop") + "AAAA: short\n" + map_entry(2, "phone"));
  Exporter exporter = start({"--names.file=" + file});
  for (int scrape = 0; scrape < 2; ++scrape) {
    const Metrics metrics = exporter.scrape();
    EXPECT_EQ(name_of(metrics, 1), "laptop");
    EXPECT_EQ(name_of(metrics, 2), "phone");
    EXPECT_EQ(names_success(metrics), 0);
  }
  const std::string said = "names from " + file +
                           ": line 2: the key is not a base64 key of 44 characters (4 given); the "
                           "exporter uses the other 2 names";
  EXPECT_EQ(count_of(exporter.log(), said), 1U) << exporter.log();

  write_file(file, map_entry(1, "laptop") + map_entry(1, "desktop") + map_entry(2, "phone"));
  const Metrics metrics = exporter.scrape();
  EXPECT_EQ(name_of(metrics, 1), "") << "either name could be wrong";
  EXPECT_EQ(name_of(metrics, 2), "phone");
  EXPECT_EQ(names_success(metrics), 1) << "each line could be read";
  EXPECT_THAT(exporter.log(), HasSubstr("line 2: a key is given twice with different names"));
}

TEST_F(NamesTest, AreReadFromTheMarksOfGenerators) {
  write_file(folder_ / "wg0.conf",
             "[Interface]\nAddress = 10.8.0.1/24\n### begin phone ###\n[Peer]\nPublicKey = " +
                 UapiPeer{.number = 1}.public_key() +
                 "\n### end phone ###\n### begin laptop "
                 "###\n[Peer]\nPublicKey = " +
                 UapiPeer{.number = 2}.public_key() + "\n### end laptop ###\n");
  const Exporter exporter = start({"--names.wg-config=" + (folder_ / "wg0.conf").string()});
  const Metrics metrics = exporter.scrape();
  EXPECT_EQ(name_of(metrics, 1), "phone");
  EXPECT_EQ(name_of(metrics, 2), "laptop");
  EXPECT_EQ(name_of(metrics, 3), "");
}

TEST_F(NamesTest, ComeFromSeveralFilesAndTheLastWins) {
  write_file(folder_ / "wg0.conf",
             "[Interface]\nPrivateKey = x\n[Peer]\n# friendly_name = one\nPublicKey = " +
                 UapiPeer{.number = 1}.public_key() + "\n[Peer]\n# Name = two\nPublicKey = " +
                 UapiPeer{.number = 2}.public_key() + "\n");
  write_file(folder_ / "map", map_entry(2, "zwei") + map_entry(3, "drei"));
  const Exporter exporter = start({"--names.wg-config=" + (folder_ / "wg0.conf").string(),
                                   "--names.file=" + (folder_ / "map").string()});
  const Metrics metrics = exporter.scrape();
  EXPECT_EQ(name_of(metrics, 1), "one");
  EXPECT_EQ(name_of(metrics, 2), "zwei");
  EXPECT_EQ(name_of(metrics, 3), "drei");
}

TEST_F(NamesTest, AreOnEverySeriesOfThePeerWhenAskedFor) {
  write_file(folder_ / "map", map_entry(1, "laptop"));
  const Exporter exporter =
      start({"--peer-label=name", "--names.file=" + (folder_ / "map").string()});
  const Metrics metrics = exporter.scrape();
  for (const Sample& sample : metrics.samples())
    if (sample.name.starts_with("wireguard_peer_") &&
        sample.labels.at("public_key") == first_key_) {
      EXPECT_EQ(sample.labels.count("name"), 1U) << sample.name;
    }
  EXPECT_EQ(metrics.find("wireguard_peer_session_live", {{"name", "laptop"}}).size(), 1U);
}

TEST_F(NamesTest, AFileThatIsNotThereIsSaidAtTheStartAndReadOnceItIs) {
  const std::string file = folder_ / "later.yaml";
  Exporter exporter = start({"--names.file=" + file});
  EXPECT_THAT(exporter.log(), AllOf(HasSubstr(file), HasSubstr("No such file")));
  EXPECT_EQ(names_success(exporter.scrape()), 0);
  write_file(file, map_entry(1, "late"));
  EXPECT_EQ(name_of(exporter.scrape(), 1), "late");
}

}  // namespace
}  // namespace wgscope::test
