#include "exporter/http/server.hpp"

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <fcntl.h>
#include <poll.h>
#include <stdexcept>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "exporter/exposition/output.hpp"
#include "exporter/http/listener.hpp"
#include "server_fixture.hpp"
#include "wait.hpp"

namespace wgscope::exporter::http {
namespace {

using namespace std::chrono_literals;
using namespace std::string_literals;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;
using ::testing::StartsWith;

constexpr std::string_view kPlain = "text/plain; charset=utf-8";

Handler says(std::string text) {
  return [text = std::move(text)](const Request&, Response& response) {
    respond(response, 200, kPlain, text);
  };
}

/// Answers in pieces of these sizes.
Handler streams(std::vector<std::size_t> sizes) {
  return [sizes = std::move(sizes)](const Request&, Response& response) {
    response.set_header("Content-Type", kPlain);
    char fill = 'a';
    for (const std::size_t size : sizes)
      if (!response.write(std::string(size, fill++))) break;
    response.finish();
  };
}

std::string expected_of(const std::vector<std::size_t>& sizes) {
  std::string text;
  char fill = 'a';
  for (const std::size_t size : sizes) text += std::string(size, fill++);
  return text;
}

/// Everything that comes back for these bytes until the server closes.
std::string talk(const test::HttpServer& server, std::string_view bytes,
                 std::chrono::milliseconds patience = 15s) {
  const os::UniqueFd fd = test::connect_tcp(server);
  EXPECT_EQ(send(fd.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL),
            static_cast<ssize_t>(bytes.size()));
  std::string answer;
  std::array<char, 4096> buffer{};
  for (;;) {
    pollfd readable{fd.get(), POLLIN, 0};
    if (poll(&readable, 1, static_cast<int>(patience.count())) <= 0) return answer + "(it goes on)";
    const ssize_t size = recv(fd.get(), buffer.data(), buffer.size(), 0);
    if (size <= 0) return answer;
    answer.append(buffer.data(), static_cast<std::size_t>(size));
  }
}

/// A whole answer with a status above 400, or none at all.
bool is_refusal(const std::string& answer) {
  return answer.empty() ||
         (answer.starts_with("HTTP/") && answer.find("it goes on") == std::string::npos &&
          (answer.substr(8, 2) == " 4" || answer.substr(8, 2) == " 5"));
}

TEST_F(ServerTest, AnswersGetOnItsRoutes) {
  serve({{"/one", says("first\n")}, {"/two", says("second\n")}});
  const auto answer = ask("/one");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.body, "first\n");
  EXPECT_EQ(answer.header("Content-Type"), kPlain);
  EXPECT_EQ(answer.header("Content-Length"), "6");
  EXPECT_EQ(answer.header("Connection"), "close");
  EXPECT_EQ(answer.header("X-Content-Type-Options"), "nosniff");
  EXPECT_EQ(answer.header("Access-Control-Allow-Origin"), std::nullopt);
  EXPECT_EQ(ask("/two").body, "second\n");
}

TEST_F(ServerTest, AnswersHeadWithoutBody) {
  std::atomic<bool> was_head = false;
  serve({{"/one", [&](const Request& request, Response& response) {
            was_head = request.method == "HEAD" && response.head_only();
            respond(response, 200, kPlain, "first\n");
          }}});
  const std::string answer =
      talk(at_, "HEAD /one HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  EXPECT_TRUE(was_head);
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 200 OK\r\n"));
  EXPECT_THAT(answer, HasSubstr("Content-Type: text/plain"));
  EXPECT_THAT(answer.substr(answer.find("\r\n\r\n") + 4), IsEmpty());
}

TEST_F(ServerTest, KnowsExactPathsOnly) {
  serve({{"/metrics", says("metrics")}});
  for (const char* path :
       {"/", "/metric", "/metrics/", "/metrics/foo", "/metricsx", "/METRICS", "/etc/passwd",
        "/../etc/passwd", "/metrics%2f", "/metrics%00", "/x?/metrics"}) {
    const auto answer = ask(path);
    EXPECT_EQ(answer.status, 404) << path;
    EXPECT_EQ(answer.body, "404 not found\n") << path;
  }
  EXPECT_EQ(ask("/metrics?a=b&c").status, 200);
  EXPECT_EQ(ask("/metrics?").status, 200);
}

TEST_F(ServerTest, HandsOverQueryAndHeaders) {
  serve({{"/x", [](const Request& request, Response& response) {
            respond(response, 200, kPlain,
                    fmt::format("{}|{}|{}|{}|{}", request.method, request.path, request.query,
                                request.header("x-one"), request.header("X-Two")));
          }}});
  EXPECT_EQ(ask("/x?a=%20b", "GET", {{"X-ONE", "1, \"one\""}}).body, "GET|/x|a=%20b|1, \"one\"|");
}

TEST_F(ServerTest, RefusesOtherMethods) {
  std::atomic<int> called = 0;
  serve({{"/one", [&](const Request&, Response& response) {
            ++called;
            respond(response, 200, kPlain, "");
          }}});
  for (const char* method : {"POST", "PUT", "DELETE", "OPTIONS", "PATCH"}) {
    const auto answer = ask("/one", method, {{"Content-Length", "0"}});
    EXPECT_EQ(answer.status, 405) << method;
    EXPECT_EQ(answer.header("Allow"), "GET, HEAD") << method;
  }
  const std::string with_body =
      talk(at_, "POST /one HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello");
  EXPECT_THAT(with_body, StartsWith("HTTP/1.1 413 ")) << "a body is refused whatever the method";
  const std::string preflight = talk(at_,
                                     "OPTIONS /one HTTP/1.1\r\nHost: x\r\nOrigin: "
                                     "http://evil\r\nAccess-Control-Request-Method: GET\r\n\r\n");
  EXPECT_THAT(preflight, AllOf(StartsWith("HTTP/1.1 405 "), Not(HasSubstr("Access-Control"))));
  EXPECT_EQ(called, 0);
}

TEST_F(ServerTest, SendsSmallAnswersWithTheirLength) {
  serve({{"/none", streams({})},
         {"/empty", streams({0, 0})},
         {"/one", streams({1})},
         {"/piece", streams({131'072})}});
  EXPECT_EQ(ask("/none").header("Content-Length"), "0");
  EXPECT_EQ(ask("/empty").header("Content-Length"), "0");
  EXPECT_EQ(ask("/one").header("Content-Length"), "1");
  const auto piece = ask("/piece");
  EXPECT_EQ(piece.header("Content-Length"), "131072");
  EXPECT_EQ(piece.header("Transfer-Encoding"), std::nullopt);
  EXPECT_TRUE(piece.body == expected_of({131'072}));
}

TEST_F(ServerTest, SendsLargeAnswersInChunks) {
  const std::vector<std::size_t> sizes{131'072, 131'072, 1, 0, 70'000};
  serve({{"/x", streams(sizes)}});
  const auto answer = ask("/x");
  EXPECT_EQ(answer.header("Transfer-Encoding"), "chunked");
  EXPECT_EQ(answer.header("Content-Length"), std::nullopt);
  EXPECT_TRUE(answer.body == expected_of(sizes));
}

TEST_F(ServerTest, SendsNoEmptyChunkThatWouldEndTheAnswer) {
  const std::vector<std::size_t> sizes{0, 10, 0, 20, 0};
  serve({{"/x", streams(sizes)}});
  EXPECT_EQ(ask("/x").body, expected_of(sizes));
}

TEST_F(ServerTest, SendsNoChunksToHttp10) {
  const std::vector<std::size_t> sizes{131'072, 100'000};
  serve({{"/x", streams(sizes)}});
  const std::string answer = talk(at_, "GET /x HTTP/1.0\r\n\r\n");
  EXPECT_THAT(answer.substr(0, answer.find("\r\n\r\n")), Not(HasSubstr("chunked")));
  EXPECT_TRUE(answer.substr(answer.find("\r\n\r\n") + 4) == expected_of(sizes));
}

TEST_F(ServerTest, AnswersExceptionsWith500AndGoesOn) {
  serve({{"/standard", [](const Request&, Response&) { throw std::runtime_error("secret"); }},
         {"/other", [](const Request&, Response&) { throw 42; }},
         {"/headers",
          [](const Request&, Response& response) {
            response.set_header("Content-Encoding", "gzip");
            response.write(std::string_view("partly"));
            throw std::runtime_error("secret");
          }},
         {"/good", says("good")}});
  for (const char* path : {"/standard", "/other", "/headers"}) {
    const auto answer = ask(path);
    EXPECT_EQ(answer.status, 500) << path;
    EXPECT_THAT(answer.body, IsEmpty());
    EXPECT_EQ(answer.header("Content-Encoding"), std::nullopt);
    EXPECT_THAT(answer.raw, Not(HasSubstr("secret")));
  }
  EXPECT_EQ(ask("/good").body, "good");
}

TEST_F(ServerTest, LeavesABrokenAnswerBrokenForTheClientToSee) {
  serve({{"/x", [](const Request&, Response& response) {
            response.write(std::string(1000, 'a'));
            response.write(std::string(1000, 'b'));
            throw std::runtime_error("now");
          }}});
  const std::string answer = talk(at_, "GET /x HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 200 OK\r\n"));
  EXPECT_THAT(answer, HasSubstr("bbb"));
  EXPECT_THAT(answer, Not(HasSubstr("500")));
  EXPECT_THROW(test::parse_response(answer), std::exception) << "without its last chunk";
  EXPECT_EQ(answered(), (std::vector<Answered>{{"/x", 500}}));
}

TEST_F(ServerTest, TellsOfEachAnswerByRoute) {
  serve({{"/x", says("x")}, {"/bad", [](const Request&, Response&) { throw 1; }}});
  ask("/x");
  ask("/x?y=z");
  ask("/x", "POST");
  ask("/nonsense/" + std::string(100, 'x'));
  ask("/bad");
  ASSERT_TRUE(test::wait_until([&] { return answered().size() == 5; }, 10s));
  EXPECT_EQ(answered(), (std::vector<Answered>{
                            {"/x", 200}, {"/x", 200}, {"/x", 405}, {"other", 404}, {"/bad", 500}}));
}

TEST_F(ServerTest, StopsWritingWhenTheClientHasGone) {
  std::atomic<std::size_t> pieces = 0;
  std::atomic<bool> done = false;
  serve({{"/endless",
          [&](const Request&, Response& response) {
            while (response.write(std::string(131'072, 'x')) && pieces < 100'000) ++pieces;
            response.finish();
            done = true;
          }},
         {"/x", says("x")}});
  {
    const os::UniqueFd client = test::connect_tcp(at_);
    constexpr std::string_view kRequest = "GET /endless HTTP/1.1\r\nHost: x\r\n\r\n";
    ASSERT_EQ(send(client.get(), kRequest.data(), kRequest.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(kRequest.size()));
    std::array<char, 1024> some{};
    ASSERT_GT(recv(client.get(), some.data(), some.size(), 0), 0);
  }
  EXPECT_TRUE(test::wait_until([&] { return done.load(); }, 15s));
  EXPECT_LT(pieces, 100'000U);
  EXPECT_EQ(ask("/x").body, "x");
}

TEST_F(ServerTest, AnswersGarbageWithAnErrorOrNotAtAllAndGoesOn) {
  serve({{"/x", says("x")}});
  for (const std::string& garbage :
       {"\r\n\r\n\r\n\r\n"s, "hello\r\n\r\n"s, "GET\r\n\r\n"s, "GET /x\r\n\r\n"s,
        "GET x HTTP/1.1\r\n\r\n"s, "GET /x HTTP/9.9\r\n\r\n"s,
        "GET /x HTTP/1.1\r\nno colon\r\n\r\n"s, "G\0T /x HTTP/1.1\r\n\r\n"s,
        "\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03\r\n\r\n"s,
        "GET /%zz HTTP/1.1\r\nHost: x\r\n\r\n"s, "GET /x\0y HTTP/1.1\r\n\r\n"s}) {
    const std::string answer = talk(at_, garbage);
    EXPECT_TRUE(is_refusal(answer)) << garbage << answer;
  }
  EXPECT_EQ(ask("/x").body, "x");
}

TEST_F(ServerTest, RefusesRequestsThatAreTooLarge) {
  serve({{"/x", says("x")}});
  const std::string long_header =
      "GET /x HTTP/1.1\r\nHost: x\r\nX-Long: " + std::string(20'000, 'x') + "\r\n\r\n";
  EXPECT_TRUE(is_refusal(talk(at_, long_header)));
  const std::string long_path = "GET /" + std::string(20'000, 'x') + " HTTP/1.1\r\nHost: x\r\n\r\n";
  EXPECT_TRUE(is_refusal(talk(at_, long_path)));
  std::string many_headers = "GET /x HTTP/1.1\r\n";
  for (int i = 0; i < 2000; ++i) many_headers += fmt::format("A{}: b\r\n", i);
  EXPECT_TRUE(is_refusal(talk(at_, many_headers + "\r\n")));
  EXPECT_EQ(ask("/x").body, "x");
}

TEST(ServerStart, ListensOnEveryAddressGiven) {
  ServerOptions options;
  options.listen = {"127.0.0.1:0", "127.0.0.2:0", "127.0.0.1:0"};
  options.routes = {{"/x", says("x")}};
  const auto server = Server::start(std::move(options));
  ASSERT_TRUE(server) << server.error().context;
  const auto urls = (*server)->urls();
  ASSERT_THAT(urls, ElementsAre(StartsWith("http://127.0.0.1:"), StartsWith("http://127.0.0.2:"),
                                StartsWith("http://127.0.0.1:")));
  EXPECT_EQ(test::http({port_of(urls[0]), "127.0.0.1"}, {"/x"}).body, "x");
  EXPECT_EQ(test::http({port_of(urls[1]), "127.0.0.2"}, {"/x"}).body, "x");
  EXPECT_EQ(test::http({port_of(urls[2]), "127.0.0.1"}, {"/x"}).body, "x");
}

TEST(ServerStart, FailsWithTheAddressThatDoesNot) {
  const auto taken = listen_on("127.0.0.1:0");
  ASSERT_TRUE(taken);
  ServerOptions options;
  options.listen = {"127.0.0.1:0", fmt::format("127.0.0.1:{}", taken->port)};
  const auto server = Server::start(std::move(options));
  ASSERT_FALSE(server);
  EXPECT_THAT(server.error().context, HasSubstr(fmt::format("127.0.0.1:{}", taken->port)));
}

TEST(ServerStart, WorksAgainAfterAServerEnded) {
  for (int i = 0; i < 3; ++i) {
    ServerOptions options;
    options.listen = {"127.0.0.1:0"};
    options.routes = {{"/x", says("x")}};
    auto server = Server::start(std::move(options));
    ASSERT_TRUE(server) << server.error().context;
    const std::uint16_t port = port_of((*server)->urls().at(0));
    EXPECT_EQ(test::http({port}, {"/x"}).body, "x");
    server->reset();
    EXPECT_FALSE(test::accepts_connections({port})) << "it no longer listens";
  }
}

TEST(ServerStart, ServesTheSocketsThatSystemdPasses) {
  auto listener = listen_on("127.0.0.1:0");
  ASSERT_TRUE(listener);
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    dup2(listener->socket.get(), 3);
    setenv("LISTEN_PID", fmt::to_string(getpid()).c_str(), 1);
    setenv("LISTEN_FDS", "1", 1);
    ServerOptions options;
    options.listeners = *take_systemd_listeners();
    std::atomic<bool> asked = false;
    options.routes = {{"/x", says("from the child")}};
    options.on_answered = [&](std::string_view, int, double) { asked = true; };
    auto server = Server::start(std::move(options));
    const bool served = server && test::wait_until([&] { return asked.load(); }, 20s);
    if (server) server->reset();  // waits until its thread has sent the answer to the end
    _exit(served ? 0 : 1);
  }
  const std::uint16_t port = listener->port;
  listener->socket.reset();
  const auto answer = test::http({port}, {"/x"});
  EXPECT_EQ(answer.body, "from the child");
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

}  // namespace
}  // namespace wgscope::exporter::http
