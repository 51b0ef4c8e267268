#include "endpoint/local_addresses.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include <gtest/gtest.h>

#include "wgscope/model/address.hpp"

namespace wgscope::endpoint {
namespace {

IpAddress address(std::string_view text) { return IpAddress::parse(text).value(); }

Endpoint remote(std::size_t number) {
  return {address("192.0.2.1"), 0, static_cast<std::uint16_t>(number)};
}

TEST(LocalAddresses, RememberTheLatestThatEachRemoteOneCalled) {
  LocalAddresses called;
  EXPECT_EQ(called.find(remote(1)), std::nullopt);
  called.note(remote(1), address("10.0.0.1"));
  called.note(remote(2), address("10.0.0.2"));
  EXPECT_EQ(called.find(remote(1)), address("10.0.0.1"));
  EXPECT_EQ(called.find(remote(2)), address("10.0.0.2"));
  called.note(remote(1), address("10.0.0.3"));
  EXPECT_EQ(called.find(remote(1)), address("10.0.0.3"));
}

TEST(LocalAddresses, ForgetWhatIsNoAddressOfOursAndLearnItAgain) {
  LocalAddresses called;
  called.note(remote(1), address("10.0.0.1"));
  called.forget(remote(1));
  EXPECT_EQ(called.find(remote(1)), std::nullopt);
  called.note(remote(1), address("10.0.0.1"));
  EXPECT_EQ(called.find(remote(1)), address("10.0.0.1"));
}

TEST(LocalAddresses, DoNotGrowWithMadeUpSources) {
  LocalAddresses called;
  constexpr std::size_t kMade = 3 * LocalAddresses::kMost;
  for (std::size_t i = 0; i < kMade; ++i) called.note(remote(i), address("10.0.0.1"));
  std::size_t kept = 0;
  for (std::size_t i = 0; i < kMade; ++i) kept += called.find(remote(i)) ? 1U : 0U;
  EXPECT_LE(kept, LocalAddresses::kMost);
  EXPECT_TRUE(called.find(remote(kMade - 1)));
}

}  // namespace
}  // namespace wgscope::endpoint
