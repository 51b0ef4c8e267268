#include "remote_write.hpp"

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace wgscope::test {
namespace {

// A NaN that is not any other.
constexpr std::uint64_t kStaleMarker = 0x7ff0000000000002;

void put_varint(std::string& out, std::uint64_t value) {
  for (; value > 0x7f; value >>= 7) out += static_cast<char>(value | 0x80);
  out += static_cast<char>(value);
}

template <class Integer>
void put_little_endian(std::string& out, Integer value) {
  for (std::size_t i = 0; i < sizeof value; ++i) out += static_cast<char>(value >> (8 * i));
}

// Protocol Buffers: a key is the field's number and the form of what follows.
enum Form : std::uint8_t { kVarint = 0, kFixed64 = 1, kBytes = 2 };

void put_key(std::string& out, std::uint32_t field, Form form) {
  put_varint(out, field << 3 | form);
}

void put_bytes(std::string& out, std::uint32_t field, std::string_view bytes) {
  put_key(out, field, kBytes);
  put_varint(out, bytes.size());
  out += bytes;
}

std::string sample_message(const TimedValue& value) {
  std::string message;
  put_key(message, 1, kFixed64);
  put_little_endian(message,
                    value.value ? std::bit_cast<std::uint64_t>(*value.value) : kStaleMarker);
  put_key(message, 2, kVarint);
  put_varint(message, static_cast<std::uint64_t>(value.milliseconds));
  return message;
}

std::string series_message(const TimeSeries& series) {
  std::string message;
  for (const auto& [name, value] : series.labels) {
    std::string label;
    put_bytes(label, 1, name);
    put_bytes(label, 2, value);
    put_bytes(message, 1, label);
  }
  for (const TimedValue& value : series.values) put_bytes(message, 2, sample_message(value));
  return message;
}

// Valid, and not smaller: everything is a literal.
std::string snappy_uncompressed(std::string_view data) {
  constexpr std::size_t kLongest = 65536;
  constexpr char kTwoBytesOfLength = '\xf4';  // 61 << 2
  std::string out;
  put_varint(out, data.size());
  while (!data.empty()) {
    const std::string_view literal = data.substr(0, kLongest);
    out += kTwoBytesOfLength;
    put_little_endian(out, static_cast<std::uint16_t>(literal.size() - 1));
    out += literal;
    data.remove_prefix(literal.size());
  }
  return out;
}

}  // namespace

std::string remote_write_body(std::span<const TimeSeries> series) {
  std::string request;
  for (const TimeSeries& one : series) put_bytes(request, 1, series_message(one));
  return snappy_uncompressed(request);
}

}  // namespace wgscope::test
