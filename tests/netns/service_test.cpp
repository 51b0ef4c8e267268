// The exporter as a service: what systemd hears of it, and what clients notice of a restart. The
// test plays systemd; tests/kernel has the real one.

#include <algorithm>
#include <arpa/inet.h>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <optional>
#include <poll.h>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/un.h>
#include <system_error>
#include <unistd.h>
#include <utility>
#include <vector>

#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "wgscope/os/unique_fd.hpp"

#include "exporter.hpp"
#include "held_threads.hpp"
#include "http.hpp"
#include "process.hpp"
#include "scraper.hpp"
#include "temp_dir.hpp"
#include "uapi_server.hpp"
#include "wait.hpp"

namespace wgscope::test {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

/// Where sd_notify(3) sends to.
class NotifySocket {
 public:
  explicit NotifySocket(const std::filesystem::path& path)
      : path_(path), socket_(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path_.string().copy(address.sun_path, sizeof address.sun_path - 1);
    if (bind(socket_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
      throw std::system_error(errno, std::generic_category(), path_);
  }

  [[nodiscard]] std::vector<std::string> environment(
      std::optional<std::chrono::microseconds> watchdog = {}) const {
    std::vector<std::string> command{"env", "NOTIFY_SOCKET=" + path_.string()};
    if (watchdog) command.push_back(fmt::format("WATCHDOG_USEC={}", watchdog->count()));
    return command;
  }

  /// The next message; nothing if none comes in time.
  [[nodiscard]] std::optional<std::string> next(milliseconds timeout) const {
    pollfd wait{socket_.get(), POLLIN, 0};
    if (poll(&wait, 1, static_cast<int>(timeout.count())) != 1) return std::nullopt;
    std::string text(4096, '\0');
    text.resize(static_cast<std::size_t>(
        std::max<ssize_t>(0, recv(socket_.get(), text.data(), text.size(), 0))));
    return text;
  }

  /// The next message with this in it, whatever comes before.
  [[nodiscard]] std::optional<std::string> next_with(std::string_view what,
                                                     milliseconds timeout = 10s) const {
    const auto deadline = std::chrono::steady_clock::now() + timeout;
    while (std::chrono::steady_clock::now() < deadline) {
      auto message = next(timeout);
      if (message && message->find(what) != std::string::npos) return message;
    }
    return std::nullopt;
  }

  void forget() const {
    while (next(0ms)) continue;
  }

 private:
  std::filesystem::path path_;
  os::UniqueFd socket_;
};

class ServiceTest : public testing::Test {
 protected:
  [[nodiscard]] ExporterOptions watched() const {
    return {.flags = {"--uapi.dir=" + sockets_.path().string()},
            .wrapper = notify_.environment(300ms)};
  }

  TempDir folder_;
  TempDir sockets_;
  NotifySocket notify_{folder_ / "notify"};
};

TEST_F(ServiceTest, SaysThatItServesAndThatItEnds) {
  Exporter exporter(
      {.flags = {"--uapi.dir=" + sockets_.path().string()}, .wrapper = notify_.environment()});
  const auto ready = notify_.next(10s);
  ASSERT_TRUE(ready);
  EXPECT_THAT(*ready, HasSubstr("READY=1\n"));
  EXPECT_THAT(*ready, HasSubstr(fmt::format("STATUS=serving http://127.0.0.1:{}/metrics",
                                            exporter.server().port)));
  exporter.signal(SIGTERM);
  EXPECT_THAT(notify_.next(10s).value_or(""), HasSubstr("STOPPING=1"))
      << "and nothing about a watchdog that there is not";
  EXPECT_EQ(exporter.wait(10s), 0);
}

TEST_F(ServiceTest, IsReadyOnlyOnceTheFirstReadingEnded) {
  const UapiServer stuck(sockets_ / "wg0.sock", {"", false});
  Process exporter({"env", "NOTIFY_SOCKET=" + (folder_ / "notify").string(), Exporter::program(),
                    "--web.listen-address=127.0.0.1:0", "--collect.timeout=10m",
                    "--uapi.dir=" + sockets_.path().string()});
  ASSERT_TRUE(wait_until([&] { return stuck.requests() > 0; }, 10s));
  EXPECT_EQ(notify_.next(300ms), std::nullopt);
}

TEST_F(ServiceTest, FeedsTheWatchdogWhileItServes) {
  const Exporter exporter(watched());
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(notify_.next_with("WATCHDOG=1")) << i;
}

TEST_F(ServiceTest, FeedsNoWatchdogOnceNobodyAcceptsConnections) {
  Exporter exporter(watched());
  ASSERT_TRUE(notify_.next_with("WATCHDOG=1"));
  const auto door = threads_of(exporter.pid(), "door");
  ASSERT_EQ(door.size(), 1U);
  {
    const HeldThreads held(door);
    ASSERT_TRUE(exporter.wait_for_log("requests are not answered any longer", 10s));
    notify_.forget();
    EXPECT_EQ(notify_.next_with("WATCHDOG=1", 2s), std::nullopt);
  }
  EXPECT_TRUE(notify_.next_with("WATCHDOG=1")) << "it is well again";
}

TEST_F(ServiceTest, FeedsNoWatchdogBesideTheMainThreadAlone) {
  Exporter exporter(watched());
  ASSERT_TRUE(notify_.next_with("WATCHDOG=1"));
  const HeldThreads held(threads_of(exporter.pid(), ""));
  ASSERT_TRUE(exporter.wait_for_log("requests are not answered any longer", 10s));
  notify_.forget();
  EXPECT_EQ(notify_.next_with("WATCHDOG=1", 2s), std::nullopt);
}

/// A socket that stays when exporters come and go, as systemd's do.
class KeptSocket {
 public:
  static constexpr int kNumber = 9;  // one digit: some shells know no others

  KeptSocket() {
    const os::UniqueFd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* any = reinterpret_cast<sockaddr*>(&address);
    if (bind(socket.get(), any, size) != 0 || listen(socket.get(), 256) != 0 ||
        getsockname(socket.get(), any, &size) != 0 || dup2(socket.get(), kNumber) != kNumber)
      throw std::system_error(errno, std::generic_category(), "listen");
    inherited_ = os::UniqueFd(kNumber);
    server_.port = ntohs(address.sin_port);
  }
  [[nodiscard]] const HttpServer& server() const { return server_; }

  /// An exporter on it.
  static std::vector<std::string> command(const std::string& folder) {
    return {"bash", "-c",
            fmt::format("exec 3<&{0} {0}<&-; LISTEN_PID=$$ LISTEN_FDS=1 exec \"$0\" "
                        "--web.systemd-socket --collect.max-age=0s --uapi.dir={1}",
                        kNumber, folder),
            Exporter::program()};
  }

 private:
  os::UniqueFd inherited_;
  HttpServer server_;
};

TEST_F(ServiceTest, RefusesNoScrapeWhenItIsReplaced) {
  const KeptSocket socket;
  const UapiServer daemon(sockets_ / "wg0.sock", {uapi_answer(2'000)});
  const auto command = KeptSocket::command(sockets_.path());
  std::optional<Process> exporter(std::in_place, command);
  Scraper one(socket.server());
  Scraper other(socket.server());
  for (int i = 0; i < 6; ++i) {
    const int before = one.answered() + other.answered();
    ASSERT_TRUE(wait_until([&] { return one.answered() + other.answered() > before + 4; }, 20s));
    exporter->signal(SIGTERM);
    ASSERT_EQ(exporter->wait(10s), 0) << exporter->err();
    exporter.emplace(command);
  }
  one.stop();
  other.stop();
  EXPECT_THAT(one.faults(), testing::IsEmpty());
  EXPECT_THAT(other.faults(), testing::IsEmpty());
}

TEST_F(ServiceTest, EndsInSecondsWhileACollectionIsStuck) {
  const UapiServer stuck(sockets_ / "wg0.sock", {"", false});
  Process exporter({Exporter::program(), "--web.listen-address=127.0.0.1:0", "--collect.timeout=1h",
                    "--uapi.dir=" + sockets_.path().string()});
  ASSERT_TRUE(wait_until([&] { return stuck.requests() > 0; }, 10s));
  const auto before = std::chrono::steady_clock::now();
  exporter.signal(SIGTERM);
  EXPECT_EQ(exporter.wait(20s), 0);
  EXPECT_LT(std::chrono::steady_clock::now() - before, 6s);
  EXPECT_THAT(exporter.err(), HasSubstr("a collection did not end"));
}

TEST_F(ServiceTest, EndsAtOnceOnASecondSignal) {
  const UapiServer stuck(sockets_ / "wg0.sock", {"", false});
  Process exporter({Exporter::program(), "--web.listen-address=127.0.0.1:0", "--collect.timeout=1h",
                    "--uapi.dir=" + sockets_.path().string()});
  ASSERT_TRUE(wait_until([&] { return stuck.requests() > 0; }, 10s));
  exporter.signal(SIGINT);
  ASSERT_TRUE(exporter.wait_for_output("stopping", 10s));
  const auto before = std::chrono::steady_clock::now();
  exporter.signal(SIGINT);
  EXPECT_EQ(exporter.wait(20s), 0);
  EXPECT_LT(std::chrono::steady_clock::now() - before, 2s);
}

}  // namespace
}  // namespace wgscope::test
