// Keys that the exporter reads with every scrape, and that must not be anywhere afterwards: not in
// what it serves, not in its log, not in its memory.

#include <array>
#include <chrono>
#include <csignal>
#include <cstddef>
#include <string>
#include <sys/types.h>
#include <vector>

#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "exporter.hpp"
#include "files.hpp"
#include "gateways.hpp"
#include "http.hpp"
#include "memory_scan.hpp"
#include "metrics.hpp"
#include "need.hpp"
#include "netns.hpp"
#include "process.hpp"
#include "temp_dir.hpp"
#include "wait.hpp"

namespace wgscope::test {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;

/// What stays there: a file is in memory while it is read, which a scrape does not wait for.
std::vector<std::string> left_in_memory(pid_t pid, const std::vector<Needle>& needles) {
  std::vector<std::string> found;
  static_cast<void>(wait_until(
      [&] {
        found = found_in_memory(pid, needles);
        return found.empty();
      },
      std::chrono::seconds{20}, std::chrono::milliseconds{100}));
  return found;
}

class SecretsTest : public testing::Test {
 protected:
  void SetUp() override { WGSCOPE_NEED(why_no_netns()); }

  static std::vector<Needle> secrets_of(const Gateways& gateways) {
    std::vector<Needle> needles = needles_of("left private key", gateways.left_keys.private_key);
    for (auto& [what, key] : {std::pair("right private key", gateways.right_keys.private_key),
                              std::pair("preshared key", gateways.preshared_key)})
      for (Needle& needle : needles_of(what, key)) needles.push_back(std::move(needle));
    return needles;
  }

  /// A wg-quick file with names, and with all the secrets a real one has.
  /// @param padding  bytes of comments between them: what is freed is overwritten by chance or not,
  /// depending on its size.
  static std::string wg_quick_file(const Gateways& gateways, std::size_t padding = 0) {
    const std::string comments = "#" + std::string(padding, '-') + "\n";
    return fmt::format(
        "[Interface]\nPrivateKey = {}\nListenPort = 51820\n{}\n"
        "[Peer]\n# friendly_name = right\nPublicKey = {}\nPresharedKey = {}\n{}",
        gateways.left_keys.private_key, comments, gateways.right_keys.public_key,
        gateways.preshared_key, comments);
  }

  /// Everything the exporter says when it is asked for everything, bodies unpacked.
  static std::string everything(Exporter& exporter) {
    std::string all;
    for (const char* path : {"/metrics", "/", "/-/ready", "/-/healthy", "/none"})
      for (const char* accept : {"text/plain", "application/openmetrics-text;version=1.0.0"})
        for (const char* encoding : {"identity", "gzip"}) {
          const HttpResponse response =
              exporter.get(path, {{"Accept", accept}, {"Accept-Encoding", encoding}});
          all += response.raw;
          all += response.header("Content-Encoding") ? gunzip(response.body) : response.body;
        }
    return all;
  }
};

TEST_F(SecretsTest, AreInNoOutputNoLogAndNoMemory) {
  const Gateways gateways;
  gateways.ping();
  const TempDir folder;
  write_file(folder / "wg0.conf", wg_quick_file(gateways));
  Exporter exporter({.flags = {only_own_interfaces(), "--peer.allowed-ips=info",
                               "--names.wg-config=" + (folder / "wg0.conf").string()}});
  std::string said;
  for (const std::size_t padding : {100U, 3'000U, 30'000U, 80'000U, 1'000'000U, 1U}) {
    said += everything(exporter);
    write_file(folder / "wg0.conf", wg_quick_file(gateways, padding));
  }
  said += everything(exporter);
  // The names were read, and both peers of the tunnel.
  EXPECT_THAT(said, AllOf(HasSubstr("name=\"right\""), HasSubstr("preshared_key=\"true\""),
                          HasSubstr(gateways.left_keys.public_key)));

  const std::vector<Needle> secrets = secrets_of(gateways);
  EXPECT_THAT(found_in(said, secrets), IsEmpty());
  EXPECT_THAT(found_in(exporter.log(), secrets), IsEmpty());
  const std::vector<pid_t> processes = exporter.processes();
  EXPECT_EQ(processes.size(), 3U) << "one serves, one reads, one starts that one again";
  for (const pid_t process : processes)
    EXPECT_THAT(left_in_memory(process, secrets), IsEmpty()) << process;

  // A public key may be there, and is found: the search works.
  const auto canary = needles_of("canary", gateways.right_keys.public_key);
  EXPECT_THAT(found_in(said, canary), Contains("canary, base64, first half"));
  EXPECT_THAT(found_in_memory(exporter.pid(), canary),
              AllOf(Contains(HasSubstr("canary, base64")), Contains(HasSubstr("canary, raw"))));
}

TEST_F(SecretsTest, StayOutOfErrorsAboutTheirFile) {
  const Gateways gateways;
  const TempDir folder;
  const std::string file = folder / "wg0.conf";
  const std::string psk = gateways.preshared_key;
  // Keys where a name, a public key or anything else was expected; a wg-quick file where a map was.
  const std::array bad_files{
      fmt::format("[Peer]\n# Name = x\nPublicKey = {}x\n", gateways.left_keys.private_key),
      fmt::format("[Peer]\n# Name = x\nPrivateKey = {}\n", gateways.left_keys.private_key),
      fmt::format("[Interface\n{}\n", psk)};
  write_file(file, wg_quick_file(gateways));
  const std::vector<Needle> secrets = secrets_of(gateways);
  Exporter quick({.flags = {only_own_interfaces(), "--names.wg-config=" + file}});
  Exporter map({.flags = {only_own_interfaces(), "--names.file=" + file}});
  for (const std::string& text : bad_files) {
    for (Exporter* exporter : {&quick, &map}) {
      EXPECT_THAT(found_in(everything(*exporter), secrets), IsEmpty());
      EXPECT_THAT(found_in(exporter->log(), secrets), IsEmpty());
      for (const pid_t process : exporter->processes())
        EXPECT_THAT(left_in_memory(process, secrets), IsEmpty()) << process;
    }
    write_file(file, text);
  }
  EXPECT_EQ(quick.scrape().value("wireguard_exporter_collector_success", {{"collector", "names"}}),
            0);
  EXPECT_EQ(map.scrape().value("wireguard_exporter_collector_success", {{"collector", "names"}}),
            0);
}

/// Everywhere but where a map has its keys: there it could be a public one.
std::string map_with_stray_keys(const std::string& key, std::size_t padding) {
  const std::string public_key = make_key_pair().public_key;
  const std::string comment = "# " + std::string(padding, '-') + "\n";
  return fmt::format(
      "# PrivateKey = {0}\n{1}{2}: ann\n{1}PrivateKey: {0}\nPresharedKey: \"{0}\"\n{1}"
      "{3}: {0}\n{4}: the laptop, {0}\nlist of: ['{0}']\n{1}",
      key, comment, public_key, make_key_pair().public_key, make_key_pair().public_key);
}

TEST(SecretsInMaps, LeaveNoCopyInMemory) {
  const TempDir folder;
  const std::string file = folder / "names.yaml";
  const std::string key = make_key_pair().private_key;
  const auto secret = needles_of("private key", key);
  write_file(file, map_with_stray_keys(key, 10));
  Exporter exporter({.flags = {only_own_interfaces(), "--names.file=" + file}});
  for (const std::size_t padding : {100U, 3'000U, 80'000U, 1'000'000U, 1U}) {
    static_cast<void>(exporter.scrape());
    EXPECT_THAT(found_in(exporter.log(), secret), IsEmpty());
    for (const pid_t process : exporter.processes())
      EXPECT_THAT(left_in_memory(process, secret), IsEmpty()) << padding;
    write_file(file, map_with_stray_keys(key, padding));
  }
  const std::string json = fmt::format(R"({{"a":"{0}","{1}":"ann","b":["{0}"],"c":"x{0}"}})", key,
                                       make_key_pair().public_key);
  write_file(file, json);
  static_cast<void>(exporter.scrape());
  for (const pid_t process : exporter.processes())
    EXPECT_THAT(left_in_memory(process, secret), IsEmpty());
}

TEST_F(SecretsTest, LeaveNoCoreDump) {
  const Gateways gateways;
  const TempDir folder;
  const std::string program = Exporter::program();
  // In a shell that allows cores of any size, and in a folder where one would be written.
  Exporter exporter({.flags = {only_own_interfaces()},
                     .wrapper = {"sh", "-c",
                                 "cd '" + folder.path().string() +
                                     "' && ulimit -c unlimited && exec \"$0\" \"$@\""}});
  static_cast<void>(exporter.scrape());
  exporter.signal(SIGABRT);
  EXPECT_EQ(exporter.wait(std::chrono::seconds{5}), 128 + SIGABRT);
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

}  // namespace
}  // namespace wgscope::test
