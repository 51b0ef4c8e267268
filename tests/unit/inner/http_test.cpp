#include "wgscope/inner/http.hpp"

#include <array>
#include <chrono>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>

#include <gtest/gtest.h>

#include "wgscope/inner/tcp.hpp"

#include "network.hpp"

namespace wgscope::inner {
namespace {

using namespace std::chrono_literals;
using namespace std::string_view_literals;
using testing::address;
using testing::bytes_of;
using testing::Network;

/// Feeds `text` in pieces of `piece` bytes.
Result<> feed(HttpAnswer& answer, std::string_view text, std::size_t piece) {
  while (!text.empty()) {
    const std::string_view part = text.substr(0, piece);
    if (auto fed = answer.feed(bytes_of(part)); !fed) return fed;
    text.remove_prefix(part.size());
  }
  return {};
}

Errc refusal(std::string_view text, HttpLimits limits = {}) {
  HttpAnswer answer(limits);
  const auto fed = feed(answer, text, text.size());
  EXPECT_FALSE(fed) << text;
  return fed ? Errc::io : fed.error().code;
}

constexpr std::string_view kSized =
    "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello";
constexpr std::string_view kChunked =
    "HTTP/1.1 404 Not Found\r\nTransfer-Encoding: Chunked\r\n\r\n5\r\nhello\r\n"
    "0001;name=value\r\n,\r\n6 \r\n world\r\n0\r\nTrailer: x\r\n\r\n";

TEST(HttpAnswer, ReadsASizedBodySplitAnywhere) {
  for (std::size_t piece = 1; piece <= kSized.size(); ++piece) {
    HttpAnswer answer;
    ASSERT_TRUE(feed(answer, kSized, piece));
    EXPECT_TRUE(answer.complete());
    EXPECT_EQ(answer.status(), 200);
    EXPECT_EQ(answer.reason(), "OK");
    EXPECT_EQ(answer.header("content-type"), "text/plain");
    EXPECT_EQ(answer.body(), "hello");
    EXPECT_TRUE(answer.finish());
  }
}

TEST(HttpAnswer, ReadsChunksSplitAnywhere) {
  for (std::size_t piece = 1; piece <= kChunked.size(); ++piece) {
    HttpAnswer answer;
    ASSERT_TRUE(feed(answer, kChunked, piece)) << piece;
    EXPECT_TRUE(answer.complete());
    EXPECT_EQ(answer.status(), 404);
    EXPECT_EQ(answer.reason(), "Not Found");
    EXPECT_EQ(answer.body(), "hello, world");
    EXPECT_EQ(answer.body_size(), 12U);
  }
}

TEST(HttpAnswer, ReadsABodyThatEndsWithTheConnection) {
  HttpAnswer answer;
  ASSERT_TRUE(feed(answer, "HTTP/1.0 200\n\nall\n of it", 3));
  EXPECT_FALSE(answer.complete());
  ASSERT_TRUE(answer.finish());
  EXPECT_TRUE(answer.complete());
  EXPECT_EQ(answer.reason(), "");
  EXPECT_EQ(answer.body(), "all\n of it");
}

TEST(HttpAnswer, SkipsInterimAnswers) {
  HttpAnswer answer;
  ASSERT_TRUE(feed(answer, "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + std::string(kSized), 4));
  EXPECT_EQ(answer.status(), 200);
  EXPECT_FALSE(answer.header("Link"));
}

TEST(HttpAnswer, HasNoBodyWhereNoneCanBe) {
  for (const char* status : {"204 No Content", "304 Not Modified", "101 Switching Protocols"}) {
    HttpAnswer answer;
    ASSERT_TRUE(feed(answer, "HTTP/1.1 " + std::string(status) + "\r\n\r\n", 100));
    EXPECT_TRUE(answer.complete()) << status;
  }
}

TEST(HttpAnswer, SaysWhenItIsCutShort) {
  for (const std::string_view whole : {kSized, kChunked})
    for (std::size_t size = 0; size < whole.size(); ++size) {
      HttpAnswer answer;
      ASSERT_TRUE(feed(answer, whole.substr(0, size), 7));
      ASSERT_FALSE(answer.complete()) << size;
      EXPECT_EQ(answer.finish().error().code, Errc::truncated);
    }
}

TEST(HttpAnswer, KeepsOnlySoMuchOfTheBodyAndCountsTheRest) {
  HttpAnswer answer({1000, 10});
  ASSERT_TRUE(
      feed(answer, "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n" + std::string(1000, 'x'), 64));
  EXPECT_TRUE(answer.complete());
  EXPECT_EQ(answer.body(), std::string(10, 'x'));
  EXPECT_EQ(answer.body_size(), 1000U);
}

TEST(HttpAnswer, RefusesWhatIsNoAnswer) {
  for (const std::string_view text :
       {"SSH-2.0-OpenSSH\r\n"sv, "HTTP/2 200\r\n"sv, "HTTP/1.1 20\r\n"sv, "HTTP/1.1 099 x\r\n"sv,
        "HTTP/1.1 2000 x\r\n"sv, "HTTP/1.1  200\r\n"sv, "\r\n"sv,
        "HTTP/1.1 200 OK\r\nno colon\r\n"sv, "HTTP/1.1 200 OK\r\n: x\r\n"sv,
        "HTTP/1.1 200 OK\r\nA: b\r\n folded\r\n"sv, "HTTP/1.1 200 OK\r\nA : b\r\n"sv,
        "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n"sv,
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n"sv,
        "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n"sv,
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n"sv,
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n"sv,
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\r\n"sv,
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n"sv,
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n10000000000000000\r\n"sv})
    EXPECT_EQ(refusal(text), Errc::bad_value) << text;
}

TEST(HttpAnswer, BoundsItsHeadAndItsLines) {
  EXPECT_EQ(refusal("HTTP/1.1 200 " + std::string(20'000, 'x')), Errc::too_large);
  std::string many = "HTTP/1.1 200 OK\r\n";
  for (int i = 0; i < 2000; ++i) many += "A: bcdefgh\r\n";
  EXPECT_EQ(refusal(many), Errc::too_large);
  EXPECT_EQ(
      refusal("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;" + std::string(10'000, 'x')),
      Errc::too_large);
}

/// A server on the right that answers the first bytes of a request with `answer`.
struct Server {
  explicit Server(Network& net) : network(&net) {
    EXPECT_TRUE(net.right.tcp().listen(80));
    net.on_event = [this](Host& at, const Event& event) {
      if (&at == &network->left) {
        if (get) get->handle_event(network->now, event);
      } else if (const auto* readable = std::get_if<TcpReadable>(&event)) {
        std::array<std::byte, 4096> buffer;
        const std::size_t count = at.tcp().receive(readable->id, buffer);
        request += testing::text_of(std::span(buffer).first(count));
        at.tcp().send(readable->id, bytes_of(answer));
        if (breaks_off) return at.tcp().abort(readable->id);
        if (!silent) at.tcp().finish(readable->id);
      }
    };
    net.next_alarm = [this] { return get ? get->next_timeout() : std::nullopt; };
    net.on_alarm = [this] { get->handle_timeout(network->now); };
  }
  bool settle(std::string_view to = "10.9.0.2") {
    get.emplace(HttpGet::start(network->now, network->left,
                               {{address(to), 0, 80}, "gateway.example", "/health?x=1"})
                    .value());
    return network->run(60s, [this] { return get->result().has_value(); });
  }

  Network* network;
  std::string answer{kSized};
  std::string request;
  bool breaks_off = false;
  bool silent = false;
  std::optional<HttpGet> get;
};

TEST(HttpGet, FetchesAndTellsTheTimes) {
  for (const char* to : {"10.9.0.2", "fd00:9::2"}) {
    Network network;
    Server server(network);
    ASSERT_TRUE(server.settle(to));
    ASSERT_TRUE(*server.get->result());
    EXPECT_EQ((*server.get->result())->status(), 200);
    EXPECT_EQ((*server.get->result())->body(), "hello");
    EXPECT_EQ(server.get->connected_after(), 20ms);
    EXPECT_EQ(server.get->first_byte_after(), 40ms);
    EXPECT_EQ(server.get->complete_after(), 40ms);
    EXPECT_EQ(server.request.substr(0, server.request.find("\r\n")), "GET /health?x=1 HTTP/1.1");
    EXPECT_NE(server.request.find("\r\nHost: gateway.example\r\n"), std::string::npos);
    EXPECT_EQ(network.left.tcp().connections(), 0U);
  }
}

TEST(HttpGet, TakesTheEndOfTheConnectionForTheEndOfTheBody) {
  Network network;
  Server server(network);
  server.answer = "HTTP/1.1 200 OK\r\n\r\n" + std::string(30'000, 'y');
  ASSERT_TRUE(server.settle());
  ASSERT_TRUE(*server.get->result()) << server.get->result()->error().context;
  EXPECT_EQ((*server.get->result())->body(), std::string(30'000, 'y'));
}

TEST(HttpGet, TellsWhatWentWrong) {
  Network network;
  Server server(network);
  server.answer = "220 mail.example ESMTP\r\n";
  ASSERT_TRUE(server.settle());
  EXPECT_EQ(server.get->result()->error().code, Errc::bad_value);

  server.answer = kSized.substr(0, 30);
  ASSERT_TRUE(server.settle());
  EXPECT_EQ(server.get->result()->error().code, Errc::truncated);

  server.breaks_off = true;
  ASSERT_TRUE(server.settle());
  EXPECT_EQ(server.get->result()->error().code, Errc::refused);

  server.breaks_off = false;
  server.silent = true;
  Instant begin = network.now;
  ASSERT_TRUE(server.settle());
  EXPECT_EQ(server.get->result()->error().code, Errc::timeout);
  EXPECT_TRUE(server.get->connected_after());
  EXPECT_EQ(network.now, begin + 10s);

  network.right.tcp().stop_listening(80);
  ASSERT_TRUE(server.settle());
  EXPECT_EQ(server.get->result()->error().code, Errc::refused);

  network.weather.loss = 1;
  begin = network.now;
  ASSERT_TRUE(server.settle());
  EXPECT_EQ(server.get->result()->error().code, Errc::timeout);
  EXPECT_FALSE(server.get->connected_after());
  EXPECT_EQ(network.now, begin + 10s);
}

TEST(HttpGet, RefusesHostsAndPathsThatWouldWriteTheirOwnHeaders) {
  Network network;
  const Endpoint to{address("10.9.0.2"), 0, 80};
  for (const auto& [host, path] : {std::pair("a\r\nX: y", "/"),
                                   {"", "/"},
                                   {"a b", "/"},
                                   {"a", "/ HTTP/1.1"},
                                   {"a", "x"},
                                   {"a", "/\r\n"},
                                   {"a", ""}})
    EXPECT_EQ(HttpGet::start(network.now, network.left, {to, host, path}).error().code,
              Errc::bad_value);
}

}  // namespace
}  // namespace wgscope::inner
