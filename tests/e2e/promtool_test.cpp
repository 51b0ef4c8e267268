// promtool's lints, which know Prometheus' conventions for names, types, units and help.

#include <filesystem>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "exporter.hpp"
#include "files.hpp"
#include "gateways.hpp"
#include "http.hpp"
#include "need.hpp"
#include "netns.hpp"
#include "process.hpp"
#include "prometheus.hpp"
#include "temp_dir.hpp"
#include "uapi_server.hpp"

namespace wgscope::test {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::Not;

class PromtoolTest : public testing::Test {
 protected:
  void SetUp() override { WGSCOPE_NEED(why_no_prometheus()); }

  static Finished check(const std::string& exposition) {
    return run({find_prometheus_program("promtool").value(), "check", "metrics"},
               {.env = {}, .netns = {}, .input = exposition});
  }
  static void expect_clean(const std::string& exposition) {
    const Finished finished = check(exposition);
    EXPECT_EQ(finished.exit_code, 0);
    EXPECT_EQ(finished.out + finished.err, "");
  }
};

TEST_F(PromtoolTest, FindsFaultsWhereThereAreSome) {
  const Finished finished = check("# TYPE a_total gauge\na_total 1\n");
  EXPECT_NE(finished.exit_code, 0);
  EXPECT_THAT(finished.err, HasSubstr("a_total"));
}

TEST_F(PromtoolTest, FindsNoneOnRealTunnels) {
  WGSCOPE_NEED(why_no_netns());
  const Gateways gateways;
  gateways.ping();
  const Exporter exporter({.flags = {only_own_interfaces(), "--peer.allowed-ips=info"}});
  static_cast<void>(exporter.get("/"));
  const std::string exposition = exporter.get("/metrics").body;
  EXPECT_THAT(exposition, HasSubstr(gateways.right_keys.public_key));
  expect_clean(exposition);
}

TEST_F(PromtoolTest, FindsNoneInHostileNames) {
  const TempDir folder;
  const UapiServer played(
      folder / "wg0.sock",
      {uapi_answer({{.number = 1}, {.number = 2}, {.number = 3}, {.number = 4}})});
  const UapiServer odd_name(folder / "w\"\n\xff\\.sock", {uapi_answer(1)});
  const UapiServer failing(folder / "\xff\"\n.sock", {"nonsense"});
  const auto key = [](std::uint64_t number) { return UapiPeer{.number = number}.public_key(); };
  write_file(
      folder / "wg0.conf",
      "[Peer]\n# Name = \"\\ {}=,\nPublicKey = " + key(1) +
          "\n[Peer]\n# Name = \xff\xfe not UTF-8 \xc3\x28 \xed\xa0\x80\nPublicKey = " + key(2) +
          "\n[Peer]\n# Name = " + std::string(5000, 'x') + "\nPublicKey = " + key(3) + "\n");
  write_file(folder / "names.yaml", "\"" + key(4) + "\": \"two\\nlines \\\\ \\0 \\\"\"\n");
  for (const std::string label : {"", "--peer-label=name"}) {
    std::vector<std::string> flags{"--uapi.dir=" + folder.path().string(),
                                   "--names.wg-config=" + (folder / "wg0.conf").string(),
                                   "--names.file=" + (folder / "names.yaml").string()};
    if (!label.empty()) flags.push_back(label);
    const Exporter exporter({.flags = flags});
    const std::string exposition = exporter.get("/metrics").body;
    EXPECT_THAT(exposition, HasSubstr("two\\nlines"));
    expect_clean(exposition);
  }
}

TEST_F(PromtoolTest, FindsNoneOnAnEmptyHost) {
  const TempDir folder;
  const Exporter exporter({.flags = {"--uapi.dir=" + folder.path().string()}});
  expect_clean(exporter.get("/metrics").body);
  expect_clean(exporter.get("/metrics").body);
}

TEST_F(PromtoolTest, FindsNoneInATextfile) {
  const TempDir folder;
  const UapiServer played(folder / "wg0.sock", {uapi_answer(3)});
  const std::string file = folder / "wg.prom";
  must_run({Exporter::program(), "--once", "--textfile=" + file,
            "--uapi.dir=" + folder.path().string()});
  expect_clean(read_file(file));
}

}  // namespace
}  // namespace wgscope::test
