// The room's other tests run in this program as well, after start_quickly().

#include "wgscope/crypto/quick_start.hpp"

#include <gtest/gtest.h>
#include <openssl/evp.h>

namespace wgscope::crypto {
namespace {

class QuickStart : public testing::Environment {
 public:
  void SetUp() override { start_quickly(); }
};

// GoogleTest owns it, and sets it up before the first test.
const auto* const kQuickStart = testing::AddGlobalTestEnvironment(new QuickStart);

TEST(QuickStart, LeavesOutTheNamesOfAllAlgorithms) {
  ASSERT_NE(kQuickStart, nullptr);
  EXPECT_EQ(EVP_get_cipherbyname("AES-128-CBC"), nullptr);
}

}  // namespace
}  // namespace wgscope::crypto
