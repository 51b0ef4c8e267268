#include "wgscope/noise/cookies.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstring>
#include <optional>
#include <span>
#include <string_view>

#include "wgscope/base/bytes.hpp"
#include "wgscope/base/random.hpp"
#include "wgscope/base/time.hpp"
#include "wgscope/crypto/aead.hpp"
#include "wgscope/crypto/blake2s.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/model/public_key.hpp"
#include "wgscope/wire/message.hpp"

namespace wgscope::noise {
namespace {

std::span<const std::byte> as_bytes(std::string_view text) {
  return std::as_bytes(std::span(text));
}

}  // namespace

MacKeys MacKeys::of(const PublicKey& key) {
  return {.mac1 = crypto::hash({as_bytes("mac1----"), key.bytes}),
          .cookie = crypto::hash({as_bytes("cookie--"), key.bytes})};
}

bool mac1_is_valid(const MacKeys& ours, MacedMessage<const std::byte> message) {
  return crypto::equal(crypto::mac(ours.mac1, message.before_mac1()), message.mac1());
}

CookieIssuer::CookieIssuer(const PublicKey& ours) : keys_(MacKeys::of(ours)) {}

crypto::Mac CookieIssuer::cookie_for(const Endpoint& from) const {
  std::array<std::byte, 18> source{};
  const auto octets = from.address.octets();
  std::ranges::copy(octets, source.begin());
  store_be16(std::span(source).subspan(octets.size()).first<2>(), from.port);
  return crypto::mac(secret_.bytes(), std::span(source).first(octets.size() + 2));
}

bool CookieIssuer::mac2_is_valid(Instant now, const Endpoint& from,
                                 MacedMessage<const std::byte> message) const {
  if (!made_ || now - *made_ >= kCookieSecretLife) return false;
  return crypto::equal(crypto::mac(cookie_for(from), message.before_mac2()), message.mac2());
}

void CookieIssuer::write_reply(Instant now, const Endpoint& from,
                               MacedMessage<const std::byte> message,
                               std::span<const std::byte, 4> receiver, Random& random,
                               std::span<std::byte, wire::kCookieReplySize> out) {
  if (!made_ || now - *made_ >= kCookieSecretLife) {
    random.fill(secret_.bytes());
    made_ = now;
  }
  const wire::CookieReplyView<std::byte> reply{out};
  wire::write_type(wire::MessageType::cookie_reply, out.first<4>());
  std::ranges::copy(receiver, reply.receiver().begin());
  random.fill(reply.nonce());
  const crypto::Mac cookie = cookie_for(from);
  crypto::seal_cookie(keys_.cookie, reply.nonce(), message.mac1(), cookie, reply.sealed_cookie());
}

CookieJar::CookieJar(const PublicKey& theirs) : keys_(MacKeys::of(theirs)) {}

void CookieJar::add_macs(Instant now, MacedMessage<std::byte> message) {
  last_mac1_ = crypto::mac(keys_.mac1, message.before_mac1());
  std::ranges::copy(*last_mac1_, message.mac1().begin());
  crypto::Mac mac2{};
  if (taken_ && now - *taken_ < kCookieUse) mac2 = crypto::mac(cookie_, message.before_mac2());
  std::ranges::copy(mac2, message.mac2().begin());
}

bool CookieJar::take_reply(Instant now, wire::CookieReply reply) {
  if (!last_mac1_) return false;
  crypto::Mac cookie{};
  if (!crypto::open_cookie(keys_.cookie, reply.nonce(), *last_mac1_, reply.sealed_cookie(), cookie))
    return false;
  cookie_ = cookie;
  taken_ = now;
  last_mac1_.reset();
  return true;
}

}  // namespace wgscope::noise
