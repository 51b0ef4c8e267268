#include "exporter/http/client_hello.hpp"

#include <cstddef>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

namespace wgscope::exporter::http {
namespace {

using namespace std::string_literals;

/// A handshake message of type 1 of so many bytes.
std::string hello(std::size_t size) {
  return "\x01"s + static_cast<char>(size >> 16U) + static_cast<char>(size >> 8U & 0xffU) +
         static_cast<char>(size & 0xffU) + std::string(size, 'x');
}

std::string record(std::string_view payload, char type = '\x16', char major = '\x03') {
  return std::string{type, major, '\x01', static_cast<char>(payload.size() >> 8U),
                     static_cast<char>(payload.size() & 0xffU)} +
         std::string(payload);
}

/// In records of so many bytes each.
std::string in_records(std::string_view message, std::size_t each) {
  std::string all;
  for (; !message.empty(); message.remove_prefix(std::min(each, message.size())))
    all += record(message.substr(0, each));
  return all;
}

void expect_whole_only_at_its_end(const std::string& bytes) {
  for (std::size_t size = 0; size < bytes.size(); ++size)
    ASSERT_EQ(judge_client_hello(std::string_view(bytes).substr(0, size)), HelloState::incomplete)
        << size;
  EXPECT_EQ(judge_client_hello(bytes), HelloState::whole);
  EXPECT_EQ(judge_client_hello(bytes + "\x17\x03\x03more"), HelloState::whole);
}

TEST(ClientHello, IsWholeOnceItsLastByteIsThere) {
  expect_whole_only_at_its_end(record(hello(300)));
}

TEST(ClientHello, MayBeInSeveralRecords) {
  expect_whole_only_at_its_end(in_records(hello(300), 100));
  expect_whole_only_at_its_end(in_records(hello(20), 1));
}

TEST(ClientHello, IsNotWaitedForWhenItIsTooLong) {
  EXPECT_EQ(judge_client_hello(record(hello(kMaxClientHello)).substr(0, 9)), HelloState::refused);
  const std::string small_records = in_records(hello(5000), 1);
  EXPECT_EQ(judge_client_hello(small_records.substr(0, kMaxClientHello - 1)),
            HelloState::incomplete);
  EXPECT_EQ(judge_client_hello(small_records.substr(0, kMaxClientHello)), HelloState::refused);
}

TEST(ClientHello, TellsHttpFromTheFirstByteOn) {
  for (const char* text : {"G", "GET", "GET /metrics HTTP/1.1\r\n", "OPTIONS * HTTP/1.1"})
    EXPECT_EQ(judge_client_hello(text), HelloState::http) << text;
}

TEST(ClientHello, RefusesEverythingElse) {
  for (const std::string& bytes : {"\x80\x2e\x01"s, "SSH-2.0-x"s, "\0"s, record(hello(9), '\x15'),
                                   record(hello(9), '\x16', '\x02'), record(""),
                                   record("\x02\x00\x00\x00"s), "\x16\x03\x01\x00\x01\x01\x17"s})
    EXPECT_EQ(judge_client_hello(bytes), HelloState::refused) << bytes;
}

}  // namespace
}  // namespace wgscope::exporter::http
