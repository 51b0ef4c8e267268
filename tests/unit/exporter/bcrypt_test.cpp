#include "exporter/http/bcrypt.hpp"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "wgscope/base/secret_string.hpp"

#include "bcrypt_hash.hpp"

namespace wgscope::exporter::http {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(Bcrypt, VerifiesEveryKindOfHash) {
  for (const char* prefix : {"$2a$", "$2b$", "$2y$", "$2x$"}) {
    std::string hash = test::bcrypt_of("right", 4, "$2b$");
    hash.replace(0, 4, prefix);  // they differ for bytes above 127 alone
    ASSERT_EQ(problem_of_bcrypt(hash), std::nullopt);
    EXPECT_TRUE(verify_bcrypt(SecretString("right"), hash)) << prefix;
    EXPECT_FALSE(verify_bcrypt(SecretString("wrong"), hash)) << prefix;
    EXPECT_FALSE(verify_bcrypt(SecretString(""), hash)) << prefix;
  }
}

TEST(Bcrypt, CountsTheFirst72BytesAlone) {
  const std::string long_one(72, 'x');
  const std::string hash = test::bcrypt_of(long_one);
  EXPECT_TRUE(verify_bcrypt(SecretString(long_one + "more"), hash));
  EXPECT_FALSE(verify_bcrypt(SecretString(std::string(71, 'x')), hash));
}

TEST(Bcrypt, KnowsTheCost) { EXPECT_EQ(bcrypt_cost(test::bcrypt_of("x", 5)), 5); }

TEST(Bcrypt, SaysWhatIsWrongWithAHash) {
  const std::string good = test::bcrypt_of("x");
  const auto with = [&](std::size_t at, const std::string& text) {
    std::string bad = good;
    bad.replace(at, text.size(), text);
    return bad;
  };
  const std::vector<std::pair<std::string, const char*>> rows{
      {"doe", "too short"},
      {"", "too short"},
      {good.substr(1), "too short"},
      {good + ".", "too long"},
      {with(0, "$5$"), "not a bcrypt hash"},
      {with(2, "c"), "not a bcrypt hash"},
      {with(0, "$2$0"), "not a bcrypt hash"},
      {with(4, "03"), "cost"},
      {with(4, "32"), "cost"},
      {with(4, "x4"), "cost"},
      {with(6, "."), "cost"},
      {with(20, ":"), "character"},
      {with(59, "$"), "character"}};
  for (const auto& [hash, what] : rows) {
    const auto problem = problem_of_bcrypt(hash);
    ASSERT_TRUE(problem) << hash;
    EXPECT_THAT(*problem, HasSubstr(what)) << hash;
    if (hash.size() > 10) {
      EXPECT_THAT(*problem, Not(HasSubstr(hash.substr(10))));
    }
  }
}

}  // namespace
}  // namespace wgscope::exporter::http
