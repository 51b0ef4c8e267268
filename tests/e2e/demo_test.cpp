// script/demo, as somebody runs it who wants to see what this is.

#include <arpa/inet.h>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <fcntl.h>
#include <filesystem>
#include <memory>
#include <netinet/in.h>
#include <regex>
#include <sstream>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>
#include <vector>

#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "wgscope/os/unique_fd.hpp"

#include "http.hpp"
#include "metrics.hpp"
#include "paths.hpp"
#include "process.hpp"
#include "temp_dir.hpp"
#include "wait.hpp"

namespace wgscope::test {
namespace {

using namespace std::chrono_literals;
using testing::AllOf;
using testing::ContainsRegex;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;
using testing::StartsWith;

constexpr auto kBuildLimit = 240s;  // it builds an exporter of its own first
constexpr auto kFirstTable = 60s;   // Prometheus scrapes for the first time after 5 s

/// Runs a command that the demo shows, where it says that it is to be run.
Finished run_here(const std::string& command) {
  return run({"bash", "-c", fmt::format("cd '{}' && {}", source_dir().string(), command)});
}

std::string first_group(const std::string& text, const std::string& pattern) {
  std::smatch match;
  return std::regex_search(text, match, std::regex(pattern)) ? match.str(1) : "";
}

/// The scripts and styles of a page that its server does not have, and the page if it is not there.
std::vector<std::string> missing_parts(const std::string& url) {
  std::vector<std::string> missing;
  const Finished page = run({"curl", "-fsS", url});
  if (page.exit_code != 0) missing.push_back(url);
  const std::regex part("(?:src|href)=\"(/[^\"]*/static/[^\"]+)\"");
  for (auto i = std::sregex_iterator(page.out.begin(), page.out.end(), part);
       i != std::sregex_iterator(); ++i) {
    const std::string part_url = url.substr(0, url.find('/', 7)) + i->str(1);
    if (run({"curl", "-fsS", "--output", "/dev/null", part_url}).exit_code != 0)
      missing.push_back(part_url);
  }
  return missing;
}

/// What somebody types, until the demo ends.
class Keyboard {
 public:
  explicit Keyboard(const std::filesystem::path& path) : path_(path) {
    EXPECT_EQ(mkfifo(path.c_str(), 0600), 0);
    // For reading as well: the demo's end of it opens at once, and never finds it at its end.
    pipe_.reset(open(path.c_str(), O_RDWR | O_CLOEXEC));
  }
  void type(std::string_view keys) const {
    EXPECT_EQ(write(pipe_.get(), keys.data(), keys.size()), static_cast<ssize_t>(keys.size()));
  }
  [[nodiscard]] std::string path() const { return path_; }

 private:
  std::filesystem::path path_;
  os::UniqueFd pipe_;
};

/// A demo with ports and a folder for its temporary files of its own.
class RunningDemo {
 public:
  explicit RunningDemo(const std::string& flags)
      : process_({"bash", "-c",
                  fmt::format("cd '{}' && exec {} {} <'{}'", source_dir().string(), command(),
                              flags, keyboard_.path())},
                 {.env = {"TMPDIR=" + folder_.path().string()}}) {}

  /// On a terminal of 80 columns. Its output is what the terminal gets.
  struct OnTerminal {};
  explicit RunningDemo(OnTerminal)
      : process_({"bash", "-c",
                  fmt::format("cd '{}' && exec script --quiet --return --command "
                              "'stty columns 80 rows 24 && exec {}' /dev/null <'{}'",
                              source_dir().string(), command(), keyboard_.path())},
                 {.env = {"TMPDIR=" + folder_.path().string(), "TERM=xterm"}}) {}

  Process& process() { return process_; }
  [[nodiscard]] const Keyboard& keyboard() const { return keyboard_; }
  [[nodiscard]] std::uint16_t port() const { return port_; }
  [[nodiscard]] std::string alerts_url() const {
    return fmt::format("http://127.0.0.1:{}/classic/alerts", prometheus_port_);
  }
  [[nodiscard]] const std::string& out() const { return process_.out(); }
  [[nodiscard]] std::string said() const { return process_.out() + process_.err(); }

  /// The first word of each command line of the demo's that still runs.
  [[nodiscard]] std::vector<std::string> servers() const {
    std::vector<std::string> names;
    std::istringstream lines(must_run({"ps", "-eo", "args="}));
    for (std::string line; std::getline(lines, line);)
      for (const std::uint16_t port : {port_, prometheus_port_})
        if (line.find(fmt::format("--web.listen-address=127.0.0.1:{}", port)) !=
                std::string::npos &&
            line.find("script/demo") == std::string::npos)
          names.push_back(line.substr(0, line.find(' ')));
    return names;
  }
  /// What is left of it in the folder of temporary files; the keyboard is the test's.
  [[nodiscard]] std::vector<std::string> files() const {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(folder_.path()))
      if (entry.path() != keyboard_.path()) names.push_back(entry.path().filename());
    return names;
  }
  void expect_nothing_left() const {
    EXPECT_THAT(servers(), IsEmpty());
    EXPECT_THAT(files(), IsEmpty());
  }

 private:
  [[nodiscard]] std::string command() const {
    return fmt::format("script/demo --port {} --prometheus-port {}", port_, prometheus_port_);
  }

  TempDir folder_;
  Keyboard keyboard_{folder_ / "keyboard"};
  std::uint16_t port_ = free_port();
  std::uint16_t prometheus_port_ = free_port();
  Process process_;
};

class DemoTest : public testing::Test {
 protected:
  /// The fault that WireGuard itself keeps hidden for 180 s begins first, and is looked at last.
  static void SetUpTestSuite() {
    dying_ = std::make_unique<RunningDemo>("--fault peer-dies");
    ASSERT_TRUE(dying_->process().wait_for_output("peer-dies: mast", kBuildLimit))
        << dying_->said();
  }
  static void TearDownTestSuite() { dying_.reset(); }

  static std::unique_ptr<RunningDemo> dying_;
};
std::unique_ptr<RunningDemo> DemoTest::dying_;

TEST_F(DemoTest, ShowsTwoGatewaysAndTheirPeers) {
  RunningDemo demo("--for 24");
  ASSERT_TRUE(demo.process().wait_for_output("gateway   peer", kFirstTable)) << demo.said();

  // What it invites to look at while it runs.
  EXPECT_THAT(demo.out(), HasSubstr(fmt::format("http://127.0.0.1:{}/metrics", demo.port())));
  EXPECT_THAT(demo.out(), HasSubstr(demo.alerts_url()));
  EXPECT_THAT(missing_parts(demo.alerts_url()), IsEmpty());
  const Metrics metrics = Metrics::parse(http({.port = demo.port()}).body);
  EXPECT_EQ(metrics.find("wireguard_peer_info", {{"name", "laptop"}}).size(), 1U);
  EXPECT_EQ(
      metrics.find("wireguard_peer_info", {{"name", "vault"}, {"preshared_key", "true"}}).size(),
      1U);
  EXPECT_EQ(metrics.find("wireguard_exporter_interface_failures").size(), 0U);
  EXPECT_THAT(demo.servers(), SizeIs(2)) << "expect_nothing_left() would find nothing";
  EXPECT_THAT(demo.files(), Not(IsEmpty())) << "nor would its look at the folder";

  ASSERT_EQ(demo.process().wait(40s), 0) << demo.said();
  EXPECT_THAT(demo.out(), AllOf(ContainsRegex("gw-lisbon +laptop +live +[0-9]+ s ago"),
                                ContainsRegex("tablet +live +[0-9]+ s ago.*dead in 1[0-9][0-9] s"),
                                ContainsRegex("printer +never +- "),
                                ContainsRegex("gw-oslo +vault +live .*preshared key"),
                                ContainsRegex("phone +live "), ContainsRegex("mast +live ")));
  EXPECT_THAT(demo.out(), Not(HasSubstr("is firing"))) << "and there is no fault";
  EXPECT_THAT(demo.process().err(), IsEmpty());
  demo.expect_nothing_left();
}

TEST_F(DemoTest, LetsWhoeverLooksBeThePrinter) {
  RunningDemo demo("");
  ASSERT_TRUE(demo.process().wait_for_output("printer never", kFirstTable)) << demo.said();
  const std::string command =
      first_group(demo.out(), "\n(\\S+ handshake --config \\S+/printer.conf)\n");
  ASSERT_NE(command, "") << demo.out();

  const TempDir state;
  const Finished finished = run_here(command + " --state.dir " + state.path().string());
  EXPECT_EQ(finished.exit_code, 0) << finished.out << finished.err;
  EXPECT_THAT(finished.out, StartsWith("OK: handshake with 127.0.0.1:"));
  EXPECT_TRUE(demo.process().wait_for_output(std::regex("printer +live"), 30s)) << demo.out();
  demo.process().signal(SIGINT);
  EXPECT_EQ(demo.process().wait(15s), 130) << demo.said();
}

TEST_F(DemoTest, NamesAFaultUntilItIsRepaired) {
  RunningDemo demo("--fault replies-lost");
  ASSERT_TRUE(demo.process().wait_for_output("RepliesLost is firing: printer on gw-lisbon", 90s))
      << demo.said();
  ASSERT_TRUE(demo.process().wait_for_output("shows the cause", 5s)) << demo.said();
  const std::string command = first_group(demo.out(), "firing: .*\n +(\\S+ handshake .*)\n");
  ASSERT_NE(command, "") << demo.out();
  const TempDir state;
  const Finished finished = run_here(command + " --state.dir " + state.path().string());
  EXPECT_EQ(finished.exit_code, 2);
  EXPECT_THAT(finished.out, AllOf(StartsWith("CRITICAL: "), HasSubstr("preshared key")));
  EXPECT_TRUE(demo.process().wait_for_output(std::regex("printer +replies_lost"), 15s));

  demo.keyboard().type("0\n");
  EXPECT_TRUE(demo.process().wait_for_output("WireGuardPeerRepliesLost is over", 30s))
      << demo.said();
  EXPECT_TRUE(demo.process().wait_for_output(std::regex("printer +live"), 15s)) << demo.said();
  demo.keyboard().type("q");
  EXPECT_EQ(demo.process().wait(15s), 0) << demo.said();
  EXPECT_THAT(demo.out(), Not(HasSubstr("WireGuardPeerUnanswered")));
  demo.expect_nothing_left();
}

TEST_F(DemoTest, SaysThatNothingIsKnownWhileTheExporterIsStopped) {
  RunningDemo demo("--fault exporter-stopped");
  ASSERT_TRUE(demo.process().wait_for_output("WireGuardExporterDown is firing", 60s))
      << demo.said();
  ASSERT_TRUE(demo.process().wait_for_output("shows the cause", 5s)) << demo.said();
  EXPECT_TRUE(demo.process().wait_for_output(std::regex("laptop +unknown"), 15s)) << demo.said();
  const std::string command = first_group(demo.out(), "firing: .*\n +(curl .*)\n");
  EXPECT_EQ(run_here(command).exit_code, 28) << command << ": not a timeout";

  demo.keyboard().type("0");
  EXPECT_TRUE(demo.process().wait_for_output("WireGuardExporterDown is over", 30s)) << demo.said();
  EXPECT_EQ(run_here(command).exit_code, 0) << command;

  // Nothing is asked to clean up, and a stopped process hears no request to end.
  demo.keyboard().type("3");
  ASSERT_TRUE(wait_until([&] { return run_here(command).exit_code == 28; }, 30s));
  kill(demo.process().pid(), SIGKILL);
  EXPECT_TRUE(wait_until([&] { return demo.servers().empty(); }, 10s));
}

TEST_F(DemoTest, TakesKeysOnATerminal) {
  RunningDemo demo(RunningDemo::OnTerminal{});
  ASSERT_TRUE(demo.process().wait_for_output("0 repair", kFirstTable)) << demo.said();
  demo.keyboard().type("2");
  EXPECT_TRUE(demo.process().wait_for_output("fault: the printer", 10s)) << demo.said();
  EXPECT_TRUE(demo.process().wait_for_output("RepliesLost will fire within", 10s)) << demo.said();
  EXPECT_TRUE(demo.process().wait_for_output("\x1b[1;31mfiring", 60s)) << demo.said();
  demo.keyboard().type("\x03");
  EXPECT_EQ(demo.process().wait(15s), 130) << demo.said();
  demo.expect_nothing_left();

  const std::string text =
      std::regex_replace(demo.out(), std::regex("\x1b\\[[0-9;?]*[A-Za-z]|\r"), "\n");
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    const bool is_command = line.find("build/demo/") != std::string::npos;
    const bool has_path = line.find(source_dir().string()) != std::string::npos;
    EXPECT_TRUE(is_command || has_path || line.size() <= 80) << line;
  }
}

TEST_F(DemoTest, CleansUpOnCtrlC) {
  RunningDemo demo("");
  ASSERT_TRUE(demo.process().wait_for_output("metrics  http", kFirstTable)) << demo.said();
  kill(-demo.process().pid(), SIGINT);  // to the whole group, as a terminal does
  EXPECT_EQ(demo.process().wait(15s), 130) << demo.said();
  demo.expect_nothing_left();
}

TEST_F(DemoTest, SaysSoWhenAPortIsTaken) {
  const os::UniqueFd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* any = reinterpret_cast<sockaddr*>(&address);
  ASSERT_EQ(bind(socket.get(), any, size) + listen(socket.get(), 1) +
                getsockname(socket.get(), any, &size),
            0);
  const std::string port = std::to_string(ntohs(address.sin_port));
  for (const std::string option : {"--port", "--prometheus-port"}) {
    const Finished demo = run_here(fmt::format("script/demo --for 1 {} {}", option, port));
    EXPECT_EQ(demo.exit_code, 1);
    EXPECT_THAT(demo.err, AllOf(HasSubstr(port), HasSubstr(option + "\n")));
  }
}

TEST_F(DemoTest, NamesADeadPeerOnceItsSessionHasEnded) {
  Process& demo = dying_->process();
  ASSERT_TRUE(demo.wait_for_output("Unanswered is firing: mast on gw-oslo", 300s)) << demo.out();
  EXPECT_THAT(demo.out(), HasSubstr("WireGuard keeps a session for 180 s"));
  ASSERT_TRUE(demo.wait_for_output("shows the cause", 5s)) << dying_->said();
  const std::string command = first_group(demo.out(), "firing: .*\n +(\\S+ handshake .*)\n");
  const TempDir state;
  const Finished finished = run_here(command + " --state.dir " + state.path().string());
  EXPECT_EQ(finished.exit_code, 2);
  EXPECT_THAT(finished.out, StartsWith("CRITICAL: nothing listens on ")) << command;

  dying_->keyboard().type("0");
  EXPECT_TRUE(demo.wait_for_output("WireGuardPeerUnanswered is over", 30s)) << demo.out();
  // The tablet has been silent for longer than mast was dead, and nobody was told of it.
  EXPECT_TRUE(demo.wait_for_output(std::regex("tablet +idle .*asleep: no alert"), 15s));
  EXPECT_THAT(demo.out(), Not(HasSubstr("tablet on gw-lisbon")));
  demo.signal(SIGTERM);
  EXPECT_EQ(demo.wait(15s), 143) << dying_->said();
  dying_->expect_nothing_left();
}

}  // namespace
}  // namespace wgscope::test
