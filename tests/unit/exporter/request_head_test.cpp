#include "exporter/http/request_head.hpp"

#include <string>
#include <string_view>

#include <fmt/core.h>
#include <gtest/gtest.h>

namespace wgscope::exporter::http {
namespace {

constexpr std::string_view kRequest =
    "GET /metrics HTTP/1.1\r\nHost: gw-1:9586\r\nAccept: text/plain\r\n\r\n";

TEST(RequestHead, IsWholeOnlyAtItsLastByte) {
  for (std::size_t size = 0; size < kRequest.size(); ++size)
    EXPECT_EQ(judge_head(kRequest.substr(0, size)).state, HeadState::incomplete) << size;
  EXPECT_EQ(judge_head(kRequest).state, HeadState::whole);
  EXPECT_EQ(judge_head(std::string(kRequest) + "GET /second HTTP/1.1").state, HeadState::whole)
      << "what follows is another request";
}

TEST(RequestHead, MayHaveNoHeadersAndBareLineFeeds) {
  EXPECT_EQ(judge_head("GET / HTTP/1.0\r\n\r\n").state, HeadState::whole);
  EXPECT_EQ(judge_head("GET / HTTP/1.0\nHost: x\n\n").state, HeadState::whole);
}

void expect_refused(std::string_view bytes, int status, Refusal reason) {
  const HeadVerdict verdict = judge_head(bytes);
  EXPECT_EQ(verdict.state, HeadState::refused) << bytes.substr(0, 80);
  EXPECT_EQ(verdict.status, status) << bytes.substr(0, 80);
  EXPECT_EQ(verdict.reason, reason) << bytes.substr(0, 80);
  EXPECT_TRUE(verdict.text.starts_with(std::to_string(status))) << verdict.text;
}

TEST(RequestHead, WithABodyIsRefused) {
  for (const char* header :
       {"Content-Length: 1", "content-length:100000000", "Content-Length: 00000000001",
        "Content-Length: x", "Content-Length:", "Content-Length: -1", "Content-Length: 0, 5",
        "Transfer-Encoding: chunked", "TRANSFER-ENCODING: identity"})
    for (const char* method : {"GET", "POST"})
      expect_refused(
          std::string(method) + " /metrics HTTP/1.1\r\nHost: x\r\n" + header + "\r\n\r\n", 413,
          Refusal::body);
  EXPECT_EQ(judge_head("GET / HTTP/1.1\r\nContent-Length: 0\r\n\r\n").state, HeadState::whole);
  EXPECT_EQ(judge_head("GET / HTTP/1.1\r\nX-Content-Length: 5\r\n\r\n").state, HeadState::whole);
}

TEST(RequestHead, ThatIsNoneIsRefusedAtItsFirstBytes) {
  expect_refused(std::string_view("\x16\x03\x01\x02\x00\x01", 6), 400, Refusal::bad_head);
  EXPECT_NE(judge_head("\x16\x03").text.find("HTTPS"), std::string_view::npos);
  for (const char* bytes : {"get / HTTP/1.1", "\r\nGET / HTTP/1.1", "SSH-2.0-x\r\n", "\x01",
                            "GET /\x01 HTTP/1.1", "PRIVATEKEYPRIVATEKEYPRIVATEKEYPRIVATEKEY"})
    expect_refused(bytes, 400, Refusal::bad_head);
  expect_refused("GET / HTTP/1.1\r\nno header\r\n\r\n", 400, Refusal::bad_head);
  expect_refused("GET / HTTP/1.1\r\n: no name\r\n\r\n", 400, Refusal::bad_head);
}

TEST(RequestHead, AsksForAPathInAVersionThatIsSpoken) {
  for (const char* target : {"http://gw-1:9586/metrics", "https://gw-1/", "metrics", "gw-1:9586"})
    expect_refused(fmt::format("GET {} HTTP/1.1\r\nHost: x\r\n\r\n", target), 400,
                   Refusal::bad_head);
  expect_refused("OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n", 405, Refusal::bad_head);
  for (const char* version : {"HTTP/1.2", "HTTP/2.0", "HTTP/0.9", "HTTP/1.1 ", "HTTP/1.10"})
    expect_refused(fmt::format("GET / {}\r\n\r\n", version), 505, Refusal::bad_head);
  for (const char* line : {"GET /", "GET  / HTTP/1.1", "GET", " ", "GET / http/1.1"})
    expect_refused(fmt::format("{}\r\n\r\n", line), 400, Refusal::bad_head);
}

TEST(RequestHead, HasABound) {
  const std::string longest = "GET / HTTP/1.1\r\nX: " + std::string(kMaxRequestHead - 23, 'x');
  EXPECT_EQ(judge_head(longest + "\r\n\r\n").state, HeadState::whole);
  expect_refused(longest + "x\r\n\r\n", 431, Refusal::bad_head);
  expect_refused(longest + "xxxxx", 431, Refusal::bad_head);
}

TEST(RequestHead, IsNotRepeatedInTheAnswer) {
  EXPECT_EQ(judge_head("secret-in-the-request\r\n\r\n").text.find("secret"),
            std::string_view::npos);
}

}  // namespace
}  // namespace wgscope::exporter::http
