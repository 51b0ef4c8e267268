#pragma once

#include <cassert>
#include <cstddef>
#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace wgscope::exporter {

/// Where finished pieces of an exposition go: a socket, a compressor, a string.
class Sink {
 public:
  Sink() = default;
  Sink(const Sink&) = delete;
  Sink& operator=(const Sink&) = delete;
  virtual ~Sink() = default;

  /// Takes one piece; it is not retained.
  /// @returns false when the rest is not wanted, for example because the client has gone.
  virtual bool write(std::span<const char> piece) = 0;
};

/// Collects everything in memory: for tests and for small answers.
class StringSink final : public Sink {
 public:
  bool write(std::span<const char> piece) override {
    text.append(piece.data(), piece.size());
    return true;
  }
  std::string text;
};

/// The buffer between the writer and a sink. Text is written in place and handed on in pieces of
/// bounded size, so a hundred thousand peers need no more memory than ten.
class Output {
 public:
  /// What ISA-L compresses best at a time, and little enough for many scrapes at once.
  static constexpr std::size_t kPieceSize = 128UL * 1024;

  explicit Output(Sink& sink)
      : sink_(&sink), buffer_(std::make_unique_for_overwrite<char[]>(kPieceSize)) {}

  /// Room for `size` more characters, which commit() then claims up to its end. For lines of known
  /// parts: a netns given as the longest path there is, each byte escaped, fills a fifth of a
  /// piece. Names, which have no bound, are appended.
  char* reserve(std::size_t size) {
    assert(size <= kPieceSize);
    if (kPieceSize - used_ < size) flush();
    return buffer_.get() + used_;
  }
  void commit(const char* end) { used_ = static_cast<std::size_t>(end - buffer_.get()); }

  void append(std::string_view text);

  /// Hands on what is there. Once a sink has refused, everything is discarded.
  void flush();

  [[nodiscard]] bool refused() const { return refused_; }

 private:
  Sink* sink_;
  std::unique_ptr<char[]> buffer_;
  std::size_t used_ = 0;
  bool refused_ = false;
};

}  // namespace wgscope::exporter
