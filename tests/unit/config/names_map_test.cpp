#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "wgscope/base/text.hpp"
#include "wgscope/config/names.hpp"
#include "wgscope/config/wg_quick.hpp"

#include "keys.hpp"

namespace wgscope::config {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::Pair;
using ::testing::StartsWith;
using ::testing::UnorderedElementsAre;

constexpr std::string_view kSecret = "kPrivateKeyThatMustNotLeakAAAAAAAAAAAAAAAAAA=";

PeerNames names_in(std::string_view text) {
  auto names = parse_names_map(text);
  EXPECT_TRUE(names) << names.error().context << "\n" << text.substr(0, 200);
  return names ? names->names : PeerNames();
}

std::string error_of(std::string_view text) {
  const auto names = parse_names_map(text);
  EXPECT_FALSE(names) << names->names.size() << " names\n" << text.substr(0, 200);
  if (names) return "";
  EXPECT_EQ(names.error().code, Errc::bad_value);
  return names.error().context;
}

/// `pattern` with {0}, {1} and {2} replaced by keys 0, 1 and 2.
std::string with_keys(const char* pattern) {
  return fmt::format(fmt::runtime(pattern), key_text(0), key_text(1), key_text(2));
}

/// "3: text" for each warning.
std::vector<std::string> warnings_of(std::string_view text) {
  std::vector<std::string> texts;
  const auto found = parse_names_map(text);
  EXPECT_TRUE(found) << found.error().context;
  if (!found) return texts;
  for (const Warning& warning : found->warnings)
    texts.push_back(fmt::format("{}: {}", warning.line, warning.text));
  return texts;
}

TEST(NamesMap, IsReadFromYaml) {
  EXPECT_THAT(
      names_in(with_keys(
          "# peers\n{0}: ann's laptop\n\"{1}\": 'it''s # quoted'\n{2}: \"a\\n\\\"b\\\"\"\n")),
      UnorderedElementsAre(Pair(key(0), "ann's laptop"), Pair(key(1), "it's # quoted"),
                           Pair(key(2), "a\n\"b\"")));
  EXPECT_THAT(names_in(with_keys("---\n{0}: a\n...\n")), ElementsAre(Pair(key(0), "a")));
  EXPECT_THAT(names_in(with_keys("\xEF\xBB\xBF{0}: a\r\n{1}: b\r\n")),
              UnorderedElementsAre(Pair(key(0), "a"), Pair(key(1), "b")));
}

TEST(NamesMap, IsReadFromJson) {
  EXPECT_THAT(names_in(with_keys(" \n{{\"{0}\": \"caf\\u00e9\", \"{1}\":\"a\\n\\\"b\\\"\"}}\n")),
              UnorderedElementsAre(Pair(key(0), "caf\xC3\xA9"), Pair(key(1), "a\n\"b\"")));
  EXPECT_THAT(names_in("{}"), IsEmpty());
  EXPECT_THAT(names_in(with_keys("{{\"{0}\": \"\"}}")), ElementsAre(Pair(key(0), "")));
}

TEST(NamesMap, TakesAYamlNumberAsText) {
  EXPECT_THAT(names_in(with_keys("{0}: 42\n{1}: 1e3\n{2}: true\n")),
              UnorderedElementsAre(Pair(key(0), "42"), Pair(key(1), "1e3"), Pair(key(2), "true")));
}

TEST(NamesMap, TakesTheOthersWhereOneNameIsNoText) {
  for (const char* value : {"42", "-1", "1.5", "true", "null"}) {
    const std::string text =
        with_keys(fmt::format("{{{{\"{{0}}\": {}, \"{{1}}\": \"b\"}}}}", value).c_str());
    EXPECT_THAT(names_in(text), ElementsAre(Pair(key(1), "b"))) << value;
    EXPECT_THAT(warnings_of(text), ElementsAre("0: a name must be text")) << value;
  }
  for (const char* value : {"*ann", "~", "null", ""}) {
    const std::string text = with_keys(fmt::format("{{1}}: &ann a\n{{0}}: {}\n", value).c_str());
    EXPECT_THAT(names_in(text), ElementsAre(Pair(key(1), "a"))) << value;
    EXPECT_THAT(warnings_of(text), ElementsAre("2: a name must be text")) << value;
  }
}

TEST(NamesMap, RefusesMapsAndListsForNames) {
  for (const char* value : {"[]", "[\"a\"]", "{{}}", "{{\"a\": \"b\"}}"})
    EXPECT_THAT(
        error_of(with_keys(fmt::format("{{{{\"{{1}}\": \"b\", \"{{0}}\": {}}}}}", value).c_str())),
        StartsWith("a name must be text"))
        << value;
  for (const char* value : {"[a, b]", "[]", "\n  - a", "{{a: b}}", "{{}}", "\n  a: b", "&ann [a]"})
    EXPECT_THAT(error_of(with_keys(fmt::format("{{1}}: a\n{{0}}: {}\n", value).c_str())),
                StartsWith("line "))
        << value;
  EXPECT_EQ(error_of(with_keys("{0}: a\n{1}:\n  - b\n")), "line 3: a name must be text");
}

TEST(NamesMap, RefusesEverythingThatIsNoMap) {
  for (const std::string text : {"", " \n\t", "# only a comment\n", "---\n", "a name", "- a\n- b\n",
                                 "[]", "\"{}\"", "null", "~", "42", "\xEF\xBB\xBF"})
    EXPECT_FALSE(error_of(text).empty());
  EXPECT_THAT(error_of(""), HasSubstr("not a map of public key to name"));
  EXPECT_THAT(error_of("a name"), HasSubstr("not a map of public key to name"));
}

TEST(NamesMap, GivesAKeyWithTwoNamesNeither) {
  const std::string twice = with_keys("{0}: a\n{1}: b\n{0}: c\n{0}: a\n");
  EXPECT_THAT(names_in(twice), ElementsAre(Pair(key(1), "b")));
  EXPECT_THAT(warnings_of(twice),
              ElementsAre("3: a key is given twice with different names, so it has neither"));
  EXPECT_THAT(names_in(with_keys("{{\"{0}\": \"a\", \"{0}\": \"b\"}}")), IsEmpty());
  EXPECT_THAT(names_in(with_keys("{0}: a\n{0}: a\n")), ElementsAre(Pair(key(0), "a")));
}

TEST(NamesMap, TakesTheOthersWhereOneKeyIsMalformedWithoutItsText) {
  for (const std::string& bad : {std::string("wg0"), std::string(kSecret), key_text(0).substr(1),
                                 key_text(0) + "=", std::string(44, 'A'), std::string("<<")}) {
    for (const bool json : {false, true}) {
      const std::string text =
          json ? fmt::format("{{\"{}\": \"a\", \"{}\": \"b\"}}", key_text(1), bad)
               : fmt::format("{}: a\n{}: b\n", key_text(1), bad);
      EXPECT_THAT(names_in(text), ElementsAre(Pair(key(1), "a"))) << bad;
      const auto warnings = warnings_of(text);
      ASSERT_EQ(warnings.size(), 1U);
      EXPECT_THAT(warnings[0], StartsWith(fmt::format("{}: the key is not a base64 key of 44 "
                                                      "characters",
                                                      json ? 0 : 2)));
      EXPECT_THAT(warnings[0], Not(HasSubstr(bad)));
    }
  }
}

TEST(NamesMap, RefusesAFileWithoutOneGoodKey) {
  EXPECT_THAT(error_of("level: debug\nport: 80\n"),
              StartsWith("line 1: the key is not a base64 key of 44 characters"));
  EXPECT_THAT(error_of("{\"level\": \"debug\"}"), StartsWith("the key is not a base64 key"));
  EXPECT_THAT(error_of(std::string("{\0\"\0a\0", 6)), HasSubstr("UTF-16"));
}

TEST(NamesMap, SaysThatAFileIsInUtf16AndHowToConvertIt) {
  for (const std::string& text :
       {with_keys("{0}: a\n"), with_keys("# people\n{0}: a\n"), with_keys("{{\"{0}\": \"a\"}}"),
        std::string("[Interface]\nPrivateKey = x\n")}) {
    std::string little;
    std::string big;
    for (const char c : text) {
      little += {c, '\0'};
      big += {'\0', c};
    }
    EXPECT_THAT(error_of("\xFF\xFE" + little), HasSubstr("iconv -f UTF-16 -t UTF-8")) << text;
    EXPECT_THAT(error_of("\xFE\xFF" + big), HasSubstr("iconv -f UTF-16 -t UTF-8")) << text;
    EXPECT_THAT(error_of(little), HasSubstr("iconv -f UTF-16LE -t UTF-8")) << text;
    EXPECT_THAT(error_of(big), HasSubstr("iconv -f UTF-16BE -t UTF-8")) << text;
  }
  EXPECT_EQ(error_of(with_keys("{0}: a\n{1}: b") + std::string(1, '\0') + "\n"),
            "line 2: this line has a byte of zero, so the file is not a text file");
}

TEST(NamesMap, RefusesKeysThatAreNoText) {
  for (const char* text :
       {"? [a]\n: b\n", "? {{a: b}}\n: c\n", "*x : a\n", "~: a\n", "? {0}\n", ": a\n"})
    EXPECT_FALSE(error_of(with_keys(text)).empty()) << text;
}

TEST(NamesMap, RefusesASecondDocument) {
  EXPECT_THAT(error_of(with_keys("{0}: a\n---\n{1}: b\n")), HasSubstr("second YAML document"));
  EXPECT_THAT(error_of(with_keys("{0}: a\n...\n---\njunk\n")), HasSubstr("second YAML document"));
}

TEST(NamesMap, NeverRepeatsTheTextOfABrokenFile) {
  // A wg-quick file given by mistake, and parts of one inside of every kind of mistake.
  for (const char* text : {
           "[Interface]\nPrivateKey = {0}\n[Peer]\nPublicKey = x\n",
           "{0}\n",
           "{0}: a\n",
           "a: {0}\n",
           "[{0}\n",
           "{{{0}\n",
           "{{\"{0}\": 1}}",
           "{{\"{0}",
           "\"{0}",
           "'{0}",
           "*{0}",
           "&{0}",
           "!{0} a: b",
           "%{0} 1\n---\n",
           "%YAML {0}\n---\n",
           "%TAG ! {0}\n%TAG ! {0}\n---\n",
           "- {0}: *{0}\n",
           "? {0}",
           "@{0}",
           "`{0}`",
           "\t{0}: a\n",
           "a: b: {0}\n",
           "a:\n {0}\n  b: c\n",
           "\"\\x{0}\"",
           "{{\"a\": \"\\u{0}\"}}",
           "{{\"a\": {0}}}",
           "a: |{0}\n",
           "!<{0}",
       }) {
    const std::string error = error_of(fmt::format(fmt::runtime(text), kSecret));
    EXPECT_THAT(error, Not(HasSubstr("kPrivate"))) << text;
    EXPECT_THAT(error, Not(HasSubstr("MustNotLeak"))) << text;
  }
}

TEST(NamesMap, RefusesBrokenJsonAtItsByte) {
  for (const std::string& text :
       {std::string("{"), std::string("{\"a"), with_keys("{{\"{0}\": \"a\",}}"),
        with_keys("{{\"{0}\" \"a\"}}"), with_keys("{{\"{0}\": \"a\"}} junk"),
        with_keys("{{'{0}': 'a'}}"), with_keys("{{{0}: a}}")})
    EXPECT_THAT(error_of(text), StartsWith("not JSON at byte ")) << text;
}

TEST(NamesMap, RefusesBrokenYamlWithItsLine) {
  EXPECT_EQ(error_of(with_keys("{0}: a\n\"{1}: b\n\n")),
            "line 2: not YAML: while scanning a quoted scalar, found unexpected end of stream");
  EXPECT_THAT(error_of(with_keys("{0}: a\n  {1}: b\n")), StartsWith("line 2: "));
}

TEST(NamesMap, RefusesInvalidUtf8InJsonAndRepairsItInYaml) {
  EXPECT_THAT(error_of(with_keys("{{\"{0}\": \"\xff\"}}")), StartsWith("not JSON at byte "));
  EXPECT_THAT(error_of(with_keys("{{\"{0}\": \"\xed\xa0\x80\"}}")),
              StartsWith("not JSON at byte "));
  for (const std::string bytes :
       {"\xff", "\xc3", "\xc0\xaf", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xfe\xff", "\x80"})
    EXPECT_THAT(
        names_in(with_keys("{0}: a\n{1}: b") + bytes + "c\n"),
        UnorderedElementsAre(Pair(key(0), "a"), Pair(key(1), "b" + to_valid_utf8(bytes) + "c")));
}

TEST(NamesMap, LosesOnlyANameThatIsAnAlias) {
  const std::string text = with_keys("{0}: &a ada\n{1}: *a\n{2}: !team bob\n");
  EXPECT_THAT(names_in(text), UnorderedElementsAre(Pair(key(0), "ada"), Pair(key(2), "bob")));
  EXPECT_THAT(warnings_of(text), ElementsAre("2: a name must be text"));
}

TEST(NamesMap, RefusesDeepNestingWithoutOverflowingTheStack) {
  constexpr std::size_t kDeep = 100'000;
  for (const std::string_view unit : {"[", "{", "{\"a\":", "- ", "? ", "[{", "a:\n", "&a ["})
    for (const char* start : {"", "x: "}) {
      std::string text = start;
      for (std::size_t i = 0; i < kDeep; ++i) text += unit;
      EXPECT_FALSE(error_of(text).empty()) << start << unit;
    }
  const std::string in_value =
      with_keys("{{\"{0}\":") + std::string(kDeep, '[') + std::string(kDeep, ']') + "}";
  EXPECT_THAT(error_of(in_value), StartsWith("a name must be text"));
}

TEST(NamesMap, SurvivesTruncationAtEveryByte) {
  for (const std::string& whole :
       {with_keys("---\n\"{0}\": 'a'\n? {1}\n: |\n  b\n  c\n{2}: \"\\x41\"\n..."),
        with_keys("{{\"{0}\": \"\\u00e9\\ud83d\\ude00\", \"{1}\": \"b\"}}")})
    for (std::size_t size = 0; size <= whole.size(); ++size) {
      const auto names = parse_names_map(std::string_view(whole).substr(0, size));
      if (names) {
        EXPECT_LE(names->names.size(), 3U);
      }
    }
}

TEST(NamesMap, IsReadFromLargeFilesInOnePass) {
  constexpr std::uint32_t kPeers = 50'000;
  std::string yaml;
  std::string json = "{";
  for (std::uint32_t i = 0; i < kPeers; ++i) {
    yaml += fmt::format("{}: peer {}\n", key_text(i), i);
    json += fmt::format("{}\n\"{}\": \"peer {}\"", i == 0 ? "" : ",", key_text(i), i);
  }
  json += "}";
  for (const std::string& text : {yaml, json}) {
    const PeerNames names = names_in(text);
    EXPECT_EQ(names.size(), kPeers);
    EXPECT_EQ(names.at(key(kPeers - 1)), fmt::format("peer {}", kPeers - 1));
  }
}

/// A key in base64 that is not one of key_text().
constexpr std::string_view kStray = "SLp0cnl0b3JlYWR0aGlzYXNhcHJpdmF0ZWtleTEyMzQ=";

TEST(NamesMap, GivesNoPeerANameWithAKeyInIt) {
  for (const std::string& name : {std::string(kStray), fmt::format("laptop {}", kStray),
                                  fmt::format("\"{}\"", kStray), fmt::format("|\n    {}", kStray),
                                  std::string(64, 'a'), fmt::format("x{} of ada", kStray)}) {
    const std::string text = fmt::format("{}: {}\n{}: ada\n", key_text(0), name, key_text(1));
    EXPECT_THAT(names_in(text), UnorderedElementsAre(Pair(key(1), "ada"))) << name;
    EXPECT_THAT(warnings_of(text), ElementsAre(HasSubstr("a key stands where a name is expected")))
        << name;
  }
  const std::string json =
      fmt::format(R"({{"{}":"{}","{}":"ada"}})", key_text(0), kStray, key_text(1));
  EXPECT_THAT(names_in(json), UnorderedElementsAre(Pair(key(1), "ada")));
}

TEST(NamesMap, FindsItsKeysInEveryForm) {
  for (const char* form :
       {"{0}: ada", "\"{0}\": ada", "'{0}' : ada", "  {0}: ada", "---\n{{{0}: ada}}",
        "{{ \"{0}\":\"ada\"}}", "{1}: bob\n{0}: ada", "{{\"{1}\":\"bob\",\"{0}\":\"ada\"}}",
        "? {0}\n: ada", "\xEF\xBB\xBF{0}: ada", "{0}: ada\r\n{1}: bob"})
    EXPECT_THAT(names_in(with_keys(form)), ::testing::Contains(Pair(key(0), "ada"))) << form;
}

}  // namespace
}  // namespace wgscope::config
