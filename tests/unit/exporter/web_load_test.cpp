// TLS clients that hold on to their connections, on real sockets.

#include <array>
#include <chrono>
#include <cstddef>
#include <stdexcept>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/ssl.h>

#include "wgscope/os/unique_fd.hpp"

#include "exporter/http/openssl_handles.hpp"
#include "exporter/http/request_head.hpp"
#include "hostile_client.hpp"
#include "https.hpp"
#include "wait.hpp"
#include "web_fixture.hpp"

namespace wgscope::exporter::http {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

using openssl::Context;
using openssl::Session;
using test::client_hello;
using test::connect_from;

/// As in door_test.cpp: what a scrape may take on a busy machine.
constexpr auto kSoon = 6s;

class WebLoadTest : public WebAccessTest {
 protected:
  [[nodiscard]] std::vector<os::UniqueFd> clients(std::size_t count, std::size_t addresses,
                                                  std::string_view text) const {
    std::vector<os::UniqueFd> made;
    for (std::size_t i = 0; i < count; ++i) {
      made.push_back(connect_from(at_.port, 1 + i % addresses));
      send(made.back().get(), text.data(), text.size(), MSG_NOSIGNAL);
    }
    return made;
  }

  /// A client that asks for much and does not read it.
  struct Reader {
    os::UniqueFd fd;
    Session session;
  };
  [[nodiscard]] std::vector<Reader> readers(std::size_t count, std::size_t addresses) const {
    std::vector<Reader> made;
    for (std::size_t i = 0; i < count; ++i) {
      Reader reader{connect_from(at_.port, 1 + i % addresses), Session(SSL_new(context_.get()))};
      SSL_set_fd(reader.session.get(), reader.fd.get());
      constexpr std::string_view kGet = "GET /large HTTP/1.1\r\nHost: x\r\n\r\n";
      if (SSL_connect(reader.session.get()) != 1) throw std::runtime_error("no TLS");
      SSL_write(reader.session.get(), kGet.data(), static_cast<int>(kGet.size()));
      made.push_back(std::move(reader));
    }
    return made;
  }

  void expect_prompt_scrapes() const {
    for (int i = 0; i < 3; ++i) {
      const auto start = Clock::now();
      const auto large = test::https(at_, {"/large"});
      ASSERT_TRUE(large.response) << large.failure;
      EXPECT_EQ(large.response->body.size(), 6'000'000U);
      EXPECT_EQ(status(), 200);
      EXPECT_LT(Clock::now() - start, kSoon);
    }
  }

  Context context_{SSL_CTX_new(TLS_client_method())};
};

TEST_F(WebLoadTest, AnswersBesideClientsThatStopInTheClientHello) {
  serve(kTls);
  const std::string text = client_hello(context_.get());
  const auto some = clients(300, 64, std::string_view(text).substr(0, 1));
  const auto others = clients(300, 64, std::string_view(text).substr(0, text.size() - 1));
  expect_prompt_scrapes();
}

TEST_F(WebLoadTest, AnswersBesideClientsThatStopInTheHandshake) {
  serve(kTls);
  const auto silent = clients(300, 64, client_hello(context_.get()));
  expect_prompt_scrapes();
}

TEST_F(WebLoadTest, AnswersBesideClientsThatSpeakNonsenseAfterTheHello) {
  serve(kTls);
  const auto odd = clients(100, 64, client_hello(context_.get()) + "\x16\x03\x03\xff\xffnonsense");
  expect_prompt_scrapes();
  EXPECT_TRUE(test::wait_until([&] { return refused(Refusal::tls) == 100; }, 20s));
}

TEST_F(WebLoadTest, AnswersBesideClientsThatDoNotRead) {
  serve(kTls);
  const auto slow = readers(120, 64);
  expect_prompt_scrapes();
  EXPECT_GT(refused(Refusal::slow_reader), 0);
}

/// Workers that become free are given to some of those that wait, in the very moment in which these
/// leave as well.
TEST_F(WebLoadTest, OutlivesClientsThatAllLeaveAtOnce) {
  serve(kTls);
  for (int round = 0; round < 4; ++round) {
    auto slow = readers(300, 8);
    slow.clear();
    EXPECT_EQ(status(), 200);
  }
  expect_prompt_scrapes();
}

TEST_F(WebLoadTest, EndsHandshakesThatTakeTooLong) {
  limits_.head_time = 300ms;
  serve(kTls);
  const auto silent = clients(3, 3, client_hello(context_.get()));
  EXPECT_TRUE(test::wait_until([&] { return refused(Refusal::head_timeout) == 3; }, 20s));
  for (const os::UniqueFd& fd : silent) {
    std::array<char, 4096> bytes{};
    ssize_t size = 0;
    while ((size = recv(fd.get(), bytes.data(), bytes.size(), 0)) > 0) {
    }
    EXPECT_LE(size, 0);
  }
}

}  // namespace
}  // namespace wgscope::exporter::http
