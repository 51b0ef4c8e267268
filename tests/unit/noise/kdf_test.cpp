#include "noise/kdf.hpp"

#include <array>
#include <cstddef>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "wgscope/base/secret.hpp"

#include "hex.hpp"

namespace wgscope::noise {
namespace {

/// HMAC fills a short key up with zeros, so that a shorter one can stand in 32 bytes.
Secret<32> key_of(std::string_view text) {
  Secret<32> key;
  for (std::size_t i = 0; i < text.size(); ++i) key.bytes()[i] = static_cast<std::byte>(text[i]);
  return key;
}

struct Vector {
  std::string_view key, input;
  std::array<std::string, 3> outputs;
};

// Computed with Python's hmac and hashlib.blake2s; the first is also the one that wireguard-go
// tests itself with.
const Vector kVectors[] = {
    {"test-key",
     "test-input",
     {"6f0e5ad38daba1bea8a0d213688736f19763239305e0f58aba697f9ffc41c633",
      "df1194df20802a4fe594cde27e92991c8cae66c366e8106aaa937a55fa371e8a",
      "fac6e2745a325f5dc5d11a5b165aad08b0ada28e7b4e666b7c077934a4d76c24"}},
    {"wireguard",
     "wireguard",
     {"491d43bbfdaa8750aaf535e334ecbfe5129967cd64635101c566d4caefda96e8",
      "1e71a379baefd8a79aa4662212fcafe19a23e2b609a3db7d6bcba8f560e3d25f",
      "31e1ae48bddfbe5de38f295e5452b1909a1b4e38e183926af3780b0c1e1f0160"}},
    {"",
     "",
     {"8387b46bf43eccfcf349552a095d8315c4055beb90208fb1be23b894bc2ed5d0",
      "58a0e5f6faefccf4807bff1f05fa8a9217945762040bcec2f4b4a62bdfe0e86e",
      "0ce6ea98ec548f8e281e93e32db65621c45eb18dc6f0a7ad94178610a2f7338e"}},
};

TEST(Kdf, GivesOneTwoAndThreeOutputs) {
  for (const Vector& vector : kVectors) {
    Secret<32> first, second, third;
    kdf(key_of(vector.key), test::bytes_of(vector.input), first);
    EXPECT_EQ(test::hex(first.bytes()), vector.outputs[0]);
    kdf(key_of(vector.key), test::bytes_of(vector.input), first, second);
    EXPECT_EQ(test::hex(first.bytes()), vector.outputs[0]);
    EXPECT_EQ(test::hex(second.bytes()), vector.outputs[1]);
    kdf(key_of(vector.key), test::bytes_of(vector.input), first, second, third);
    EXPECT_EQ(test::hex(first.bytes()), vector.outputs[0]);
    EXPECT_EQ(test::hex(second.bytes()), vector.outputs[1]);
    EXPECT_EQ(test::hex(third.bytes()), vector.outputs[2]);
  }
}

TEST(Kdf, MayWriteAnyOutputOverItsKey) {
  const Vector& vector = kVectors[0];
  for (int place = 0; place < 3; ++place) {
    Secret<32> key = key_of(vector.key);
    Secret<32> first, second, third;
    kdf(key, test::bytes_of(vector.input), place == 0 ? key : first, place == 1 ? key : second,
        place == 2 ? key : third);
    EXPECT_EQ(test::hex(key.bytes()), vector.outputs[static_cast<std::size_t>(place)]);
  }
}

}  // namespace
}  // namespace wgscope::noise
