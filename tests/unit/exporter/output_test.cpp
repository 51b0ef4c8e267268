#include "exporter/exposition/output.hpp"

#include <cstddef>
#include <cstring>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sinks.hpp"

namespace wgscope::exporter {
namespace {

constexpr std::size_t kLine = 4096;

using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

std::string pattern(std::size_t size) {
  std::string text(size, '\0');
  for (std::size_t i = 0; i < size; ++i) text[i] = static_cast<char>('a' + i % 23);
  return text;
}

void put(Output& output, std::string_view text) {
  char* to = output.reserve(text.size());
  std::memcpy(to, text.data(), text.size());
  output.commit(to + text.size());
}

TEST(Output, KeepsTextUntilItIsFlushed) {
  PieceSink sink;
  Output output(sink);
  output.append("one ");
  put(output, "two");
  EXPECT_THAT(sink.pieces, IsEmpty());
  output.flush();
  EXPECT_THAT(sink.pieces, ElementsAre("one two"));
  output.flush();
  EXPECT_EQ(sink.asked, 1U) << "nothing is no piece: to HTTP it would be the end";
}

TEST(Output, HandsOnTextOfAnyLengthInPiecesOfBoundedSize) {
  for (const std::size_t size : {Output::kPieceSize - 1, Output::kPieceSize, Output::kPieceSize + 1,
                                 3 * Output::kPieceSize + 7}) {
    PieceSink sink;
    Output output(sink);
    output.append("x");
    output.append(pattern(size));
    output.flush();
    EXPECT_EQ(sink.text(), "x" + pattern(size));
    for (std::size_t i = 0; i + 1 < sink.pieces.size(); ++i)
      EXPECT_THAT(sink.pieces[i], SizeIs(Output::kPieceSize));
  }
}

TEST(Output, ReservesUpToItsLastCharacter) {
  constexpr std::size_t kRoom = 100;
  PieceSink sink;
  Output output(sink);
  output.append(pattern(Output::kPieceSize - kRoom));
  put(output, std::string(kRoom, 'x'));
  EXPECT_EQ(sink.asked, 0U) << "it fits exactly";
  put(output, "y");
  EXPECT_EQ(sink.asked, 1U);
  output.flush();
  EXPECT_EQ(sink.text(), pattern(Output::kPieceSize - kRoom) + std::string(kRoom, 'x') + "y");
}

TEST(Output, FlushesBeforeAReservationThatDoesNotFit) {
  PieceSink sink;
  Output output(sink);
  const std::string first = pattern(Output::kPieceSize - kLine + 1);
  output.append(first);
  put(output, std::string(kLine, 'x'));
  EXPECT_THAT(sink.pieces, ElementsAre(first));
  output.flush();
  EXPECT_EQ(sink.text(), first + std::string(kLine, 'x'));
}

TEST(Output, ClaimsOnlyWhatWasCommitted) {
  PieceSink sink;
  Output output(sink);
  char* to = output.reserve(1000);
  std::memset(to, 'x', 1000);
  output.commit(to + 1);
  to = output.reserve(10);
  std::memset(to, 'y', 2);
  output.commit(to + 2);
  output.flush();
  EXPECT_EQ(sink.text(), "xyy");
}

TEST(Output, DiscardsEverythingOnceTheSinkRefused) {
  PieceSink sink(1);
  Output output(sink);
  output.append(pattern(2 * Output::kPieceSize));
  EXPECT_FALSE(output.refused()) << "the second piece has not been handed on yet";
  output.append("x");
  EXPECT_TRUE(output.refused());
  EXPECT_EQ(sink.asked, 2U);
  for (int i = 0; i < 10; ++i) {
    output.append(pattern(Output::kPieceSize));
    put(output, pattern(kLine));
  }
  output.flush();
  EXPECT_EQ(sink.asked, 2U) << "a sink that refused is left alone";
  EXPECT_THAT(sink.pieces, Each(SizeIs(Output::kPieceSize)));
}

}  // namespace
}  // namespace wgscope::exporter
