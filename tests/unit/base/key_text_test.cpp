#include "wgscope/base/key_text.hpp"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace wgscope {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;

const std::string kKey = "9yG+JnhQxjSq8m9qxbV2F7IQagdq8xno2wNzliMcnVU=";

TEST(DescribeBadKey, CountsWhatIsTooShortOrTooLong) {
  EXPECT_EQ(describe_bad_key(""), "not a base64 key of 44 characters (0 given)");
  EXPECT_EQ(describe_bad_key(kKey.substr(1)), "not a base64 key of 44 characters (43 given)");
  EXPECT_EQ(describe_bad_key(kKey + kKey), "not a base64 key of 44 characters (88 given)");
}

TEST(DescribeBadKey, NamesTheCharacterThatIsNotOneOfBase64) {
  const auto with = [](const std::string& text) {
    return describe_bad_key(kKey.substr(0, 5) + text + kKey.substr(6));
  };
  EXPECT_THAT(with("\xC2\xA0"), EndsWith("character 6 is a no-break space (U+00A0), which looks "
                                         "like a blank"));
  EXPECT_THAT(with("\xE2\x80\x8B"), HasSubstr("character 6 is a zero-width space"));
  EXPECT_THAT(with("\xE2\x80\x9D"), HasSubstr("character 6 is a quotation mark (U+201D)"));
  EXPECT_THAT(with("\xC3\xA9"), EndsWith("character 6 is not ASCII"));
  EXPECT_THAT(with("\xFF"), EndsWith("character 6 is not ASCII"));
  EXPECT_THAT(with("-"), HasSubstr("character 6 is one of URL-safe base64"));
  EXPECT_THAT(with("'"), HasSubstr("character 6 is a quotation mark"));
  EXPECT_THAT(with("!"), EndsWith("character 6 is not one of base64"));
  EXPECT_THAT(with("="), HasSubstr("character 6 is '='"));
  // Characters are counted, not bytes.
  EXPECT_THAT(describe_bad_key("\xC3\xA9" + kKey), HasSubstr("character 1 is"));
  EXPECT_THAT(describe_bad_key(kKey.substr(0, 20) + "\xE2\x80\x8B"), HasSubstr("character 21 is"));
}

TEST(DescribeBadKey, SaysWhatIsWrongWith44RightCharacters) {
  EXPECT_THAT(describe_bad_key(kKey.substr(0, 43) + "A"), EndsWith("the last one must be '='"));
  EXPECT_THAT(describe_bad_key(kKey.substr(0, 42) + "V="),
              EndsWith("no key ends with this letter before its '=', so a character is mistyped"));
}

TEST(DescribeBadKey, KnowsHexadecimal) {
  EXPECT_THAT(describe_bad_key(std::string(64, 'f')), HasSubstr("it is hexadecimal"));
}

TEST(DescribeBadKey, RepeatsNothingOfTheText) {
  for (const std::string& bad : {"!" + kKey, kKey.substr(0, 43) + "!", "\xC2\xA0" + kKey})
    EXPECT_THAT(describe_bad_key(bad), Not(HasSubstr(kKey.substr(5, 6))));
}

}  // namespace
}  // namespace wgscope
