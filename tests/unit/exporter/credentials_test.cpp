#include "exporter/http/credentials.hpp"

#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "https.hpp"

namespace wgscope::exporter::http {
namespace {

using namespace std::string_view_literals;

TEST(ReadCredentials, ReadsUserAndPassword) {
  const auto read = read_credentials("Basic dXNlcjpwYXNz");  // RFC 7617's form, user:pass
  ASSERT_TRUE(read);
  EXPECT_EQ(read->user, "user");
  EXPECT_EQ(read->password.view(), "pass");
}

TEST(ReadCredentials, TakesTheSchemeInAnyCaseAndBlanksAround) {
  EXPECT_TRUE(read_credentials("bASIC dXNlcjpwYXNz"));
  EXPECT_TRUE(read_credentials("Basic   dXNlcjpwYXNz "));
}

TEST(ReadCredentials, EndsTheUserAtTheFirstColon) {
  const auto read = read_credentials(test::basic_login("user", "a:b:"));
  ASSERT_TRUE(read);
  EXPECT_EQ(read->user, "user");
  EXPECT_EQ(read->password.view(), "a:b:");
}

TEST(ReadCredentials, TakesEmptyOnesAndAnyOtherByte) {
  const auto empty = read_credentials(test::basic_login("", ""));
  ASSERT_TRUE(empty);
  EXPECT_EQ(empty->user, "");
  EXPECT_TRUE(empty->password.empty());
  const auto odd = read_credentials(test::basic_login("\x01", "\xff\n"));
  ASSERT_TRUE(odd);
  EXPECT_EQ(odd->password.view(), "\xff\n");
}

/// crypt(3) would take "right" and "right\0anything" for the same.
TEST(ReadCredentials, RefusesNulBytes) {
  EXPECT_FALSE(read_credentials(test::basic_login("user", "right\0anything"sv)));
  EXPECT_FALSE(read_credentials(test::basic_login("us\0er"sv, "right")));
}

TEST(ReadCredentials, RefusesWhatIsNotBase64OrHasNoColon) {
  for (const std::string_view value :
       {"", "Basic", "Basic ", "Bearer dXNlcjpwYXNz", "Basic dXNlcg==", "Basic dXNlcjpwYXN",
        "Basic dXNlcjpwYXNz=", "Basic dXNl cjpwYXNz", "Basic dXNlcjpwYXNz!", "Basic dXNlcjpwYQ",
        "Basic dXNlcjp-YXNz"})
    EXPECT_FALSE(read_credentials(value)) << value;
}

}  // namespace
}  // namespace wgscope::exporter::http
