#include "wgscope/diagnosis/text.hpp"

#include <chrono>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "wgscope/base/time.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/model/public_key.hpp"

namespace wgscope::diagnosis {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

using Piece = Text::Piece;

std::vector<Piece> pieces_of(const Text& made) {
  return {made.pieces().begin(), made.pieces().end()};
}

Endpoint endpoint(const char* words) { return Endpoint::parse(words).value(); }

template <class Type>
concept CanBeAdded = requires(Text made, Type value) { made.add(value); };

// A string that is known only at run time gets in as somebody's, or by vouched(). (A pointer is
// only taken where it is a constant; no trait can say so.)
static_assert(std::is_constructible_v<Text, const char (&)[4]>);
static_assert(std::is_constructible_v<Text, Words>);
static_assert(CanBeAdded<Name> && CanBeAdded<Path> && CanBeAdded<int>);
static_assert(!std::is_constructible_v<Text, std::string>);
static_assert(!std::is_constructible_v<Text, std::string_view>);
static_assert(!std::is_constructible_v<Text, char (&)[4]>);
static_assert(!CanBeAdded<std::string> && !CanBeAdded<std::string_view>);
static_assert(!CanBeAdded<char (&)[4]>);

TEST(Text, TakesWordsThatSomebodyVouchesFor) {
  const std::string octal = "0" + std::to_string(644);
  EXPECT_THAT(pieces_of(text("mode {}, {}", vouched(octal), decimal(1.25, 1))),
              ElementsAre(Piece{"mode 0644, 1.2", Sensitivity::none}));
  EXPECT_EQ(text("{} way", either(false, "one", "another")).plain(), "another way");
}

TEST(Text, PutsArgumentsWhereTheBracesAre) {
  EXPECT_EQ(text("{} of {} came after {}", 3, 4, Nanoseconds{25ms}).plain(),
            "3 of 4 came after 25.0 ms");
  EXPECT_EQ(text("no argument").plain(), "no argument");
  EXPECT_EQ(text("{}{}", "a", Text("b")).plain(), "ab");
}

TEST(Text, ReplacesOnlyWordsOfItsOwn) {
  Text line = text("run {} again: wgscope ping --config FILE, or wgscope mtu --config FILE",
                   Name{"x --config FILE"});
  line.replace(" --config FILE", text(" --config {}", Path{"a.conf"}));
  EXPECT_EQ(line.plain(),
            "run x --config FILE again: wgscope ping --config a.conf, or wgscope mtu --config "
            "a.conf");
  EXPECT_EQ(line.pieces().back(), (Text::Piece{"a.conf", Sensitivity::path}));
}

TEST(Text, MarksWhatIsSomebodysAndNothingElse) {
  const PublicKey key{};
  EXPECT_THAT(
      pieces_of(text("{} at {}", key, endpoint("192.0.2.1:51820"))),
      ElementsAre(Piece{key.base64(), Sensitivity::key}, Piece{" at ", Sensitivity::none},
                  Piece{"192.0.2.1", Sensitivity::address}, Piece{":51820", Sensitivity::none}));
  EXPECT_THAT(pieces_of(text("{}", Prefix::parse("fd00::/64").value())),
              ElementsAre(Piece{"fd00::", Sensitivity::address}, Piece{"/64", Sensitivity::none}));
  EXPECT_THAT(pieces_of(text("{} in {}", Name{"gw"}, Path{"/etc/x"})),
              ElementsAre(Piece{"gw", Sensitivity::name}, Piece{" in ", Sensitivity::none},
                          Piece{"/etc/x", Sensitivity::path}));
}

TEST(Text, ShowsEndpointsAsTheyAreWritten) {
  for (const char* shown : {"192.0.2.1:51820", "[2001:db8::1]:51820", "[fe80::1%3]:51820"})
    EXPECT_EQ(text("{}", endpoint(shown)).plain(), shown);
}

TEST(Text, KeepsTheMarksOfATextWithinAText) {
  const Text inner = text("from {}", Name{"gw"});
  EXPECT_THAT(pieces_of(text("heard {} twice", inner)),
              ElementsAre(Piece{"heard from ", Sensitivity::none}, Piece{"gw", Sensitivity::name},
                          Piece{" twice", Sensitivity::none}));
}

TEST(Text, JoinsWordsButNeverTwoThingsOfSomebodys) {
  EXPECT_THAT(pieces_of(text("{} {}", 1, 2)), ElementsAre(Piece{"1 2", Sensitivity::none}));
  EXPECT_THAT(pieces_of(text("{}{}", Name{"a"}, Name{"b"})),
              ElementsAre(Piece{"a", Sensitivity::name}, Piece{"b", Sensitivity::name}));
}

TEST(Text, ShowsUnprintableBytesOfNamesAndPathsByNumber) {
  EXPECT_EQ(text("{}", Name{"a\x1b[2J\n\xff"}).plain(), "a\\x1b[2J\\x0a\\xff");
  EXPECT_EQ(text("{}", Path{"/tmp/\r"}).plain(), "/tmp/\\x0d");
  EXPECT_EQ(text("{}", Name{std::string(500, 'x')}).plain(), std::string(500, 'x'))
      << "nothing is cut off: two long names may differ at the end";
}

TEST(Text, OfNothingIsEmpty) {
  EXPECT_TRUE(Text().empty());
  EXPECT_TRUE(Text("").empty());
  EXPECT_TRUE(text("{}", Name{}).empty());
  EXPECT_THAT(Text("").plain(), IsEmpty());
}

TEST(FormatDuration, HasThreeDigitsAndTheUnitThatSuits) {
  EXPECT_EQ(format_duration(0ns), "0 ns");
  EXPECT_EQ(format_duration(870ns), "870 ns");
  EXPECT_EQ(format_duration(12300ns), "12.3 µs");
  EXPECT_EQ(format_duration(4560us), "4.56 ms");
  EXPECT_EQ(format_duration(25s), "25.0 s");
  EXPECT_EQ(format_duration(119s), "119 s");
  EXPECT_EQ(format_duration(2min), "2 min");
  EXPECT_EQ(format_duration(185s), "3 min 5 s");
  EXPECT_EQ(format_duration(3h), "3 h");
  EXPECT_EQ(format_duration(25h + 90s), "25 h 1 min");
  EXPECT_EQ(format_duration(24h * 365), "365 days");
  EXPECT_EQ(format_duration(-5ms), "-5.00 ms");
  EXPECT_EQ(format_duration(Nanoseconds::min()), "-106751 days");
}

TEST(FormatDuration, NeverShowsFourDigitsWhereAnotherUnitIsDue) {
  EXPECT_EQ(format_duration(999ns), "999 ns");
  EXPECT_EQ(format_duration(999'499ns), "999 µs");
  EXPECT_EQ(format_duration(999'500ns), "1.00 ms");
  EXPECT_EQ(format_duration(9'994us), "9.99 ms");
  EXPECT_EQ(format_duration(9'996us), "10.0 ms");
  EXPECT_EQ(format_duration(99'960us), "100 ms");
  EXPECT_EQ(format_duration(999'600us), "1.00 s");
}

}  // namespace
}  // namespace wgscope::diagnosis
