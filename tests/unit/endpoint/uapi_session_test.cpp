#include "wgscope/endpoint/uapi_session.hpp"

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

namespace wgscope::endpoint {
namespace {

using Fed = UapiRequestReader::Fed;

Fed feed(UapiRequestReader& reader, std::string_view text) { return reader.feed(std::span(text)); }

struct Case {
  std::string_view text;
  std::optional<UapiRequest> request;
};

constexpr Case kCases[] = {
    {"", std::nullopt},
    {"get=1\n", std::nullopt},
    {"get=1\n\n", UapiRequest::get},
    {"get=1\nwhatever=else\n\n", UapiRequest::get},
    {"get=1", std::nullopt},
    {"get=2\n\n", UapiRequest::unknown},
    {"get=12\n\n", UapiRequest::unknown},
    {"GET=1\n\n", UapiRequest::unknown},
    {" get=1\n\n", UapiRequest::unknown},
    {"get=1\r\n\r\n", std::nullopt},  // no empty line: only '\n' ends one
    {"set=1\n\n", UapiRequest::set},
    {"set=1\nprivate_key=00\nreplace_peers=true\n\n", UapiRequest::set},
    {"set=0\n\n", UapiRequest::unknown},
    {"\n", UapiRequest::unknown},
    {"a\n\n", UapiRequest::unknown},
    {"GET / HTTP/1.1\nHost: x\n\n", UapiRequest::unknown},
    {std::string_view("\0\0\0\n\n", 5), UapiRequest::unknown},
};

TEST(UapiRequestReader, TellsRequestsApartAndTakesThemToTheirEmptyLine) {
  for (const Case& one : kCases) {
    UapiRequestReader reader;
    const Fed fed = feed(reader, one.text);
    EXPECT_EQ(fed.request, one.request) << one.text;
    EXPECT_EQ(fed.used, one.text.size()) << one.text;
  }
}

TEST(UapiRequestReader, DoesNotMindHowARequestIsCut) {
  for (const Case& one : kCases) {
    UapiRequestReader reader;
    std::optional<UapiRequest> request;
    for (std::size_t i = 0; i < one.text.size(); ++i) {
      EXPECT_FALSE(request) << one.text;
      request = feed(reader, one.text.substr(i, 1)).request;
    }
    EXPECT_EQ(request, one.request) << one.text;
  }
}

TEST(UapiRequestReader, LeavesWhatFollowsARequest) {
  UapiRequestReader reader;
  const Fed fed = feed(reader, "get=1\n\nset=1\n\n");
  EXPECT_EQ(fed.request, UapiRequest::get);
  EXPECT_EQ(fed.used, 7U);
}

TEST(UapiRequestReader, EndsARequestThatIsTooLong) {
  std::string text = "set=1\n";
  text.append(UapiRequestReader::kMaxSize - text.size(), 'x');
  UapiRequestReader reader;
  EXPECT_EQ(feed(reader, text).request, std::nullopt);
  const Fed fed = feed(reader, "xx");
  EXPECT_EQ(fed.request, UapiRequest::unknown);
  EXPECT_EQ(fed.used, 1U);
}

}  // namespace
}  // namespace wgscope::endpoint
