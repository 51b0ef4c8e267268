#include "wgscope/checks/stamps.hpp"

#include <chrono>
#include <cstddef>
#include <optional>

#include <gtest/gtest.h>

#include "wgscope/base/time.hpp"
#include "wgscope/model/public_key.hpp"
#include "wgscope/noise/tai64n.hpp"

#include "temp_dir.hpp"

namespace wgscope::checks {
namespace {

using namespace std::chrono_literals;
using noise::Tai64n;

constexpr WallTime kNow{1'800'000'000s};

TEST(Stamps, OfOneRunOnlyRise) {
  Stamps stamps;
  EXPECT_EQ(stamps.last(), Tai64n{});
  EXPECT_TRUE(stamps.cover(Tai64n::from(kNow)));
  EXPECT_TRUE(stamps.cover(Tai64n::from({kNow.since_epoch - 1s})));
  EXPECT_EQ(stamps.last(), Tai64n::from(kNow));
}

TEST(Stamps, AreKeptFromRunToRun) {
  const test::TempDir folder;
  const PublicKey key{};
  {
    Stamps stamps = Stamps::open(folder.path(), key).value();
    EXPECT_TRUE(stamps.cover(Tai64n::from(kNow)));
  }
  EXPECT_EQ(Stamps::open(folder.path(), key).value().last(), Tai64n::from(kNow));
}

TEST(Stamps, SayHowFarTheyAreAheadOfTheClock) {
  Stamps stamps;
  EXPECT_EQ(stamps.ahead_of(kNow), std::nullopt) << "a key that was never used";
  ASSERT_TRUE(stamps.cover(Tai64n::from({kNow.since_epoch + 90s})));
  EXPECT_EQ(stamps.ahead_of(kNow), Nanoseconds(90s));
  EXPECT_EQ(stamps.ahead_of({kNow.since_epoch + 90s}), std::nullopt);
  EXPECT_EQ(stamps.ahead_of({kNow.since_epoch + 1h}), std::nullopt);
}

TEST(Stamps, FromAForgedFileAreNoReasonToOverflow) {
  Stamps stamps;
  Tai64n last;
  last.bytes.fill(std::byte{0xff});
  ASSERT_TRUE(stamps.cover(last));
  EXPECT_GT(stamps.ahead_of(kNow).value(), Nanoseconds(24h));
}

}  // namespace
}  // namespace wgscope::checks
