// The decoders on what a real kernel said (tests/fixtures/netlink/README.md).

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <iterator>
#include <span>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/wireguard.h>

#include "wgscope/model/device.hpp"
#include "wgscope/source/netlink/attributes.hpp"
#include "wgscope/source/netlink/dump.hpp"
#include "wgscope/source/netlink/links.hpp"
#include "wgscope/source/netlink/wireguard.hpp"

#include "paths.hpp"

namespace wgscope::netlink {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using Bytes = std::vector<std::byte>;

constexpr const char* kOwnKey = "1X5dIY1zM91fglVRIqeX/+LfUiPNG5fwZxgpT2ulvmQ=";
constexpr const char* kLiveKey = "ltMSS8dSothv4pJP2clve6n74493+o+K4/ToZ4mvMnY=";
constexpr WallTime kHandshake{std::chrono::seconds(1'700'000'000) + Nanoseconds(123'456'789)};

/// The blocks of one recorded answer.
std::vector<Bytes> recorded(const std::string& name) {
  std::ifstream in(test::source_dir() / "tests/fixtures/netlink" / (name + ".bin"),
                   std::ios::binary);
  const std::string file{std::istreambuf_iterator<char>(in), {}};
  std::vector<Bytes> blocks;
  for (std::size_t at = 0; at + 4 <= file.size();) {
    std::size_t size = 0;
    for (unsigned i = 0; i < 4; ++i)
      size |= std::size_t{static_cast<unsigned char>(file[at + i])} << 8 * i;
    const auto block = std::as_bytes(std::span(file)).subspan(at + 4, size);
    blocks.emplace_back(block.begin(), block.end());
    at += 4 + size;
  }
  EXPECT_FALSE(blocks.empty()) << "no fixture " << name;
  return blocks;
}

DumpReader reader_into(Device& device, LeftOut& left_out) {
  return DumpReader(1, [&device, &left_out](std::uint16_t, std::span<const std::byte> payload) {
    return decode_device_message(payload.subspan(sizeof(genlmsghdr)), device, left_out);
  });
}

/// Feeds all blocks; only the last one may end the answer, and it must.
void expect_complete(DumpReader& reader, const std::vector<Bytes>& blocks) {
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    const auto done = reader.feed(blocks[i]);
    ASSERT_TRUE(done) << done.error().context;
    EXPECT_EQ(*done, i + 1 == blocks.size()) << "block " << i;
  }
}

Device decode(const std::string& name) {
  Device device;
  LeftOut left_out;
  DumpReader reader = reader_into(device, left_out);
  expect_complete(reader, recorded(name));
  EXPECT_FALSE(reader.interrupted());
  EXPECT_EQ(left_out.peers, 0U) << left_out.fault;
  return device;
}

PublicKey made_up_key(std::uint32_t number) {  // as the recorder's
  PublicKey key;
  key.bytes.fill(std::byte{0x5a});
  std::memcpy(key.bytes.data(), &number, sizeof number);
  return key;
}

std::vector<std::string> allowed_ips(const Device& device, std::size_t peer) {
  std::vector<std::string> texts;
  for (const Prefix& prefix : device.allowed_ips_of(device.peers.at(peer)))
    texts.push_back(prefix.to_string());
  return texts;
}

/// As the recorder's.
std::vector<std::string> made_up_prefixes(std::uint32_t group, std::size_t count) {
  std::vector<std::string> prefixes;
  for (std::size_t i = 0; i < count; ++i) {
    const std::string text = i % 2 == 0
                                 ? fmt::format("10.{}.{}.{}/32", group, i / 2 / 256, i / 2 % 256)
                                 : fmt::format("fd00:{:x}::{:x}/128", group, i / 2 + 1);
    prefixes.push_back(Prefix::parse(text).value().to_string());
  }
  return prefixes;
}

TEST(RecordedDevice, HasEveryField) {
  const Device device = decode("small");
  ASSERT_TRUE(device.public_key);
  EXPECT_EQ(device.public_key->base64(), kOwnKey);
  EXPECT_EQ(device.listen_port, 51820);
  EXPECT_EQ(device.fwmark, 0xca6c);
  ASSERT_EQ(device.peers.size(), 2);

  const Peer& first = device.peers[0];
  EXPECT_EQ(first.public_key, made_up_key(1));
  EXPECT_TRUE(first.has_preshared_key);
  ASSERT_TRUE(first.endpoint);
  EXPECT_EQ(first.endpoint->to_string(), "192.0.2.7:51821");
  EXPECT_EQ(first.persistent_keepalive_seconds, 25);
  EXPECT_EQ(first.protocol_version, 1);
  EXPECT_EQ(first.last_handshake, std::nullopt);
  EXPECT_EQ(first.receive_bytes, 0);
  EXPECT_EQ(first.transmit_bytes, 0);
  EXPECT_THAT(allowed_ips(device, 0),
              ElementsAre("10.0.0.0/8", "fd00:1::/32", "0.0.0.0/0", "::/0"));

  const Peer& second = device.peers[1];
  EXPECT_EQ(second.public_key, made_up_key(2));
  EXPECT_FALSE(second.has_preshared_key);
  ASSERT_TRUE(second.endpoint);
  EXPECT_EQ(second.endpoint->to_string(), "[2001:db8::7]:65535");
  EXPECT_EQ(second.persistent_keepalive_seconds, 0);
  EXPECT_THAT(allowed_ips(device, 1), ElementsAre("2001:db8:1::1/128", "192.0.2.1/32"));
}

TEST(RecordedDevice, WithoutPrivateKeyHasNoPublicKey) {
  const Device device = decode("no_identity");
  EXPECT_EQ(device.public_key, std::nullopt);
  EXPECT_EQ(device.listen_port, 0);
  ASSERT_EQ(device.peers.size(), 1);
  EXPECT_EQ(device.peers[0].public_key, made_up_key(1));
  EXPECT_EQ(device.peers[0].endpoint, std::nullopt);
  EXPECT_THAT(device.allowed_ips, IsEmpty());
}

TEST(RecordedDevice, MayHaveNoPeers) {
  const Device device = decode("empty");
  ASSERT_TRUE(device.public_key);
  EXPECT_EQ(device.public_key->base64(), kOwnKey);
  EXPECT_EQ(device.listen_port, 51820);
  EXPECT_THAT(device.peers, IsEmpty());
}

TEST(RecordedDevice, ThatIsGoneIsAnError) {
  Device device;
  LeftOut left_out;
  const auto done = reader_into(device, left_out).feed(recorded("no_device").at(0));
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, Errc::no_device);
  EXPECT_EQ(done.error().sys_errno, ENODEV);
}

/// In how many messages of the recording the device's own attributes stand.
int messages_with_device_attributes(const std::string& name) {
  int count = 0;
  DumpReader reader(1, [&](std::uint16_t, std::span<const std::byte> payload) -> Result<> {
    AttributeWalk walk(payload.subspan(sizeof(genlmsghdr)));
    for (Attribute a; walk.next(a);)
      if (a.type == WGDEVICE_A_LISTEN_PORT) ++count;
    return {};
  });
  expect_complete(reader, recorded(name));
  return count;
}

TEST(RecordedContinuation, IsWhatItsReadmeSays) {
  EXPECT_GE(recorded("continued").size(), 4);
  EXPECT_EQ(messages_with_device_attributes("continued"), 2)
      << "the first peer no longer overflows";
}

TEST(RecordedContinuation, MergesPeersAndKeepsTheirCounters) {
  const Device device = decode("continued");
  EXPECT_EQ(device.public_key->base64(), kOwnKey);
  EXPECT_EQ(device.listen_port, 51001);
  ASSERT_EQ(device.peers.size(), 5);

  const Peer& live = device.peers[0];
  EXPECT_EQ(live.public_key.base64(), kLiveKey);
  EXPECT_EQ(live.endpoint.value().to_string(), "10.99.0.2:51002");
  EXPECT_EQ(live.last_handshake, kHandshake);
  EXPECT_EQ(live.receive_bytes, 276);   // initiation 148, one ping 128
  EXPECT_EQ(live.transmit_bytes, 220);  // response 92, its answer 128
  auto of_live = made_up_prefixes(0, 300);
  of_live.insert(of_live.begin(), "192.168.77.2/32");
  EXPECT_EQ(allowed_ips(device, 0), of_live);

  const std::size_t sizes[] = {2, 1500, 0, 900};
  for (std::uint32_t i = 1; i <= std::size(sizes); ++i) {
    EXPECT_EQ(device.peers[i].public_key, made_up_key(i));
    EXPECT_EQ(allowed_ips(device, i), made_up_prefixes(i, sizes[i - 1])) << "peer " << i;
    EXPECT_EQ(device.peers[i].last_handshake, std::nullopt);
  }
  EXPECT_EQ(device.allowed_ips.size(), 301 + 2 + 1500 + 900) << "nothing was stored twice";
}

TEST(RecordedContinuation, IsInterruptedWhereAnyMessageSaysSo) {
  for (std::size_t i = 0; i < recorded("continued").size(); ++i) {
    std::vector<Bytes> blocks = recorded("continued");
    nlmsghdr header{};
    std::memcpy(&header, blocks[i].data(), sizeof header);
    header.nlmsg_flags |= NLM_F_DUMP_INTR;
    std::memcpy(blocks[i].data(), &header, sizeof header);
    Device device;
    LeftOut left_out;
    DumpReader reader = reader_into(device, left_out);
    expect_complete(reader, blocks);
    EXPECT_TRUE(reader.interrupted()) << "block " << i;
  }
}

/// Its first peer, which goes on in the second message, is the one with a handshake.
TEST(RecordedContinuation, LosesOnlyThePeerWithAnImpossibleTime) {
  std::vector<Bytes> blocks = recorded("continued");
  const std::int64_t seconds = 1'700'000'000;
  const auto time = std::as_bytes(std::span(&seconds, 1));
  const auto found = std::ranges::search(blocks[0], time);
  ASSERT_FALSE(found.empty());
  const std::int64_t too_many_nanoseconds = 1'000'000'000;
  std::memcpy(&*found.end(), &too_many_nanoseconds, sizeof too_many_nanoseconds);

  Device device;
  LeftOut left_out;
  DumpReader reader = reader_into(device, left_out);
  expect_complete(reader, blocks);
  const Device whole = decode("continued");
  ASSERT_EQ(device.peers.size() + 1, whole.peers.size());
  for (std::size_t i = 0; i < device.peers.size(); ++i) {
    EXPECT_EQ(device.peers[i].public_key, whole.peers[i + 1].public_key);
    EXPECT_EQ(allowed_ips(device, i), allowed_ips(whole, i + 1));
  }
  EXPECT_EQ(device.public_key, whole.public_key);
  EXPECT_EQ(left_out.peers, 1U);
  EXPECT_EQ(left_out.fault, "WGPEER_A_LAST_HANDSHAKE_TIME: not a valid time");
}

TEST(RecordedContinuation, CutAnywhereIsNeverReadBeyondAndNeverComplete) {
  const std::vector<Bytes> blocks = recorded("continued");
  for (std::size_t size = 0; size < blocks[0].size(); ++size) {
    Device device;
    LeftOut left_out;
    const Bytes cut(blocks[0].begin(), blocks[0].begin() + static_cast<std::ptrdiff_t>(size));
    const auto done = reader_into(device, left_out).feed(cut);
    EXPECT_FALSE(done.has_value() && *done) << size << " bytes";
  }
}

TEST(RecordedLinks, AreDecodedWithKindAndCounters) {
  std::vector<Link> links;
  DumpReader reader(1, [&](std::uint16_t type, std::span<const std::byte> payload) -> Result<> {
    EXPECT_EQ(type, RTM_NEWLINK);
    links.push_back(decode_link(payload).value());
    return {};
  });
  expect_complete(reader, recorded("links"));
  ASSERT_EQ(links.size(), 3);

  EXPECT_EQ(links[0].name, "lo");
  EXPECT_EQ(links[0].kind, "");
  EXPECT_EQ(links[0].ifindex, 1);
  EXPECT_EQ(links[0].mtu_bytes, 65536);
  EXPECT_TRUE(links[0].up);
  EXPECT_EQ(links[1].name, "outer");
  EXPECT_EQ(links[1].kind, "veth");
  EXPECT_EQ(links[1].mtu_bytes, 1500);
  EXPECT_TRUE(links[1].up);

  const Link& wg = links[2];
  EXPECT_EQ(wg.name, "wg0");
  EXPECT_EQ(wg.kind, "wireguard");
  EXPECT_EQ(wg.mtu_bytes, 1420);
  EXPECT_FALSE(wg.up);
  EXPECT_EQ(wg.stats, (LinkStats{.receive_packets = 2,
                                 .transmit_packets = 2,
                                 .receive_bytes = 276,
                                 .transmit_bytes = 220}));
}

}  // namespace
}  // namespace wgscope::netlink
