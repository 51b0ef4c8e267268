#include "exporter/exposition/gzip.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <utility>

#include <isa-l/igzip_lib.h>

#include "exporter/exposition/output.hpp"

namespace wgscope::exporter {

struct GzipSink::State {
  static constexpr std::size_t kOutSize = 64UL * 1024;

  isal_zstream stream;
  std::array<std::uint8_t, ISAL_DEF_LVL1_DEFAULT> level_buffer;
  std::array<std::uint8_t, kOutSize> out;
};

struct GzipSink::Spare {
  std::mutex mutex;
  std::unique_ptr<State> state;
};

GzipSink::Spare GzipSink::spare_;

std::unique_ptr<GzipSink::State> GzipSink::take_state() {
  const std::lock_guard lock(spare_.mutex);
  return spare_.state ? std::move(spare_.state) : std::make_unique_for_overwrite<State>();
}

namespace {

// A family's line takes some 110 bytes, so that a key recurs within deflate's 32 KiB (RFC 1951 §2)
// for up to 300 peers.
constexpr std::size_t kManyPeers = 400;
constexpr std::uint16_t kNearBits = 13;  // 8 KiB

}  // namespace

GzipSink::GzipSink(Sink& next, std::size_t peers) : next_(&next), state_(take_state()) {
  isal_deflate_init(&state_->stream);
  state_->stream.level = 1;
  state_->stream.level_buf = state_->level_buffer.data();
  state_->stream.level_buf_size = static_cast<std::uint32_t>(state_->level_buffer.size());
  state_->stream.gzip_flag = IGZIP_GZIP;
  state_->stream.flush = NO_FLUSH;
  if (peers >= kManyPeers) state_->stream.hist_bits = kNearBits;
}

GzipSink::~GzipSink() {
  const std::lock_guard lock(spare_.mutex);
  spare_.state = std::move(state_);
}

bool GzipSink::write(std::span<const char> piece) { return deflate(piece, false); }

bool GzipSink::finish() { return deflate({}, true); }

bool GzipSink::deflate(std::span<const char> piece, bool last) {
  isal_zstream& stream = state_->stream;
  // ISA-L takes its input as non-const, and does not write to it.
  stream.next_in = reinterpret_cast<std::uint8_t*>(const_cast<char*>(piece.data()));
  stream.avail_in = static_cast<std::uint32_t>(piece.size());
  stream.end_of_stream = last ? 1 : 0;
  do {
    stream.next_out = state_->out.data();
    stream.avail_out = static_cast<std::uint32_t>(state_->out.size());
    if (isal_deflate(&stream) != COMP_OK) return false;
    const std::size_t made = state_->out.size() - stream.avail_out;
    const char* text = reinterpret_cast<const char*>(state_->out.data());
    if (made != 0 && !next_->write({text, made})) return false;
  } while (stream.avail_out == 0 || stream.avail_in != 0);
  return true;
}

}  // namespace wgscope::exporter
