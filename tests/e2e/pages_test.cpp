// What a person sees with a browser, and what systemd hands over.

#include <arpa/inet.h>
#include <cstdint>
#include <memory>
#include <netinet/in.h>
#include <regex>
#include <set>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <system_error>
#include <vector>

#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "wgscope/os/unique_fd.hpp"

#include "exporter.hpp"
#include "http.hpp"
#include "metrics.hpp"
#include "process.hpp"
#include "temp_dir.hpp"
#include "uapi_server.hpp"

namespace wgscope::test {
namespace {

using namespace std::chrono_literals;
using testing::AllOf;
using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

std::set<std::string> links_of(const std::string& html) {
  static const std::regex kLink(R"re(href="([^"]*)")re");
  std::set<std::string> links;
  for (std::sregex_iterator link(html.begin(), html.end(), kLink), end; link != end; ++link)
    links.insert((*link)[1]);
  return links;
}

TEST(LandingPage, LinksToPagesThatAre) {
  const TempDir folder;
  const UapiServer server(folder / "wg0.sock", {uapi_answer(1)});
  const Exporter exporter(
      {.flags = {"--uapi.dir=" + folder.path().string(), "--web.telemetry-path=/my/metrics"}});
  const HttpResponse page = exporter.get("/");
  EXPECT_EQ(page.status, 200);
  EXPECT_THAT(page.header("Content-Type").value_or(""), StartsWith("text/html"));
  EXPECT_THAT(page.body, AllOf(StartsWith("<!doctype html>"), HasSubstr("</html>")));
  const std::set<std::string> links = links_of(page.body);
  EXPECT_THAT(links, AllOf(Contains("/my/metrics"), Contains("/-/ready"), Contains("/-/healthy")));
  for (const std::string& link : links) EXPECT_EQ(exporter.get(link).status, 200) << link;
  EXPECT_EQ(exporter.get("/metrics").status, 404);
}

TEST(Pages, AnswerHeadAndRefuseWhatIsNone) {
  const TempDir folder;
  const Exporter exporter({.flags = {"--uapi.dir=" + folder.path().string()}});
  const auto ask = [&](const std::string& method, const std::string& path) {
    return http(exporter.server(), {.path = path, .method = method, .headers = {}});
  };
  for (const char* path : {"/metrics", "/", "/-/healthy", "/-/ready"}) {
    const HttpResponse head = ask("HEAD", path);
    EXPECT_EQ(head.status, 200) << path;
    EXPECT_EQ(head.raw.substr(head.raw.find("\r\n\r\n")), "\r\n\r\n") << path;
    EXPECT_EQ(head.header("Content-Type"), ask("GET", path).header("Content-Type"));
    EXPECT_EQ(ask("POST", path).status, 405) << path;
  }
  for (const char* path :
       {"/none", "/metrics/", "/../etc/passwd", "/%2e%2e/etc/passwd", "/index.html"})
    EXPECT_EQ(ask("GET", path).status, 404) << path;
}

/// A listening socket, as systemd makes it from a .socket unit. Children inherit it as kNumber.
class ListeningSocket {
 public:
  static constexpr int kNumber = 100;

  ListeningSocket() {
    const os::UniqueFd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* any = reinterpret_cast<sockaddr*>(&address);
    if (bind(socket.get(), any, size) != 0 || listen(socket.get(), 16) != 0 ||
        getsockname(socket.get(), any, &size) != 0 || dup2(socket.get(), kNumber) != kNumber)
      throw std::system_error(errno, std::generic_category(), "listen");
    inherited_ = os::UniqueFd(kNumber);
    server_.port = ntohs(address.sin_port);
  }
  [[nodiscard]] const HttpServer& server() const { return server_; }

 private:
  os::UniqueFd inherited_;
  HttpServer server_;
};

/// sd_listen_fds(3): the descriptors from 3 on, their number and whom they are for
/// in the environment.
std::vector<std::string> activated(const std::string& folder) {
  const std::string script = fmt::format(
      "exec 3<&{0} {0}<&-; LISTEN_PID=$$ LISTEN_FDS=1 exec \"$0\" --web.systemd-socket "
      "--uapi.dir={1}",
      ListeningSocket::kNumber, folder);
  return {"bash", "-c", script, Exporter::program()};
}

TEST(SocketActivation, ServesOnTheSocketOfSystemd) {
  const ListeningSocket socket;
  const TempDir folder;
  Process exporter(activated(folder.path()));
  ASSERT_TRUE(exporter.wait_for_output("serving metrics", 10s)) << exporter.err();
  EXPECT_THAT(exporter.err(),
              HasSubstr(fmt::format("http://127.0.0.1:{}/metrics", socket.server().port)));
  EXPECT_EQ(http(socket.server()).status, 200);
}

TEST(SocketActivation, LosesNoClientBetweenTwoRuns) {
  const ListeningSocket socket;
  const TempDir folder;
  {
    Process exporter(activated(folder.path()));
    ASSERT_TRUE(exporter.wait_for_output("serving metrics", 10s)) << exporter.err();
    exporter.signal(SIGTERM);
    EXPECT_EQ(exporter.wait(5s), 0);
  }
  const os::UniqueFd client = connect_tcp(socket.server());
  const std::string_view request =
      "GET /-/healthy HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
  ASSERT_GT(send(client.get(), request.data(), request.size(), MSG_NOSIGNAL), 0);
  Process exporter(activated(folder.path()));
  std::string answer(12, '\0');
  EXPECT_EQ(recv(client.get(), answer.data(), answer.size(), MSG_WAITALL), 12);
  EXPECT_EQ(answer, "HTTP/1.1 200");
}

TEST(SocketActivation, WithoutASocketEndsWithOneLine) {
  const Finished finished =
      run({Exporter::program(), "--web.systemd-socket"},
          {.env = {"LISTEN_FDS=1", "LISTEN_PID=1"}, .netns = {}, .input = {}});
  EXPECT_EQ(finished.exit_code, 1);
  EXPECT_THAT(finished.err, HasSubstr("systemd passed no socket"));
  EXPECT_EQ(count_of(finished.err, "\n"), 1U) << finished.err;
}

}  // namespace
}  // namespace wgscope::test
