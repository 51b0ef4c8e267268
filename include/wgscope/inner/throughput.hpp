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

/// What stands at the front of every datagram of a stream; the rest is filling. All big-endian.
struct StreamHeader {
  static constexpr std::size_t kSize = 24;
  static constexpr std::uint32_t kMagic = 0x77677331;  // "wgs1"

  std::uint32_t stream = 0;
  std::uint64_t sequence = 0;
  Nanoseconds sent{};  ///< since the stream began, on the sender's clock

  static std::optional<StreamHeader> parse(std::span<const std::byte> payload);
  void write(std::span<std::byte, kSize> to) const;
};

struct StreamOptions {
  Endpoint to;
  std::uint16_t from_port = 0;
  std::uint32_t stream = 0;  ///< random, so that packets of earlier streams are recognised
  std::uint64_t bits_per_second =
      1'000'000;                    ///< of inner packets, their headers included; 1 to 10^11
  std::size_t payload_size = 1200;  ///< bytes of UDP; at least StreamHeader::kSize
  Nanoseconds duration = std::chrono::seconds{5};
};

struct StreamSent {
  std::uint64_t packets = 0;
  std::uint64_t bytes = 0;     ///< of inner packets
  std::uint64_t refused = 0;   ///< numbered and due, but the queue was full: lost before it left
  std::uint64_t left_out = 0;  ///< not numbered: we were called too late to send them in time
};

/// Sends numbered datagrams at an even rate.
class PacedSender {
 public:
  /// @param host  outlives this object.
  PacedSender(Instant now, Host& host, StreamOptions options);

  /// Due when the next datagram is; nothing when all are sent.
  [[nodiscard]] std::optional<Instant> next_timeout() const;
  /// Sends what is due. What is more than 20 ms late is left out rather than sent in a burst.
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
  std::uint64_t remainder_ = 0;  ///< of the last division by the rate
  std::uint64_t sequence_ = 0;
  StreamSent sent_;
};

struct StreamReport {
  std::uint64_t received = 0;  ///< different datagrams
  std::uint64_t lost = 0;      ///< missing below the highest number seen
  std::uint64_t duplicates = 0;
  std::uint64_t reordered = 0;                   ///< came after one with a higher number
  std::uint64_t bytes = 0;                       ///< of inner packets, duplicates left out
  Nanoseconds jitter{};                          ///< interarrival jitter, RFC 3550 §6.4.1
  std::optional<Nanoseconds> duration;           ///< first to last; absent below two
  std::optional<std::uint64_t> bits_per_second;  ///< over that; the first datagram left out

  /// What is missing of all that was sent, the last ones too.
  [[nodiscard]] std::uint64_t lost_of(std::uint64_t sent) const {
    return sent > received ? sent - received : 0;
  }
};

/// Takes the datagrams of one stream.
class StreamReceiver {
 public:
  explicit StreamReceiver(std::uint32_t stream) : stream_(stream) {}

  /// @param packet_size  bytes of the inner packet that brought it.
  /// @returns false for a datagram that does not belong to this stream.
  bool handle_datagram(Instant at, std::span<const std::byte> payload, std::size_t packet_size);

  [[nodiscard]] StreamReport report() const;

 private:
  // Duplicates of what is older than this many numbers are taken for new.
  static constexpr std::size_t kWindow = 8192;
  // A jump beyond this is a broken or forged datagram, not a loss.
  static constexpr std::uint64_t kLongestJump = 100'000'000;

  bool is_new(std::uint64_t sequence);
  void measure_jitter(Instant at, Nanoseconds sent);

  std::uint32_t stream_;
  std::bitset<kWindow> seen_;  ///< by number modulo its size
  std::uint64_t next_ = 0;     ///< above all numbers seen
  StreamReport report_;
  std::size_t first_size_ = 0;
  Instant first_;
  Instant last_;
  std::optional<Nanoseconds> transit_;  ///< of the last one; the clocks' difference is in it
  std::int64_t jitter_times_16_ = 0;
};

}  // namespace wgscope::inner
