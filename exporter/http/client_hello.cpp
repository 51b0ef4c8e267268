#include "exporter/http/client_hello.hpp"

#include <algorithm>
#include <cstddef>
#include <string_view>

namespace wgscope::exporter::http {
namespace {

constexpr std::size_t kRecordHeader = 5;     // type, version, length
constexpr std::size_t kHandshakeHeader = 4;  // type, length
constexpr unsigned char kHandshakeRecord = 22;
constexpr unsigned char kClientHello = 1;
constexpr unsigned char kMajorVersion = 3;  // of all versions from SSL 3.0 to TLS 1.3

unsigned char byte_at(std::string_view bytes, std::size_t at) {
  return static_cast<unsigned char>(bytes[at]);
}

/// Methods are capital letters (RFC 9110 §9), and none is as long as this.
bool looks_like_http(std::string_view bytes) {
  constexpr std::size_t kLongestMethod = 32;
  const std::string_view method = bytes.substr(0, std::min(bytes.find(' '), bytes.size()));
  return method.size() <= kLongestMethod &&
         std::ranges::all_of(method, [](char c) { return c >= 'A' && c <= 'Z'; });
}

}  // namespace

HelloState judge_client_hello(std::string_view bytes) {
  if (bytes.empty()) return HelloState::incomplete;
  if (byte_at(bytes, 0) != kHandshakeRecord)
    return looks_like_http(bytes) ? HelloState::http : HelloState::refused;
  // The length of the message stands in its first bytes, each of which may be in a record of its
  // own: so they are counted over the records.
  std::size_t wanted = kHandshakeHeader;
  std::size_t seen = 0;
  for (std::size_t at = 0;;) {
    const std::string_view rest = bytes.substr(at);
    if (!rest.empty() && byte_at(rest, 0) != kHandshakeRecord) return HelloState::refused;
    if (rest.size() > 1 && byte_at(rest, 1) != kMajorVersion) return HelloState::refused;
    if (rest.size() < kRecordHeader)
      return bytes.size() < kMaxClientHello ? HelloState::incomplete : HelloState::refused;
    const std::size_t length = byte_at(rest, 3) * 256U + byte_at(rest, 4);
    if (length == 0) return HelloState::refused;
    const std::string_view payload = rest.substr(kRecordHeader, length);
    for (std::size_t i = 0; i < payload.size() && seen + i < kHandshakeHeader; ++i) {
      const std::size_t value = byte_at(payload, i);
      if (seen + i == 0 && value != kClientHello) return HelloState::refused;
      if (seen + i > 0) wanted += value << (8 * (kHandshakeHeader - 1 - (seen + i)));
    }
    seen += payload.size();
    if (wanted > kMaxClientHello) return HelloState::refused;
    if (seen >= kHandshakeHeader && seen >= wanted) return HelloState::whole;
    if (payload.size() < length)
      return bytes.size() < kMaxClientHello ? HelloState::incomplete : HelloState::refused;
    at += kRecordHeader + length;
  }
}

}  // namespace wgscope::exporter::http
