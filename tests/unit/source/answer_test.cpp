#include "wgscope/source/uapi/answer.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/core.h>
#include <gtest/gtest.h>

#include "wgscope/base/result.hpp"
#include "wgscope/model/device.hpp"
#include "wgscope/model/public_key.hpp"

#include "describe.hpp"
#include "uapi_answers.hpp"

namespace wgscope::uapi {
namespace {

using namespace std::chrono_literals;
using testing::answer;
using testing::kPresharedKey;
using testing::kPrivateKey;
using testing::kPublicKey;
using testing::peer_key;
using wgscope::testing::describe;

constexpr WallTime kNow{1'700'000'100s};

struct Outcome {
  std::optional<Error> error;
  bool done = false;
  Device device;
  std::size_t left_out = 0;
  std::string fault;

  [[nodiscard]] std::string text() const {
    if (error) return fmt::format("{}: {}", to_string(error->code), error->context);
    return (done ? "done\n" : "unfinished\n") + describe(device);
  }
};

/// Feeds `text` as a client does: what has arrived and was not used comes again, with
/// more behind it.
Outcome read_in_pieces(std::string_view text, const std::vector<std::size_t>& ends,
                       WallTime now = kNow) {
  Outcome outcome;
  AnswerReader reader(outcome.device, now);
  std::size_t used = 0;
  for (const std::size_t end : ends) {
    const auto fed = reader.feed(text.substr(used, end - used));
    if (!fed) {
      outcome.error = fed.error();
      return outcome;
    }
    EXPECT_LE(*fed, end - used);
    used += *fed;
  }
  outcome.done = reader.done();
  outcome.left_out = reader.left_out();
  outcome.fault = reader.fault();
  return outcome;
}

Outcome read(std::string_view text, WallTime now = kNow) {
  return read_in_pieces(text, {text.size()}, now);
}

/// What a peer with these lines becomes.
Outcome read_peer(std::string_view lines, WallTime now = kNow) {
  return read(fmt::format("public_key={}\n{}errno=0\n\n", peer_key(1), lines), now);
}

TEST(Answer, IsReadWhole) {
  const Outcome outcome = read(answer(2));
  ASSERT_FALSE(outcome.error) << outcome.text();
  EXPECT_TRUE(outcome.done);
  EXPECT_EQ(outcome.device.public_key, PublicKey::from_hex(kPublicKey).value());
  EXPECT_EQ(outcome.device.listen_port, 51820);
  EXPECT_EQ(outcome.device.fwmark, 51820U);
  ASSERT_EQ(outcome.device.peers.size(), 2U);
  const Peer& second = outcome.device.peers[1];
  EXPECT_EQ(second.public_key, PublicKey::from_hex(peer_key(1)).value());
  EXPECT_EQ(second.endpoint.value().to_string(), "192.0.2.1:1025");
  EXPECT_EQ(second.last_handshake, WallTime{1'700'000'000s + 1ns});
  EXPECT_EQ(second.transmit_bytes, 1001U);
  EXPECT_EQ(second.receive_bytes, 2001U);
  EXPECT_EQ(second.persistent_keepalive_seconds, 25);
  EXPECT_EQ(second.protocol_version, 1);
  EXPECT_TRUE(second.has_preshared_key);
  ASSERT_EQ(second.allowed_ips_count, 2U);
  EXPECT_EQ(outcome.device.allowed_ips_of(second)[0].to_string(), "10.0.0.1/32");
  EXPECT_EQ(outcome.device.allowed_ips_of(second)[1].to_string(), "fd00::1/128");
}

TEST(Answer, IsTheSameWhereverItIsSplit) {
  const std::string text = answer(2);
  const std::string whole = read(text).text();
  for (std::size_t at = 0; at <= text.size(); ++at)
    ASSERT_EQ(read_in_pieces(text, {at, text.size()}).text(), whole) << "split at byte " << at;
}

TEST(Answer, IsTheSameByteByByte) {
  const std::string text = answer(3);
  std::vector<std::size_t> ends;
  for (std::size_t end = 1; end <= text.size(); ++end) ends.push_back(end);
  EXPECT_EQ(read_in_pieces(text, ends).text(), read(text).text());
}

TEST(Answer, IsNotDoneBeforeItsLastByte) {
  const std::string text = answer(1);
  for (std::size_t size = 0; size < text.size(); ++size) {
    const Outcome outcome = read(std::string_view(text).substr(0, size));
    ASSERT_FALSE(outcome.error) << size << ' ' << outcome.text();
    ASSERT_FALSE(outcome.done) << size;
  }
}

TEST(Answer, MayHaveNoPeersAndNoIdentity) {
  const Outcome outcome = read("errno=0\n\n");
  EXPECT_TRUE(outcome.done);
  EXPECT_FALSE(outcome.device.public_key);
  EXPECT_TRUE(outcome.device.peers.empty());
}

TEST(Answer, TakesAPrivateKeyOfZerosAsNone) {
  const Outcome outcome = read(fmt::format("private_key={}\nerrno=0\n\n", std::string(64, '0')));
  EXPECT_TRUE(outcome.done);
  EXPECT_FALSE(outcome.device.public_key);
}

TEST(Answer, TakesBoringTunsOwnPublicKey) {
  const Outcome outcome = read(fmt::format("own_public_key={}\nerrno=0\n\n", kPublicKey));
  EXPECT_EQ(outcome.device.public_key, PublicKey::from_hex(kPublicKey).value());
  EXPECT_EQ(read("own_public_key=12\nerrno=0\n\n").text(),
            "bad_value: the answer has a malformed value for own_public_key");
}

TEST(Answer, TakesAPresharedKeyOfZerosAsNone) {
  EXPECT_FALSE(read_peer(fmt::format("preshared_key={}\n", std::string(64, '0')))
                   .device.peers.at(0)
                   .has_preshared_key);
  EXPECT_TRUE(read_peer(fmt::format("preshared_key={}1\n", std::string(63, '0')))
                  .device.peers.at(0)
                  .has_preshared_key);
  EXPECT_FALSE(read_peer("").device.peers.at(0).has_preshared_key);
}

TEST(Answer, ToleratesKeysItDoesNotKnow) {
  const Outcome outcome = read(fmt::format(
      "jc=4\nh1=1-2\nlisten_port=7\npublic_key={}\nfuture=a=b=\n=\nempty=\nrx_bytes=5\nerrno=0\n\n",
      peer_key(1)));
  ASSERT_FALSE(outcome.error) << outcome.text();
  EXPECT_EQ(outcome.device.listen_port, 7);
  EXPECT_EQ(outcome.device.peers.at(0).receive_bytes, 5U);
}

TEST(Answer, KeepsCountersExactBeyond63Bits) {
  const Outcome outcome =
      read_peer("rx_bytes=9223372036854775813\ntx_bytes=18446744073709551615\n");
  EXPECT_EQ(outcome.device.peers.at(0).receive_bytes, (std::uint64_t{1} << 63U) + 5);
  EXPECT_EQ(outcome.device.peers.at(0).transmit_bytes, UINT64_MAX);
}

struct Malformed {
  std::string_view key;
  std::string_view value;
};

TEST(Answer, RefusesMalformedNumbersByKey) {
  for (const auto& [key, value] : {Malformed{"rx_bytes", "18446744073709551616"},
                                   {"rx_bytes", "-1"},
                                   {"rx_bytes", "+1"},
                                   {"rx_bytes", ""},
                                   {"rx_bytes", " 1"},
                                   {"rx_bytes", "1 "},
                                   {"rx_bytes", "0x10"},
                                   {"rx_bytes", "1.5"},
                                   {"rx_bytes", "1\r"},
                                   {"tx_bytes", "99999999999999999999999"},
                                   {"tx_bytes", "-9223372036854775808"},
                                   {"persistent_keepalive_interval", "65536"},
                                   {"persistent_keepalive_interval", "off"},
                                   {"protocol_version", "256"},
                                   {"protocol_version", "-1"},
                                   {"last_handshake_time_sec", "9223372036854775808"},
                                   {"last_handshake_time_nsec", "x"},
                                   {"endpoint", "192.0.2.1"},
                                   {"endpoint", "example.com:1"},
                                   {"endpoint", ""},
                                   {"allowed_ip", "10.0.0.0/33"},
                                   {"allowed_ip", ""},
                                   {"allowed_ip", "10.0.0.0/"}}) {
    const Outcome outcome = read_peer(fmt::format("{}={}\n", key, value));
    EXPECT_FALSE(outcome.error) << outcome.text();
    EXPECT_TRUE(outcome.device.peers.empty()) << key << "=" << value;
    EXPECT_EQ(outcome.left_out, 1U);
    EXPECT_EQ(outcome.fault, fmt::format("the answer has a malformed value for {}", key)) << value;
  }
  for (const auto& [key, value] : {Malformed{"listen_port", "65536"},
                                   {"listen_port", "-1"},
                                   {"fwmark", "4294967296"},
                                   {"fwmark", "0x1"}}) {
    const Outcome outcome = read(fmt::format("{}={}\nerrno=0\n\n", key, value));
    EXPECT_EQ(outcome.text(),
              fmt::format("bad_value: the answer has a malformed value for {}", key))
        << value;
  }
}

TEST(Answer, RefusesHandshakesThatAreNoTime) {
  for (const std::string_view lines :
       {"last_handshake_time_sec=-1\n", "last_handshake_time_nsec=-1\n",
        "last_handshake_time_sec=1\nlast_handshake_time_nsec=1000000000\n",
        "last_handshake_time_sec=9223372037\n", "last_handshake_time_sec=9223372036854775807\n"})
    EXPECT_EQ(read_peer(lines).fault, "the answer has a malformed value for last_handshake_time")
        << lines;
}

TEST(Answer, LeavesOutOnlyThePeerWithAMalformedValue) {
  const Outcome outcome = read(fmt::format(
      "listen_port=1\npublic_key={}\nallowed_ip=10.0.0.1/32\nrx_bytes=1\n"
      "public_key={}\nallowed_ip=10.0.0.2/32\nrx_bytes=18446744073709551616\ntx_bytes=x\n"
      "allowed_ip=10.0.0.3/32\npublic_key={}\nallowed_ip=10.0.0.4/32\n"
      "public_key={}\nlast_handshake_time_sec=-5\nerrno=0\n\n",
      peer_key(1), peer_key(2), peer_key(3), peer_key(4)));
  ASSERT_TRUE(outcome.done) << outcome.text();
  ASSERT_EQ(outcome.device.peers.size(), 2U);
  EXPECT_EQ(outcome.device.peers[1].public_key.bytes,
            PublicKey::from_hex(peer_key(3)).value().bytes);
  ASSERT_EQ(outcome.device.allowed_ips.size(), 2U);
  EXPECT_EQ(outcome.device.allowed_ips_of(outcome.device.peers[1])[0].to_string(), "10.0.0.4/32");
  EXPECT_EQ(outcome.left_out, 2U);
  EXPECT_EQ(outcome.fault, "the answer has a malformed value for rx_bytes");
}

TEST(Answer, HasNoHandshakeWhereBothHalvesAreZero) {
  EXPECT_FALSE(read_peer("last_handshake_time_sec=0\nlast_handshake_time_nsec=0\n")
                   .device.peers.at(0)
                   .last_handshake);
  EXPECT_FALSE(read_peer("").device.peers.at(0).last_handshake);
}

TEST(Answer, GivesEachPeerItsOwnHandshake) {
  const Outcome outcome = read(
      fmt::format("public_key={}\nlast_handshake_time_sec=1700000001\npublic_key={}\npublic_key={}"
                  "\nlast_handshake_time_nsec=5\nlast_handshake_time_sec=1700000003\nerrno=0\n\n",
                  peer_key(1), peer_key(2), peer_key(3)));
  ASSERT_EQ(outcome.device.peers.size(), 3U);
  EXPECT_EQ(outcome.device.peers[0].last_handshake, WallTime{1'700'000'001s});
  EXPECT_FALSE(outcome.device.peers[1].last_handshake);
  EXPECT_EQ(outcome.device.peers[2].last_handshake, WallTime{1'700'000'003s + 5ns});
}

TEST(Answer, TurnsBoringTunsAgeIntoATime) {
  const Outcome outcome =
      read_peer("last_handshake_time_sec=42\nlast_handshake_time_nsec=500000000\n");
  EXPECT_EQ(outcome.device.peers.at(0).last_handshake, WallTime{kNow.since_epoch - 42s - 500ms});
  EXPECT_TRUE(outcome.device.peers.at(0).handshake_from_age);
}

TEST(Answer, KeepsAHandshakeAheadOfAClockThatSteppedBack) {
  const Outcome outcome = read_peer("last_handshake_time_sec=1700009999\n");
  EXPECT_EQ(outcome.device.peers.at(0).last_handshake, WallTime{1'700'009'999s});
  EXPECT_FALSE(outcome.device.peers.at(0).handshake_from_age);
}

TEST(Answer, TakesNoTimeForAnAgeWhileTheClockIsNotSet) {
  // A router without a battery boots in 1970: its handshakes then are times.
  EXPECT_EQ(
      read_peer("last_handshake_time_sec=42\n", WallTime{100s}).device.peers.at(0).last_handshake,
      WallTime{42s});
}

TEST(Answer, ReportsTheErrnoOfTheDaemon) {
  const Outcome outcome = read("errno=1\n\n");
  ASSERT_TRUE(outcome.error);
  EXPECT_EQ(outcome.error->code, Errc::refused);
  EXPECT_NE(outcome.error->context.find("errno=1"), std::string::npos);
  EXPECT_EQ(read("errno=-22\n\n").error->code, Errc::refused);
  EXPECT_EQ(read("errno=x\n\n").error->code, Errc::bad_value);
}

TEST(Answer, RefusesDataAfterItsEnd) {
  EXPECT_EQ(read("errno=0\n\nlisten_port=1\n").error->code, Errc::truncated);
  EXPECT_EQ(read("errno=0\n\n\n").error->code, Errc::truncated);
  EXPECT_EQ(read("errno=0\nlisten_port=1\n\n").error->code, Errc::bad_value);
}

TEST(Answer, RefusesLinesThatAreNoKeyAndValue) {
  EXPECT_EQ(read("HTTP/1.1 400 Bad Request\r\n").error->code, Errc::bad_value);
  EXPECT_EQ(read("\n").error->code, Errc::bad_value);
  EXPECT_EQ(read("listen_port\n").error->code, Errc::bad_value);
}

TEST(Answer, AcceptsALineOfTheGreatestSizeAndNoLonger) {
  const std::string longest = "future=" + std::string(kMaxLineSize - 1 - 7, 'x') + "\n";
  ASSERT_EQ(longest.size(), kMaxLineSize);
  EXPECT_TRUE(read(longest + "errno=0\n\n").done);
  EXPECT_EQ(read("x" + longest + "errno=0\n\n").error->code, Errc::too_large);
}

TEST(Answer,
     RefusesALineAsSoonAsItIsTooLong) {  // a client need not keep more than kMaxLineSize - 1 bytes
  EXPECT_FALSE(read(std::string(kMaxLineSize - 1, 'x')).error);
  EXPECT_EQ(read(std::string(kMaxLineSize, 'x')).error.value().code, Errc::too_large);
}

TEST(Answer, RefusesALineTooLongWhereverItIsSplit) {
  const std::string text =
      "listen_port=1\nfuture=" + std::string(kMaxLineSize, 'x') + "\nerrno=0\n\n";
  for (std::size_t at = 0; at <= text.size(); ++at)
    ASSERT_EQ(read_in_pieces(text, {at, text.size()}).error.value().code, Errc::too_large) << at;
}

TEST(Answer, StopsLongBeforeTenMebibytesWithoutANewline) {
  const std::string endless(10U << 20U, 'x');
  Device device;
  AnswerReader reader(device, kNow);
  std::string buffer;  // a client's: what was not used, and what came after it
  std::size_t sent = 0;
  std::optional<Error> error;
  while (!error && sent < endless.size()) {
    buffer += endless.substr(sent, 500);
    sent += 500;
    const auto used = reader.feed(buffer);
    if (!used)
      error = used.error();
    else
      buffer.erase(0, *used);
    ASSERT_LE(buffer.size(), 2 * kMaxLineSize) << "what the client must keep is bounded";
  }
  ASSERT_TRUE(error);
  EXPECT_EQ(error->code, Errc::too_large);
  EXPECT_LE(sent, kMaxLineSize + 500);
}

TEST(Answer, RefusesMorePeersThanTheKernelAllows) {
  Device device;
  device.peers.resize(kMaxPeers - 1);
  AnswerReader reader(device, kNow);
  const std::string peer = fmt::format("public_key={}\n", peer_key(1));
  EXPECT_TRUE(reader.feed(peer));
  const auto over = reader.feed(peer);
  ASSERT_FALSE(over);
  EXPECT_EQ(over.error().code, Errc::too_large);
  EXPECT_EQ(device.peers.size(), kMaxPeers);
}

TEST(Answer, RefusesMoreAllowedIpsThanItsBound) {
  Device device;
  device.peers.resize(1);
  device.allowed_ips.resize(kMaxAllowedIps - 1);
  device.peers[0].allowed_ips_count = kMaxAllowedIps - 1;
  AnswerReader reader(device, kNow);
  EXPECT_TRUE(reader.feed(std::string_view("allowed_ip=10.0.0.1/32\n")));
  EXPECT_EQ(reader.feed(std::string_view("allowed_ip=10.0.0.2/32\n")).error().code,
            Errc::too_large);
}

TEST(Answer, RefusesKeysOfAWrongLengthOrAlphabet) {
  const std::string good(kPrivateKey);
  std::string not_hex = good;
  not_hex[17] = 'g';
  for (const std::string& value : {std::string(), good.substr(1), good + "0", good + good, not_hex,
                                   good.substr(2) + "\r ", "0x" + good.substr(2)}) {
    for (const std::string_view key : {"private_key", "public_key"})
      EXPECT_EQ(read(fmt::format("{}={}\nerrno=0\n\n", key, value)).text(),
                fmt::format("bad_value: the answer has a malformed value for {}", key));
    EXPECT_EQ(read_peer(fmt::format("preshared_key={}\n", value)).fault,
              "the answer has a malformed value for preshared_key");
  }
}

TEST(Answer, NeverRepeatsASecretInAnError) {
  const std::string secret(kPresharedKey);
  const std::vector<std::string> texts{
      "private_key=" + secret + "0\n",
      "private_key=" + secret.substr(1) + "\n",
      "public_key=" + secret + "zz\n",
      "listen_port=" + secret + "\n",
      "errno=" + secret + "\n",
      secret + "\n",
      "errno=0\n" + secret + "\n",
      "errno=0\n\n" + secret + "\n",
      "future=" + secret + std::string(kMaxLineSize, '7') + "\n",
      "public_key=" + peer_key(1) + "\npreshared_key=" + secret + "0\n",
      "public_key=" + peer_key(1) + "\nendpoint=" + secret + "\n",
      "public_key=" + peer_key(1) + "\nallowed_ip=" + secret + "\n",
      "public_key=" + peer_key(1) + "\nlast_handshake_time_sec=" + secret + "\n",
  };
  for (const std::string& text : texts) {
    const Outcome outcome = read(text);
    const std::string said = outcome.error ? outcome.error->context : outcome.fault;
    ASSERT_FALSE(said.empty()) << text;
    for (std::size_t at = 0; at + 4 <= secret.size(); ++at)
      ASSERT_EQ(said.find(secret.substr(at, 4)), std::string::npos) << said;
  }
}

TEST(Answer, KeepsARepeatedKeyAsItComes) {  // "a key may repeat in a broken source"
  const Outcome outcome = read(fmt::format(
      "public_key={0}\nrx_bytes=1\npublic_key={0}\nrx_bytes=2\nerrno=0\n\n", peer_key(1)));
  ASSERT_EQ(outcome.device.peers.size(), 2U);
  EXPECT_EQ(outcome.device.peers[0].receive_bytes, 1U);
  EXPECT_EQ(outcome.device.peers[1].receive_bytes, 2U);
}

TEST(Answer, LeavesNameAndNetnsToItsCaller) {
  Device device;
  device.name = "wg0";
  device.netns = "blue";
  AnswerReader reader(device, kNow);
  ASSERT_TRUE(reader.feed(answer(1)));
  EXPECT_EQ(device.name, "wg0");
  EXPECT_EQ(device.netns, "blue");
}

}  // namespace
}  // namespace wgscope::uapi
