#include "exporter/exposition/gzip.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <random>
#include <string>
#include <string_view>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "exporter/exposition/output.hpp"
#include "http.hpp"
#include "sinks.hpp"

namespace wgscope::exporter {
namespace {

using ::testing::AllOf;
using ::testing::Each;
using ::testing::Ge;
using ::testing::Le;
using ::testing::SizeIs;

constexpr std::size_t kMostInOnePiece = 64UL * 1024;

std::string metrics_text(std::size_t size) {
  std::mt19937_64 random(1);
  std::string text;
  while (text.size() < size)
    text += fmt::format(
        "wireguard_peer_receive_bytes_total{{interface=\"wg0\",public_key=\"{:016x}{:016x}{:011x}="
        "\"}} {}\n",
        random(), random(), random() >> 20U, random() >> 30U);
  text.resize(size);
  return text;
}

std::string noise(std::size_t size) {
  std::mt19937_64 random(size);
  std::string text(size, '\0');
  std::generate(text.begin(), text.end(), [&] { return static_cast<char>(random()); });
  return text;
}

constexpr std::size_t kFewPeers = 10;
constexpr std::size_t kManyPeers = 10'000;

/// Compresses `text` written in pieces of `piece` bytes.
std::string zipped(std::string_view text, std::size_t piece, std::size_t peers = kFewPeers) {
  PieceSink sink;
  GzipSink gzip(sink, peers);
  for (std::size_t at = 0; at < text.size(); at += piece)
    EXPECT_TRUE(gzip.write(text.substr(at, piece)));
  EXPECT_TRUE(gzip.finish());
  EXPECT_THAT(sink.pieces, Each(SizeIs(AllOf(Ge(1U), Le(kMostInOnePiece)))));
  return sink.text();
}

void expect_round_trip(std::string_view text, std::size_t piece) {
  for (const std::size_t peers : {kFewPeers, kManyPeers}) {
    const std::string compressed = zipped(text, piece, peers);
    std::string back;
    ASSERT_NO_THROW(back = test::gunzip(compressed))
        << text.size() << " bytes in pieces of " << piece;
    // Not EXPECT_EQ: it would print megabytes.
    EXPECT_TRUE(back == text) << text.size() << " bytes in pieces of " << piece;
  }
}

TEST(GzipSink, CompressesNothingToAWholeMember) {
  expect_round_trip("", 1);
  EXPECT_THAT(zipped("", 1), SizeIs(Ge(18U))) << "header and trailer";
}

TEST(GzipSink, GivesBackTextOfAnySize) {
  for (const std::size_t size : {1UL, 2UL, 100UL, 4096UL, 65535UL, 65536UL, 65537UL, 1UL << 20U}) {
    expect_round_trip(metrics_text(size), Output::kPieceSize);
    expect_round_trip(noise(size), Output::kPieceSize);
    expect_round_trip(std::string(size, 'a'), Output::kPieceSize);
  }
}

TEST(GzipSink, GivesBackWhatCameInPiecesOfAnySize) {
  for (const std::size_t piece : {1UL, 7UL, 1000UL, 65536UL, 100'000UL}) {
    expect_round_trip(metrics_text(piece == 1 ? 5000 : 500'000), piece);
    expect_round_trip(noise(piece == 1 ? 5000 : 500'000), piece);
  }
}

TEST(GzipSink, IsWholeWhereverTheLastPieceOfOutputEnds) {
  // The trailer must come also when the output buffer is full, or nearly so, where the data end.
  for (std::size_t size = 65'300; size < 65'560; ++size)
    expect_round_trip(noise(size), Output::kPieceSize);
}

TEST(GzipSink, Compresses10MegabytesOfMetricsAsSmallAsZlib) {
  constexpr std::size_t kSize = 10U << 20U;
  const std::string text = metrics_text(kSize);
  const std::string compressed = zipped(text, Output::kPieceSize, kManyPeers);
  EXPECT_TRUE(test::gunzip(compressed) == text);
  EXPECT_LT(compressed.size(), kSize / 2);
}

TEST(GzipSink, FindsTheKeysOf200PeersAgainInTheNextFamily) {
  const std::string family = metrics_text(200UL * 130);
  const std::string once = zipped(family, Output::kPieceSize, 200);
  const std::string twice = zipped(family + family, Output::kPieceSize, 200);
  EXPECT_LT(twice.size(), once.size() + once.size() / 4);
}

TEST(GzipSink, HandsOnWhatAnOutputGives) {
  PieceSink sink;
  GzipSink gzip(sink, kFewPeers);
  Output output(gzip);
  const std::string text = metrics_text(1'000'000);
  output.append(text);
  output.flush();
  EXPECT_TRUE(gzip.finish());
  EXPECT_TRUE(test::gunzip(sink.text()) == text);
}

TEST(GzipSink, StopsWhenTheNextSinkRefuses) {
  PieceSink sink(2);
  GzipSink gzip(sink, kFewPeers);
  Output output(gzip);
  output.append(noise(2U << 20U));
  output.flush();
  EXPECT_TRUE(output.refused());
  EXPECT_EQ(sink.asked, 3U) << "once more than it took";
  EXPECT_FALSE(gzip.finish());
}

TEST(GzipSink, SaysSoWhenTheLastPieceIsRefused) {
  PieceSink sink(0);
  GzipSink gzip(sink, kFewPeers);
  EXPECT_TRUE(gzip.write(std::string_view("short"))) << "nothing has come out yet";
  EXPECT_FALSE(gzip.finish());
}

}  // namespace
}  // namespace wgscope::exporter
