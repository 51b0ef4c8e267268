#include "exporter/options.hpp"

#include <chrono>
#include <string>
#include <vector>

#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "wgscope/base/time.hpp"

#include "exporter/collectors/collectors.hpp"
#include "exporter/names.hpp"

namespace wgscope::exporter {
namespace {

using std::chrono::milliseconds;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::internal::CaptureStderr;
using ::testing::internal::CaptureStdout;
using ::testing::internal::GetCapturedStderr;
using ::testing::internal::GetCapturedStdout;

ParsedOptions parse(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), "wgscope-exporter");
  std::vector<char*> argv;
  for (std::string& argument : arguments) argv.push_back(argument.data());
  return parse_options(static_cast<int>(argv.size()), argv.data());
}

/// What a wrong command line prints; it must end the program with 2.
std::string mistake(std::vector<std::string> arguments) {
  CaptureStderr();
  const ParsedOptions parsed = parse(std::move(arguments));
  EXPECT_EQ(parsed.exit_code, 2);
  return GetCapturedStderr();
}

TEST(ParseOptions, HasDefaultsForEverything) {
  const ParsedOptions parsed = parse({});
  EXPECT_FALSE(parsed.exit_code);
  const Options& o = parsed.options;
  EXPECT_THAT(o.listen, ElementsAre(":9586"));
  EXPECT_EQ(o.telemetry_path, "/metrics");
  EXPECT_TRUE(o.collector.source.kernel);
  EXPECT_TRUE(o.collector.source.userspace);
  EXPECT_EQ(o.collector.source.uapi_folder, "/var/run/wireguard");
  EXPECT_EQ(o.collector.max_age, milliseconds(1000));
  EXPECT_EQ(o.collect_timeout, milliseconds(5000));
  EXPECT_EQ(o.sample_interval, milliseconds(5000));
  EXPECT_TRUE(o.collector.sampled);
  EXPECT_EQ(o.render.endpoint, EndpointDetail::full);
  EXPECT_FALSE(o.render.allowed_ip_info);
  EXPECT_FALSE(o.render.name_label);
  EXPECT_FALSE(o.once);
  EXPECT_FALSE(o.demo);
}

TEST(ParseOptions, TheDemoReadsNothingElse) {
  EXPECT_TRUE(parse({"--demo"}).options.demo);
  EXPECT_THAT(mistake({"--demo", "--netns=all"}), HasSubstr("--netns"));
  EXPECT_THAT(mistake({"--demo", "--uapi.dir=/tmp"}), HasSubstr("--uapi.dir"));
}

TEST(ParseOptions, ReadsTheBoundsOfClients) {
  const Options o =
      parse({"--web.request-timeout=1s", "--web.response-timeout=2s", "--web.idle-timeout=3s",
             "--web.min-request-interval=4ms", "--web.min-read-rate=5", "--web.max-connections=6",
             "--web.max-connections-per-address=7"})
          .options;
  EXPECT_EQ(o.limits.head_time, milliseconds(1000));
  EXPECT_EQ(o.limits.answer_time, milliseconds(2000));
  EXPECT_EQ(o.limits.idle_time, milliseconds(3000));
  EXPECT_EQ(o.limits.request_interval, milliseconds(4));
  EXPECT_EQ(o.limits.least_rate, 5U);
  EXPECT_EQ(o.limits.connections, 6U);
  EXPECT_EQ(o.limits.per_address, 7U);
}

TEST(ParseOptions, ReadsEveryFlag) {
  const Options o = parse({"--web.listen-address=127.0.0.1:1",
                           "--web.listen-address",
                           "[::1]:2",
                           "--web.telemetry-path=/wg",
                           "--no-collector.netlink",
                           "--netns",
                           "blue",
                           "--netns=/proc/1/ns/net",
                           "--netns=all",
                           "--uapi.dir=/tmp",
                           "--interface.include=wg.*",
                           "--interface.exclude=wg9",
                           "--collect.max-age=250ms",
                           "--collect.timeout=2.5s",
                           "--state.dir=/tmp",
                           "--names.wg-config=a",
                           "--names.wg-config=b",
                           "--names.file=c",
                           "--peer.endpoint=subnet",
                           "--peer.allowed-ips=info",
                           "--peer-label=name",
                           "--once",
                           "--textfile=/tmp/x.prom",
                           "--log.level=error",
                           "--log.format=json"})
                        .options;
  EXPECT_THAT(o.listen, ElementsAre("127.0.0.1:1", "[::1]:2"));
  EXPECT_EQ(o.telemetry_path, "/wg");
  EXPECT_FALSE(o.collector.source.kernel);
  EXPECT_TRUE(o.collector.source.userspace);
  EXPECT_THAT(o.collector.source.netns, ElementsAre("blue", "/proc/1/ns/net"));
  EXPECT_TRUE(o.collector.source.all_named_netns);
  EXPECT_EQ(o.collector.source.uapi_folder, "/tmp");
  EXPECT_TRUE(o.collector.source.filter.accepts("wg0"));
  EXPECT_FALSE(o.collector.source.filter.accepts("wg9"));
  EXPECT_FALSE(o.collector.source.filter.accepts("xwg0"));
  EXPECT_EQ(o.collector.max_age, milliseconds(250));
  EXPECT_EQ(o.collect_timeout, milliseconds(2500));
  EXPECT_EQ(o.collector.state_dir, "/tmp");
  ASSERT_EQ(o.collector.names.size(), 3);
  EXPECT_EQ(o.collector.names[1].path, "b");
  EXPECT_EQ(o.collector.names[1].kind, NamesFile::Kind::wg_quick);
  EXPECT_EQ(o.collector.names[2].kind, NamesFile::Kind::map);
  EXPECT_EQ(o.render.endpoint, EndpointDetail::subnet);
  EXPECT_TRUE(o.render.allowed_ip_info);
  EXPECT_TRUE(o.render.name_label);
  EXPECT_TRUE(o.once);
  EXPECT_EQ(o.textfile, "/tmp/x.prom");
  EXPECT_EQ(o.log_level, spdlog::level::err);
  EXPECT_EQ(o.log_format, LogFormat::json);
}

TEST(ParseOptions, LimitsPeersOnlyWhereToldTo) {
  EXPECT_EQ(parse({}).options.collector.peer_max, 0U);
  EXPECT_EQ(parse({"--peer.max=500"}).options.collector.peer_max, 500U);
}

TEST(ParseOptions, ReadsInventoriesAndTheLabelsTheyDeclare) {
  const Options o = parse({"--inventory=a", "--inventory", "b", "--host=gw-1", "--peer-label=team",
                           "--peer-label=name", "--peer-label=team"})
                        .options;
  EXPECT_THAT(o.inventory.paths, ElementsAre("a", "b"));
  EXPECT_EQ(o.inventory.host, "gw-1");
  EXPECT_THAT(o.inventory.use.peer_labels, ElementsAre("name", "team"));
  EXPECT_TRUE(o.render.name_label);
  EXPECT_FALSE(parse({"--inventory=a", "--peer-label=team"}).options.render.name_label);
}

TEST(ParseOptions, RefusesLabelsThatCannotBe) {
  for (const char* own : {"interface", "public_key", "endpoint", "verdict", "field", "job"})
    EXPECT_THAT(mistake({"--inventory=a", fmt::format("--peer-label={}", own)}),
                HasSubstr("of its own"));
  for (const char* bad : {"9a", "a-b", "__a", "a b"})
    EXPECT_THAT(mistake({"--inventory=a", fmt::format("--peer-label={}", bad)}),
                HasSubstr("is not a label"));
  EXPECT_THAT(mistake({"--peer-label=team"}), HasSubstr("need --inventory"));
  EXPECT_THAT(mistake({"--host=gw-1"}), HasSubstr("--inventory"));
  EXPECT_THAT(mistake({"--inventory=a", "--host=gw 1"}), HasSubstr("expected letters, digits"));
}

TEST(ParseOptions, CountsNothingWhereNobodySamples) {
  EXPECT_TRUE(parse({"--sample.interval=100ms"}).options.collector.sampled);
  for (const char* off : {"--sample.interval=0", "--sample.interval=0s", "--once"})
    EXPECT_FALSE(parse({off}).options.collector.sampled) << off;
  EXPECT_EQ(parse({"--sample.interval=0"}).options.sample_interval, milliseconds(0));
  EXPECT_EQ(parse({"--sample.interval=1m"}).options.sample_interval, std::chrono::minutes(1));
  EXPECT_THAT(mistake({"--sample.interval=99ms"}),
              HasSubstr("'99ms' is too short: give at least 100ms, or 0 to switch sampling off"));
  EXPECT_EQ(parse({"--sample.interval=5"}).options.sample_interval, std::chrono::seconds(5));
}

TEST(ParseOptions, SaysHowToMakeADirectoryThatIsMissing) {
  EXPECT_THAT(mistake({"--state.dir=/nonexistent"}),
              HasSubstr("--state.dir: /nonexistent is not a directory: make it first: mkdir -p "
                        "/nonexistent"));
}

TEST(ParseOptions, SaysWhatIsWrongInOneLine) {
  const std::vector<std::vector<std::string>> mistakes{
      {"--bogus"},
      {"stray"},
      {"--web.listen-address"},
      {"--web.telemetry-path=metrics"},
      {"--web.telemetry-path=/"},
      {"--web.telemetry-path=/-/ready"},
      {"--web.telemetry-path=//metrics"},
      {"--web.telemetry-path=/metrics?a=b"},
      {"--web.telemetry-path=/metr%69cs"},
      {"--web.telemetry-path=/my metrics"},
      {"--web.telemetry-path=/métriques"},
      {"--web.max-connections=0"},
      {"--web.max-connections-per-address=-1"},
      {"--web.request-timeout=soon"},
      {"--web.min-read-rate=fast"},
      {"--web.listen-address=:1", "--web.systemd-socket"},
      {"--interface.include=("},
      {"--interface.exclude=[z-a]"},
      {"--collect.max-age=5x"},
      {"--collect.max-age=8d"},
      {"--collect.timeout=-1s"},
      {"--sample.interval=1ms"},
      {"--sample.interval=-5s"},
      {"--sample.interval=1s", "--once"},
      {"--state.dir=/nonexistent"},
      {"--peer.endpoint=some"},
      {"--peer.allowed-ips=all"},
      {"--peer-label=endpoint"},
      {"--peer.max=-1"},
      {"--peer.max=many"},
      {"--textfile=x"},
      {"--log.level=loud"},
      {"--log.format=xml"},
  };
  for (const auto& arguments : mistakes) {
    const std::string said = mistake(arguments);
    EXPECT_TRUE(said.starts_with("wgscope-exporter: ")) << arguments[0] << ": " << said;
    EXPECT_EQ(said.find('\n'), said.size() - 1) << said;
  }
  EXPECT_THAT(mistake({"--log.level=warning"}),
              HasSubstr("'warning' is not one of debug, info, warn, error"));
  EXPECT_THAT(mistake({"--collect.max-age=5x"}),
              HasSubstr("'5x' is not a valid duration: give a number with a unit, as in 500ms"));
}

TEST(ParseOptions, HelpAndVersionEndWellAndNameEveryFlag) {
  CaptureStdout();
  EXPECT_EQ(parse({"--help"}).exit_code, 0);
  const std::string help = GetCapturedStdout();
  for (const char* flag :
       {"--web.listen-address", "--web.systemd-socket", "--web.config.file", "--web.max-requests",
        "--collector.netlink",  "--no-collector.uapi",  "--netns",           "--uapi.dir",
        "--interface.include",  "--interface.exclude",  "--collect.max-age", "--collect.timeout",
        "--sample.interval",    "--state.dir",          "--names.wg-config", "--names.file",
        "--peer.endpoint",      "--peer.allowed-ips",   "--peer-label",      "--once",
        "--peer.max",           "--textfile",           "--log.level",       "--log.format",
        "CAP_NET_ADMIN"})
    EXPECT_THAT(help, HasSubstr(flag));
  CaptureStdout();
  EXPECT_EQ(parse({"--version"}).exit_code, 0);
  EXPECT_TRUE(GetCapturedStdout().starts_with("wgscope-exporter "));
}

}  // namespace
}  // namespace wgscope::exporter
