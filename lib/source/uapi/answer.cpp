#include "wgscope/source/uapi/answer.hpp"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <system_error>

#include <fmt/core.h>

#include "wgscope/base/result.hpp"
#include "wgscope/base/secret.hpp"
#include "wgscope/base/text.hpp"
#include "wgscope/base/time.hpp"
#include "wgscope/crypto/x25519.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/model/device.hpp"
#include "wgscope/model/public_key.hpp"

namespace wgscope::uapi {
namespace {

using std::chrono::years;

/// What stands for no preshared key.
constexpr std::string_view kNoKey =
    "0000000000000000000000000000000000000000000000000000000000000000";

tl::unexpected<Error> bad_value(std::string_view key) {
  return fail(Errc::bad_value, fmt::format("the answer has a malformed value for {}", key));
}

/// Removes `key` and its '=' from the front, if they are there.
template <std::size_t kSize>
bool take_key(std::string_view& line, const char (&key)[kSize]) {
  // The '=' stands in the place of the literal's NUL.
  constexpr std::size_t kLength = kSize - 1;
  if (line.size() <= kLength || line[kLength] != '=' || std::memcmp(line.data(), key, kLength) != 0)
    return false;
  line.remove_prefix(kSize);
  return true;
}

template <class T>
Result<> number(std::string_view key, std::string_view text, T& out) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (error != std::errc{} || end != text.data() + text.size()) return bad_value(key);
  return {};
}

}  // namespace

Result<std::size_t> AnswerReader::feed(std::span<const char> bytes) {
  std::size_t used = 0;
  while (used < bytes.size()) {
    if (state_ == State::done) return fail(Errc::truncated, "the answer continues after its end");
    const char* start = bytes.data() + used;
    const std::size_t left = bytes.size() - used;
    const auto* newline =
        static_cast<const char*>(std::memchr(start, '\n', std::min(left, kMaxLineSize)));
    if (newline == nullptr) {
      if (left >= kMaxLineSize)
        return fail(Errc::too_large,
                    fmt::format("the answer has a line of more than {} bytes", kMaxLineSize));
      break;
    }
    const auto length = static_cast<std::size_t>(newline - start);
    if (auto read = line({start, length}); !read) return tl::unexpected(read.error());
    used += length + 1;
  }
  return used;
}

Result<> AnswerReader::line(std::string_view text) {
  if (state_ == State::blank_line) {
    if (!text.empty()) return fail(Errc::bad_value, "the answer continues after its errno");
    state_ = State::done;
    return {};
  }
  if (!device_->peers.empty()) return peer_line(text);
  return device_line(text);
}

Result<> AnswerReader::device_line(std::string_view text) {
  if (take_key(text, "private_key")) return private_key(text);
  if (take_key(text, "own_public_key")) return own_public_key(text);
  if (take_key(text, "listen_port")) return number("listen_port", text, device_->listen_port);
  if (take_key(text, "fwmark")) return number("fwmark", text, device_->fwmark);
  return other_line(text);
}

Result<> AnswerReader::peer_line(std::string_view text) {
  if (spoiled_ && !text.starts_with("public_key=") && !text.starts_with("errno=")) return {};
  auto read = peer_value(text);
  // A value that cannot be what it says is no reason to show none of the others' peers. What is not
  // even a value, or too much, is: nothing in such an answer can be trusted.
  const bool is_value = text.find('=') != std::string_view::npos;
  if (read || read.error().code != Errc::bad_value || !is_value) return read;
  if (text.starts_with("public_key=") || text.starts_with("errno=")) return read;
  spoiled_ = true;
  if (fault_.empty()) fault_ = read.error().context;
  return {};
}

/// The most frequent keys come first: there are ten lines for each peer.
Result<> AnswerReader::peer_value(std::string_view text) {
  Peer& peer = device_->peers.back();
  if (take_key(text, "allowed_ip")) return allowed_ip(text);
  if (take_key(text, "tx_bytes")) return number("tx_bytes", text, peer.transmit_bytes);
  if (take_key(text, "rx_bytes")) return number("rx_bytes", text, peer.receive_bytes);
  if (take_key(text, "endpoint")) return endpoint(text);
  if (take_key(text, "last_handshake_time_sec"))
    return number("last_handshake_time_sec", text, handshake_seconds_);
  if (take_key(text, "last_handshake_time_nsec"))
    return number("last_handshake_time_nsec", text, handshake_nanoseconds_);
  if (take_key(text, "preshared_key")) return preshared_key(text);
  if (take_key(text, "persistent_keepalive_interval"))
    return number("persistent_keepalive_interval", text, peer.persistent_keepalive_seconds);
  if (take_key(text, "protocol_version"))
    return number("protocol_version", text, peer.protocol_version);
  return other_line(text);
}

Result<> AnswerReader::other_line(std::string_view text) {
  if (take_key(text, "public_key")) return begin_peer(text);
  if (take_key(text, "errno")) return end(text);
  if (text.find('=') == std::string_view::npos)
    return fail(Errc::bad_value, "the answer has a line that is not key=value");
  return {};  // other implementations may say more
}

Result<> AnswerReader::end(std::string_view value) {
  std::int64_t error = 0;
  if (auto read = number("errno", value, error); !read) return read;
  if (error != 0) return fail(Errc::refused, fmt::format("the daemon answered errno={}", error));
  state_ = State::blank_line;
  finish_peer();
  return {};
}

Result<> AnswerReader::allowed_ip(std::string_view value) {
  const auto prefix = Prefix::parse(value);
  if (!prefix) return bad_value("allowed_ip");
  if (device_->allowed_ips.size() >= kMaxAllowedIps)
    return fail(Errc::too_large, fmt::format("over {} allowed IPs", kMaxAllowedIps));
  device_->add_allowed_ip(device_->peers.size() - 1, *prefix);
  return {};
}

Result<> AnswerReader::endpoint(std::string_view value) {
  const auto endpoint = Endpoint::parse(value);
  if (!endpoint) return bad_value("endpoint");
  device_->peers.back().endpoint = *endpoint;
  return {};
}

Result<> AnswerReader::preshared_key(std::string_view value) {
  const bool has_key = value != kNoKey;
  device_->peers.back().has_preshared_key = has_key;
  Secret<32> checked;
  if (has_key && !decode_hex(value, checked.bytes())) return bad_value("preshared_key");
  return {};
}

Result<> AnswerReader::begin_peer(std::string_view hex) {
  finish_peer();
  if (device_->peers.size() >= kMaxPeers)
    return fail(Errc::too_large, fmt::format("over {} peers", kMaxPeers));
  const auto key = PublicKey::from_hex(hex);
  if (!key) return bad_value("public_key");
  device_->peers.emplace_back().public_key = *key;
  return {};
}

/// Takes the last peer as it is, or leaves it out.
void AnswerReader::finish_peer() {
  const std::int64_t seconds = handshake_seconds_;
  const std::int64_t nanoseconds = handshake_nanoseconds_;
  handshake_seconds_ = 0;
  handshake_nanoseconds_ = 0;
  if (device_->peers.empty()) return;
  constexpr std::int64_t kMostSeconds = INT64_MAX / 1'000'000'000 - 1;
  if (seconds < 0 || seconds > kMostSeconds || nanoseconds < 0 || nanoseconds >= 1'000'000'000) {
    spoiled_ = true;
    if (fault_.empty()) fault_ = bad_value("last_handshake_time").value().context;
  }
  if (spoiled_) {
    spoiled_ = false;
    ++left_out_;
    device_->remove_last_peer();
    return;
  }
  if (seconds == 0 && nanoseconds == 0) return;
  WallTime time{std::chrono::seconds(seconds) + Nanoseconds(nanoseconds)};
  // BoringTun gives the age. No host that knows it is past 1990 had a handshake before 1980.
  Peer& peer = device_->peers.back();
  peer.handshake_from_age = now_.since_epoch > years(20) && time.since_epoch < years(10);
  if (peer.handshake_from_age) time = WallTime{now_.since_epoch - time.since_epoch};
  peer.last_handshake = time;
}

Result<> AnswerReader::own_public_key(std::string_view hex) {
  const auto key = PublicKey::from_hex(hex);
  if (!key) return bad_value("own_public_key");
  device_->public_key = *key;
  return {};
}

Result<> AnswerReader::private_key(std::string_view hex) {
  Secret<32> key;
  if (!decode_hex(hex, key.bytes())) return bad_value("private_key");
  const bool unset = std::all_of(key.bytes().begin(), key.bytes().end(),
                                 [](std::byte b) { return b == std::byte{0}; });
  if (unset) return {};
  const auto derived = crypto::derive_public_key(key);
  if (!derived) return tl::unexpected(derived.error());
  device_->public_key = PublicKey{*derived};
  return {};
}

}  // namespace wgscope::uapi
