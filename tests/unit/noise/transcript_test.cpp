// A whole handshake from fixed keys against tests/vectors/wireguard_kat.txt.

#include <algorithm>
#include <array>
#include <cstddef>
#include <map>
#include <sstream>
#include <string>
#include <utility>

#include <gtest/gtest.h>

#include "wgscope/base/bytes.hpp"
#include "wgscope/base/keys.hpp"
#include "wgscope/base/time.hpp"
#include "wgscope/noise/cookies.hpp"
#include "wgscope/noise/handshake.hpp"
#include "wgscope/noise/key_pair.hpp"
#include "wgscope/wire/message.hpp"

#include "files.hpp"
#include "hex.hpp"
#include "paths.hpp"
#include "random.hpp"
#include "sides.hpp"

namespace wgscope::noise {
namespace {

using test::hex;
using test::ScriptedRandom;
using test::secret_of;
using test::unhex;

class Transcript : public testing::Test {
 protected:
  Transcript() {
    std::istringstream lines(
        test::read_file(test::source_dir() / "tests/vectors/wireguard_kat.txt"));
    for (std::string line; std::getline(lines, line);)
      if (!line.starts_with('#'))
        values_[line.substr(0, line.find('='))] = line.substr(line.find('=') + 1);
  }

  [[nodiscard]] const std::string& value(const std::string& name) const { return values_.at(name); }
  [[nodiscard]] Identity identity(const std::string& name) const {
    return must(Identity::create(PrivateKey{secret_of(value(name + "_static_private"))}));
  }
  [[nodiscard]] PresharedKey preshared_key() const { return {secret_of(value("preshared_key"))}; }
  [[nodiscard]] Tai64n stamp() const { return {test::unhex_array<12>(value("tai64n"))}; }

  /// The initiation with its macs, by the initiator's own means.
  SentInitiation initiate(CookieJar& jar, InitiationBytes& out) const {
    const Identity ours = identity("initiator");
    const RemoteStatic remote =
        must(RemoteStatic::create(ours, identity("responder").public_key()));
    ScriptedRandom random({unhex(value("initiator_ephemeral_private"))});
    store_le32(wire::InitiationView<std::byte>{out}.sender(), 0x11223344);
    auto sent = must(noise::initiate(ours, remote, stamp(), random, {out}));
    jar.add_macs(Instant{}, {out});
    return sent;
  }

  struct Response {
    ResponseBytes bytes{};
    TransportKeys keys;
  };
  Response respond() const {
    const Identity ours = identity("responder");
    const auto initiation = test::unhex_array<wire::kInitiationSize>(value("initiation"));
    const RemoteStatic remote =
        must(RemoteStatic::create(ours, identity("initiator").public_key()));
    auto opened = open_initiation(ours, {initiation});
    EXPECT_EQ(hex(opened.value().initiator().bytes), value("initiator_static_public"));
    EXPECT_EQ(hex(opened->read_timestamp(remote, {initiation}).value().bytes), value("tai64n"));

    Response response;
    ScriptedRandom random({unhex(value("responder_ephemeral_private"))});
    store_le32(wire::ResponseView<std::byte>{response.bytes}.sender(), 0x55667788);
    response.keys = opened->respond(preshared_key(), random, {response.bytes}).value();
    CookieJar(remote.public_key()).add_macs(Instant{}, {response.bytes});
    return response;
  }

 private:
  std::map<std::string, std::string> values_;
};

TEST_F(Transcript, DerivesBothPublicKeys) {
  EXPECT_EQ(hex(identity("initiator").public_key().bytes), value("initiator_static_public"));
  EXPECT_EQ(hex(identity("responder").public_key().bytes), value("responder_static_public"));
}

TEST_F(Transcript, WritesTheInitiation) {
  CookieJar jar(identity("responder").public_key());
  InitiationBytes out{};
  out.fill(std::byte{0xee});  // what lay there before must not shine through
  (void)initiate(jar, out);
  EXPECT_EQ(hex(out), value("initiation"));
}

TEST_F(Transcript, AcceptsTheInitiationsMac1) {
  const auto initiation = unhex(value("initiation"));
  EXPECT_TRUE(mac1_is_valid(MacKeys::of(identity("responder").public_key()), {initiation}));
}

TEST_F(Transcript, WritesTheResponseAndDerivesTheRespondersKeys) {
  const Response response = respond();
  EXPECT_EQ(hex(response.bytes), value("response"));
  EXPECT_EQ(hex(response.keys.receive.bytes()), value("initiator_send_key"));
  EXPECT_EQ(hex(response.keys.send.bytes()), value("initiator_recv_key"));
}

TEST_F(Transcript, TakesTheResponseAndDerivesTheInitiatorsKeys) {
  CookieJar jar(identity("responder").public_key());
  InitiationBytes out{};
  const SentInitiation sent = initiate(jar, out);
  const auto response = test::unhex_array<wire::kResponseSize>(value("response"));
  const auto outcome = sent.consume_response(identity("initiator"), preshared_key(), {response});
  ASSERT_EQ(outcome.verdict, SentInitiation::Verdict::accepted);
  EXPECT_EQ(hex(outcome.keys->send.bytes()), value("initiator_send_key"));
  EXPECT_EQ(hex(outcome.keys->receive.bytes()), value("initiator_recv_key"));
}

TEST_F(Transcript, SealsTheFirstKeepalive) {
  const TransportKeys keys{.send = secret_of(value("initiator_send_key")),
                           .receive = secret_of(value("initiator_recv_key"))};
  KeyPair pair(keys, {.local = 0x11223344, .remote = 0x55667788}, Role::initiator, Instant{});
  std::array<std::byte, wire::kKeepaliveSize> out{};
  ASSERT_TRUE(pair.seal({}, out));
  EXPECT_EQ(hex(out), value("first_keepalive(counter0)"));
}

TEST_F(Transcript, TakesTheCookieAndAddsMac2) {
  CookieJar jar(identity("responder").public_key());
  InitiationBytes out{};
  (void)initiate(jar, out);
  const auto reply = test::unhex_array<wire::kCookieReplySize>(value("cookie_reply_to_initiation"));
  ASSERT_TRUE(jar.take_reply(Instant{}, {reply}));
  jar.add_macs(Instant{}, {out});
  EXPECT_EQ(hex(out), value("initiation_with_mac2"));
}

}  // namespace
}  // namespace wgscope::noise
