// Several requests on one connection, as Prometheus sends them.

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/types.h>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include "wgscope/base/time.hpp"
#include "wgscope/os/unique_fd.hpp"

#include "bcrypt_hash.hpp"
#include "exporter/http/openssl_handles.hpp"
#include "exporter/http/request_head.hpp"
#include "exporter/http/server.hpp"
#include "exporter/http/turnstile.hpp"
#include "hostile_client.hpp"
#include "http.hpp"
#include "https.hpp"
#include "server_fixture.hpp"
#include "wait.hpp"
#include "web_fixture.hpp"

namespace wgscope::exporter::http {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::StartsWith;

constexpr std::string_view kGet = "GET /small HTTP/1.1\r\nHost: x\r\n\r\n";
constexpr std::size_t kLarge = 1U << 20U;

/// Reads answers one after the other, each to its own end.
class Answers {
 public:
  /// @param receive  as recv(2)
  explicit Answers(std::function<ssize_t(char*, std::size_t)> receive)
      : receive_(std::move(receive)) {}

  /// The next one; what has come of it if the connection ends, or nothing comes for 20 s.
  std::string next(std::string_view method = "GET") {
    while (end_of_first(method) == std::string::npos && more()) {
    }
    const std::size_t end = std::min(end_of_first(method), arrived_.size());
    std::string first = arrived_.substr(0, end);
    arrived_.erase(0, end);
    return first;
  }
  /// What still comes until the server ends the connection; "…" and why, if it is not that.
  std::string rest() {
    while (more()) {
    }
    return std::exchange(arrived_, {}) + why_;
  }

 private:
  [[nodiscard]] std::size_t end_of_first(std::string_view method) const {
    const std::size_t head = arrived_.find("\r\n\r\n");
    if (head == std::string::npos) return head;
    const std::size_t body = head + 4;
    if (method == "HEAD") return body;
    if (arrived_.find("Transfer-Encoding: chunked") < head) {
      const std::size_t last = arrived_.find("\r\n0\r\n\r\n", head);
      return last == std::string::npos ? last : last + 7;
    }
    const std::size_t length = arrived_.find("Content-Length: ");
    const std::size_t end = body + std::stoul(arrived_.substr(length + 16));
    return arrived_.size() < end ? std::string::npos : end;
  }
  bool more() {
    std::array<char, 4096> piece{};
    const ssize_t size = receive_(piece.data(), piece.size());
    if (size > 0) arrived_.append(piece.data(), static_cast<std::size_t>(size));
    if (size < 0) why_ = errno == ECONNRESET ? "…reset" : "…silence";
    return size > 0;
  }

  std::function<ssize_t(char*, std::size_t)> receive_;
  std::string arrived_;
  std::string why_;
};

void limit_patience(const os::UniqueFd& fd) {
  const timeval patience{.tv_sec = 20, .tv_usec = 0};
  setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
}

class Client {
 public:
  explicit Client(const test::HttpServer& server) : fd_(test::connect_tcp(server)) {
    limit_patience(fd_);
  }
  void say(std::string_view text) const { send(fd_.get(), text.data(), text.size(), MSG_NOSIGNAL); }
  std::string ask(std::string_view request) {
    say(request);
    return answers.next(request.substr(0, request.find(' ')));
  }

  Answers answers{[this](char* into, std::size_t size) { return recv(fd_.get(), into, size, 0); }};

 private:
  os::UniqueFd fd_;
};

class KeptConnections : public testing::Test {
 protected:
  void serve(TurnstileLimits limits = {}, Nanoseconds request_interval = 0ns) {
    limits.request_interval = request_interval;
    ServerOptions options;
    options.listen = {"127.0.0.1:0"};
    options.limits = limits;
    options.on_answered = [this](std::string_view, int, double) { ++answered_; };
    options.door_events.on_refused = [this](Refusal) { ++refused_; };
    options.door_events.on_connections = [this](std::size_t open) { open_ = open; };
    const auto page = [](std::size_t pieces, std::size_t size) {
      return [=](const Request&, Response& response) {
        for (std::size_t i = 0; i < pieces; ++i) response.write(std::string(size, 'x'));
        response.finish();
      };
    };
    options.routes = {
        {"/small",
         [](const Request&, Response& response) { respond(response, 200, "text/plain", "small"); }},
        {"/page", page(1, 12'000)},
        {"/large", page(8, kLarge / 8)},
        {"/broken", [](const Request&, Response& response) {
           response.set_status(200);
           throw std::runtime_error("broken");
         }}};
    auto started = Server::start(std::move(options));
    ASSERT_TRUE(started) << started.error().context;
    server_ = std::move(*started);
    at_ = {port_of(server_->urls()[0])};
  }

  test::HttpServer at_;
  std::atomic<std::size_t> open_ = 0;
  std::atomic<int> refused_ = 0;
  std::atomic<int> answered_ = 0;
  std::unique_ptr<Server> server_;  ///< last: its threads use the rest
};

TEST_F(KeptConnections, AnswerOneRequestAfterTheOther) {
  serve();
  Client client(at_);
  for (int i = 0; i < 20; ++i) {
    const std::string small = client.ask(kGet);
    EXPECT_THAT(small, StartsWith("HTTP/1.1 200 OK\r\n"));
    EXPECT_THAT(small, Not(HasSubstr("Connection:")));
    EXPECT_TRUE(small.ends_with("\r\n\r\nsmall")) << small;
    const std::string head = client.ask("HEAD /small HTTP/1.1\r\nHost: x\r\n\r\n");
    EXPECT_TRUE(head.ends_with("\r\n\r\n")) << head;
    const std::string large = client.ask("GET /large HTTP/1.1\r\nHost: x\r\n\r\n");
    EXPECT_EQ(test::parse_response(large).body.size(), kLarge);
  }
  EXPECT_EQ(open_, 1U);
  EXPECT_EQ(refused_, 0);
}

TEST_F(KeptConnections, AnswerRequestsThatCameTogether) {
  serve();
  Client client(at_);
  const std::string get(kGet);
  client.say(get + "GET /large HTTP/1.1\r\nHost: x\r\n\r\n" + get + get.substr(0, 10));
  EXPECT_TRUE(client.answers.next().ends_with("small"));
  EXPECT_EQ(test::parse_response(client.answers.next()).body.size(), kLarge);
  EXPECT_TRUE(client.answers.next().ends_with("small"));
  EXPECT_TRUE(client.ask(get.substr(10)).ends_with("small")) << "a request in two pieces";
}

TEST_F(KeptConnections, EndWhereTheClientSaysSo) {
  serve();
  for (const char* request :
       {"GET /small HTTP/1.1\r\nConnection: close\r\n\r\n",
        "GET /small HTTP/1.1\r\nConnection: keep-alive , Close\r\n\r\n",
        "GET /small HTTP/1.0\r\n\r\n", "GET /small HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"}) {
    Client client(at_);
    EXPECT_THAT(client.ask(request), HasSubstr("\r\nConnection: close\r\n")) << request;
    EXPECT_THAT(client.answers.rest(), IsEmpty()) << request;
  }
}

TEST_F(KeptConnections, EndIfTheClientHurries) {
  serve({}, 1h);
  Client client(at_);
  EXPECT_THAT(client.ask(kGet), Not(HasSubstr("Connection: close")));
  const std::string get(kGet);
  EXPECT_THAT(client.ask(get + get + get), HasSubstr("\r\nConnection: close\r\n"));
  EXPECT_THAT(client.answers.rest(), IsEmpty()) << "what came with the request is not answered";
  EXPECT_EQ(refused_, 0);
}

TEST_F(KeptConnections, EndAfterErrors) {
  serve();
  for (const char* request : {"GET /nothing HTTP/1.1\r\n\r\n", "DELETE /small HTTP/1.1\r\n\r\n",
                              "GET /broken HTTP/1.1\r\n\r\n"}) {
    Client client(at_);
    ASSERT_TRUE(client.ask(kGet).ends_with("small"));
    EXPECT_THAT(client.ask(request), HasSubstr("\r\nConnection: close\r\n")) << request;
    EXPECT_THAT(client.answers.rest(), IsEmpty()) << request;
  }
}

TEST_F(KeptConnections, EndWithoutAWordWhenTheyWereIdleTooLong) {
  serve({.idle_time = 300ms});
  Client client(at_);
  ASSERT_TRUE(client.ask(kGet).ends_with("small"));
  EXPECT_THAT(client.answers.rest(), IsEmpty());
  EXPECT_EQ(refused_, 0);
}

TEST_F(KeptConnections, AreNotKeptWithoutATimeForIt) {
  serve({.idle_time = 0s});
  Client client(at_);
  ASSERT_TRUE(client.ask(kGet).ends_with("small"));
  EXPECT_THAT(client.answers.rest(), IsEmpty());
}

TEST_F(KeptConnections, AreRefusedForARequestThatDoesNotArriveInTime) {
  serve({.head_time = 300ms});
  Client client(at_);
  ASSERT_TRUE(client.ask(kGet).ends_with("small"));
  EXPECT_THAT(client.ask("GET /sm"), StartsWith("HTTP/1.1 408 "));
  EXPECT_THAT(client.answers.rest(), IsEmpty());
}

TEST_F(KeptConnections, AreRefusedForWhatIsNoRequest) {
  serve();
  Client client(at_);
  ASSERT_TRUE(client.ask(kGet).ends_with("small"));
  EXPECT_THAT(client.ask("GET /small HTTP/1.1\r\nContent-Length: 4\r\n\r\nGET "),
              StartsWith("HTTP/1.1 413 "));
  EXPECT_THAT(client.answers.rest(), IsEmpty());
}

TEST_F(KeptConnections, EndWhenTheServerStopsToAccept) {
  serve();
  Client client(at_);
  ASSERT_TRUE(client.ask(kGet).ends_with("small"));
  server_->stop_accepting();
  EXPECT_THAT(client.answers.rest(), IsEmpty());
  EXPECT_TRUE(server_->is_idle());
}

TEST_F(KeptConnections, AreForgottenWhenTheClientLeaves) {
  serve();
  {
    Client client(at_);
    ASSERT_TRUE(client.ask(kGet).ends_with("small"));
    EXPECT_EQ(open_, 1U);
  }
  EXPECT_TRUE(test::wait_until([&] { return open_ == 0; }, 10s));
}

// Nobody watches them read what is left of their answers, which the kernel keeps for them.
TEST_F(KeptConnections, EndIfTheAnswerIsNotRead) {
  serve({.answer_time = 1s});
  const os::UniqueFd client = test::connect_from(at_.port, 1);
  constexpr std::string_view kRequest = "GET /page HTTP/1.1\r\nHost: x\r\n\r\n";
  send(client.get(), kRequest.data(), kRequest.size(), MSG_NOSIGNAL);
  ASSERT_TRUE(test::wait_until([&] { return answered_ == 1; }, 10s)) << "it is all in the kernel";
  EXPECT_EQ(open_, 1U);
  EXPECT_TRUE(test::wait_until([&] { return open_ == 0; }, 20s));
}

TEST_F(KeptConnections, MakeRoomForOthers) {
  serve({.connections = 40, .per_address = 10});
  std::vector<os::UniqueFd> idle;
  for (std::size_t i = 0; i < 400; ++i) {
    idle.push_back(test::connect_from(at_.port, 1 + i % 64));
    limit_patience(idle.back());
    send(idle.back().get(), kGet.data(), kGet.size(), MSG_NOSIGNAL);
    char first = 0;
    ASSERT_EQ(recv(idle.back().get(), &first, 1, 0), 1) << i;
  }
  for (int i = 0; i < 20; ++i) EXPECT_EQ(test::http(at_, {"/large"}).body.size(), kLarge);
  EXPECT_EQ(refused_, 0) << "nobody who asked was";
}

class KeptLogins : public WebAccessTest {};

TEST_F(KeptLogins, AreAskedForWithEachRequest) {
  serve("basic_auth_users: {prometheus: " + test::bcrypt_of("secret") + "}\n");
  Client client(at_);
  ASSERT_THAT(client.ask("GET / HTTP/1.1\r\nAuthorization: " +
                         test::basic_login("prometheus", "secret") + "\r\n\r\n"),
              StartsWith("HTTP/1.1 200 "));
  EXPECT_THAT(client.ask("GET / HTTP/1.1\r\nHost: x\r\n\r\n"), StartsWith("HTTP/1.1 401 "));
  EXPECT_THAT(client.answers.rest(), IsEmpty());
}

/// A TLS connection that stays.
class TlsClient {
 public:
  explicit TlsClient(const test::HttpServer& server)
      : context_(SSL_CTX_new(TLS_client_method())),
        fd_(test::connect_tcp(server)),
        session_(SSL_new(context_.get())) {
    limit_patience(fd_);
    SSL_set_fd(session_.get(), fd_.get());
    if (SSL_connect(session_.get()) != 1) throw std::runtime_error("no TLS");
  }
  std::string ask(std::string_view request) {
    SSL_write(session_.get(), request.data(), static_cast<int>(request.size()));
    return answers.next();
  }
  /// Whether the server said that it ends the connection, as an end that nobody else can make.
  [[nodiscard]] bool was_told() const {
    return (SSL_get_shutdown(session_.get()) & SSL_RECEIVED_SHUTDOWN) != 0;
  }

  Answers answers{[this](char* into, std::size_t size) -> ssize_t {
    ERR_clear_error();
    const int got = SSL_read(session_.get(), into, static_cast<int>(size));
    return got > 0 ? got : was_told() ? 0 : -1;
  }};

 private:
  openssl::Context context_;
  os::UniqueFd fd_;
  openssl::Session session_;
};

class KeptTls : public WebAccessTest {
 protected:
  KeptTls() { limits_.request_interval = 0ns; }

  const std::string get_ = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
};

TEST_F(KeptTls, AnswersOneRequestAfterTheOther) {
  serve(kTls);
  TlsClient client(at_);
  for (int i = 0; i < 20; ++i) {
    EXPECT_TRUE(client.ask(get_).ends_with("hello")) << i;
    const std::string large = client.ask("GET /large HTTP/1.1\r\nHost: x\r\n\r\n");
    EXPECT_EQ(test::parse_response(large).body.size(), 6'000'000U);
  }
}

TEST_F(KeptTls, AnswersRequestsThatCameTogether) {
  serve(kTls);
  TlsClient client(at_);
  EXPECT_TRUE(client.ask(get_ + get_ + get_ + get_.substr(0, 10)).ends_with("hello"));
  EXPECT_TRUE(client.answers.next().ends_with("hello"));
  EXPECT_TRUE(client.answers.next().ends_with("hello"));
  EXPECT_TRUE(client.ask(get_.substr(10)).ends_with("hello"));
}

TEST_F(KeptTls, BeginsAnewUnderOtherRules) {
  serve(kTls);
  TlsClient client(at_);
  ASSERT_TRUE(client.ask(get_).ends_with("hello"));
  configure(kVerified);
  EXPECT_THAT(client.ask(get_), IsEmpty()) << "it has shown no certificate";
  EXPECT_TRUE(client.was_told());
  EXPECT_EQ(status({.own = certificates().client}), 200);
}

TEST_F(KeptTls, IsToldOfTheEnd) {
  limits_.idle_time = 300ms;
  serve(kTls);
  TlsClient client(at_);
  ASSERT_TRUE(client.ask(get_).ends_with("hello"));
  EXPECT_THAT(client.answers.rest(), IsEmpty());
  EXPECT_TRUE(client.was_told());
}

TEST_F(KeptTls, EndsWhenTheServerStopsToAccept) {
  serve(kTls);
  TlsClient client(at_);
  ASSERT_TRUE(client.ask(get_).ends_with("hello"));
  server_->stop_accepting();
  EXPECT_THAT(client.answers.rest(), IsEmpty());
  EXPECT_TRUE(client.was_told());
}

}  // namespace
}  // namespace wgscope::exporter::http
