#pragma once

#include <cstddef>
#include <memory>
#include <span>

#include "exporter/exposition/output.hpp"

namespace wgscope::exporter {

/// Compresses what is written to it into one gzip member (RFC 1952) and hands that on in bounded
/// pieces. ISA-L at level 1: the size of zlib's level 6 for text like ours, at a tenth of its cost.
class GzipSink final : public Sink {
 public:
  /// @param peers  how many the text is of. Each family names their keys again, and those of few
  /// are near enough to be found there; with many, looking a quarter as far back finds what there
  /// is sooner.
  GzipSink(Sink& next, std::size_t peers);
  GzipSink(const GzipSink&) = delete;
  GzipSink& operator=(const GzipSink&) = delete;
  ~GzipSink() override;

  bool write(std::span<const char> piece) override;

  /// Ends the member; nothing may be written after it. @returns as write().
  bool finish();

 private:
  struct State;
  /// One answer's memory, kept for the next: a hundred page faults an answer cost more than
  /// compressing a thousand peers. Answers at the same time make their own.
  struct Spare;

  static std::unique_ptr<State> take_state();
  bool deflate(std::span<const char> piece, bool last);

  static Spare spare_;

  Sink* next_;
  std::unique_ptr<State> state_;
};

}  // namespace wgscope::exporter
