#include "wgscope/inner/throughput.hpp"

#include <algorithm>
#include <cassert>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "wgscope/base/bytes.hpp"
#include "wgscope/base/time.hpp"
#include "wgscope/inner/host.hpp"
#include "wgscope/wire/udp.hpp"

namespace wgscope::inner {
namespace {

constexpr std::chrono::milliseconds kMostLate{20};
constexpr std::uint64_t kNanosecondsPerSecond = 1'000'000'000;
// Faster than anything; a datagram then still takes some nanoseconds, so that time goes on.
constexpr std::uint64_t kHighestRate = 100'000'000'000;
// What a forged time of sending can do to the jitter at most.
constexpr Nanoseconds kMostChange = std::chrono::hours{1};

}  // namespace

std::optional<StreamHeader> StreamHeader::parse(std::span<const std::byte> payload) {
  if (payload.size() < kSize) return std::nullopt;
  const auto header = payload.first<kSize>();
  if (load_be32(header.first<4>()) != kMagic) return std::nullopt;
  const std::uint64_t sent = load_be64(header.subspan<16, 8>());
  if (sent > INT64_MAX / 2) return std::nullopt;  // differences of two must not overflow
  return StreamHeader{load_be32(header.subspan<4, 4>()), load_be64(header.subspan<8, 8>()),
                      Nanoseconds{static_cast<std::int64_t>(sent)}};
}

void StreamHeader::write(std::span<std::byte, kSize> to) const {
  store_be32(to.first<4>(), kMagic);
  store_be32(to.subspan<4, 4>(), stream);
  store_be64(to.subspan<8, 8>(), sequence);
  store_be64(to.subspan<16, 8>(), static_cast<std::uint64_t>(sent.count()));
}

PacedSender::PacedSender(Instant now, Host& host, StreamOptions options)
    : host_(&host),
      options_(options),
      payload_(std::max(options.payload_size, StreamHeader::kSize)),
      packet_bits_(8 * wire::udp_packet_size(options.to.address.family, payload_.size())),
      start_(now),
      end_(now + options.duration),
      next_(now) {
  assert(options.bits_per_second > 0);
  options_.bits_per_second = std::min(options.bits_per_second, kHighestRate);
}

std::optional<Instant> PacedSender::next_timeout() const {
  if (done()) return std::nullopt;
  return next_;
}

void PacedSender::handle_timeout(Instant now) {
  while (!done() && next_ <= now) {
    if (now - next_ > kMostLate)
      ++sent_.left_out;
    else
      send(now);
    advance();
  }
}

void PacedSender::send(Instant now) {
  StreamHeader{options_.stream, sequence_++, now - start_}.write(
      std::span(payload_).first<StreamHeader::kSize>());
  if (!host_->send_udp({options_.to, options_.from_port}, payload_)) {
    ++sent_.refused;
    return;
  }
  ++sent_.packets;
  sent_.bytes += packet_bits_ / 8;
}

/// To the time of the next one, fractions of nanoseconds carried on.
void PacedSender::advance() {
  const std::uint64_t units = packet_bits_ * kNanosecondsPerSecond + remainder_;
  remainder_ = units % options_.bits_per_second;
  next_ = next_ + Nanoseconds{static_cast<std::int64_t>(units / options_.bits_per_second)};
}

bool StreamReceiver::handle_datagram(Instant at, std::span<const std::byte> payload,
                                     std::size_t packet_size) {
  const auto header = StreamHeader::parse(payload);
  if (!header || header->stream != stream_) return false;
  if (header->sequence >= next_ && header->sequence - next_ > kLongestJump) return false;
  const bool late = header->sequence < next_;
  if (!is_new(header->sequence)) {
    ++report_.duplicates;
    return true;
  }
  if (report_.received++ == 0) {
    first_ = at;
    first_size_ = packet_size;
  }
  last_ = at;
  report_.bytes += packet_size;
  if (late) ++report_.reordered;
  measure_jitter(at, header->sent);
  return true;
}

bool StreamReceiver::is_new(std::uint64_t sequence) {
  if (sequence < next_) {
    if (next_ - sequence > kWindow) return true;
    const bool seen = seen_[sequence % kWindow];
    seen_[sequence % kWindow] = true;
    return !seen;
  }
  if (sequence - next_ >= kWindow)
    seen_.reset();
  else
    for (std::uint64_t skipped = next_; skipped < sequence; ++skipped)
      seen_[skipped % kWindow] = false;
  seen_[sequence % kWindow] = true;
  next_ = sequence + 1;
  return true;
}

void StreamReceiver::measure_jitter(Instant at, Nanoseconds sent) {
  const Nanoseconds transit = at.since_boot - sent;
  if (transit_) {
    const Nanoseconds change = std::min(std::chrono::abs(transit - *transit_), kMostChange);
    jitter_times_16_ += change.count() - (jitter_times_16_ + 8) / 16;
  }
  transit_ = transit;
}

StreamReport StreamReceiver::report() const {
  StreamReport report = report_;
  report.lost = next_ > report.received ? next_ - report.received : 0;
  report.jitter = Nanoseconds{jitter_times_16_ / 16};
  if (report.received < 2) return report;
  report.duration = last_ - first_;
  if (const double seconds = std::chrono::duration<double>(*report.duration).count(); seconds > 0)
    report.bits_per_second =
        static_cast<std::uint64_t>(8.0 * static_cast<double>(report.bytes - first_size_) / seconds);
  return report;
}

}  // namespace wgscope::inner
