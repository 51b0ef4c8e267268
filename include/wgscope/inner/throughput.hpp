#pragma once

#include <bitset>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "wgscope/base/time.hpp"
#include "wgscope/inner/host.hpp"
#include "wgscope/model/address.hpp"

namespace wgscope::inner {

/// The first bytes of every datagram of a stream, all big-endian. The rest of it is padding.
struct StreamHeader {
  static constexpr std::size_t kSize = 24;
  static constexpr std::uint32_t kMagic = 0x77677331;  // "wgs1"

  std::uint32_t stream = 0;
  std::uint64_t sequence = 0;
  Nanoseconds sent{};  ///< time since the stream began, by the sender's clock

  static std::optional<StreamHeader> parse(std::span<const std::byte> payload);
  void write(std::span<std::byte, kSize> to) const;
};

struct StreamOptions {
  Endpoint to;
  std::uint16_t from_port = 0;
  std::uint32_t stream = 0;  ///< random, which tells packets of earlier streams apart
  /// Rate of inner packets including their headers; 1 to 10^11.
  std::uint64_t bits_per_second = 1'000'000;
  std::size_t payload_size = 1200;  ///< bytes of UDP payload; at least StreamHeader::kSize
  Nanoseconds duration = std::chrono::seconds{5};
};

struct StreamSent {
  std::uint64_t packets = 0;
  std::uint64_t bytes = 0;     ///< bytes of inner packets
  std::uint64_t refused = 0;   ///< numbered, but dropped here because the queue was full
  std::uint64_t left_out = 0;  ///< not numbered: handle_timeout() was called too late
};

/// Sends numbered datagrams at a constant rate.
class PacedSender {
 public:
  /// @param host  must outlive this object.
  PacedSender(Instant now, Host& host, StreamOptions options);

  /// When the next datagram is due; nothing: all were sent.
  [[nodiscard]] std::optional<Instant> next_timeout() const;
  /// Sends the datagrams that are due. Those over 20 ms late are left out, not sent in a burst.
  void handle_timeout(Instant now);
  [[nodiscard]] bool done() const { return next_ >= end_; }
  [[nodiscard]] const StreamSent& sent() const { return sent_; }

 private:
  void send(Instant now);
  void advance();

  Host* host_;
  StreamOptions options_;
  std::vector<std::byte> payload_;
  std::uint64_t packet_bits_;
  Instant start_;
  Instant end_;
  Instant next_;
  std::uint64_t remainder_ = 0;  ///< remainder of the last division by the rate
  std::uint64_t sequence_ = 0;
  StreamSent sent_;
};

struct StreamReport {
  std::uint64_t received = 0;  ///< datagrams without duplicates
  std::uint64_t lost = 0;      ///< numbers missing below the highest one seen
  std::uint64_t duplicates = 0;
  std::uint64_t reordered = 0;                   ///< arrived after one with a higher number
  std::uint64_t bytes = 0;                       ///< bytes of inner packets without duplicates
  Nanoseconds jitter{};                          ///< interarrival jitter, RFC 3550 §6.4.1
  std::optional<Nanoseconds> duration;           ///< first to last datagram; nothing below two
  std::optional<std::uint64_t> bits_per_second;  ///< over `duration`, without the first datagram

  /// How many of the datagrams sent did not arrive, including the last ones.
  [[nodiscard]] std::uint64_t lost_of(std::uint64_t sent) const {
    return sent > received ? sent - received : 0;
  }
};

/// Counts the datagrams of one stream as they arrive.
class StreamReceiver {
 public:
  explicit StreamReceiver(std::uint32_t stream) : stream_(stream) {}

  /// @param packet_size  bytes of the inner packet that carried the datagram.
  /// @returns false for a datagram that does not belong to this stream.
  bool handle_datagram(Instant at, std::span<const std::byte> payload, std::size_t packet_size);

  [[nodiscard]] StreamReport report() const;

 private:
  // A duplicate of a datagram more than this many numbers back counts as a new datagram.
  static constexpr std::size_t kWindow = 8192;
  // A number further ahead than this means a broken or forged datagram, not a loss.
  static constexpr std::uint64_t kLongestJump = 100'000'000;

  bool is_new(std::uint64_t sequence);
  void measure_jitter(Instant at, Nanoseconds sent);

  std::uint32_t stream_;
  std::bitset<kWindow> seen_;  ///< indexed by number modulo kWindow
  std::uint64_t next_ = 0;     ///< one above the highest number seen
  StreamReport report_;
  std::size_t first_size_ = 0;
  Instant first_;
  Instant last_;
  std::optional<Nanoseconds> transit_;  ///< of the last datagram, including the clocks' difference
  std::int64_t jitter_times_16_ = 0;
};

}  // namespace wgscope::inner
