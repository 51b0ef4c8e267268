#include "exporter/names_reader.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "wgscope/os/clock.hpp"

#include "files.hpp"
#include "keys.hpp"
#include "temp_dir.hpp"
#include "wait.hpp"

namespace wgscope::exporter {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class NamesReaderTest : public ::testing::Test {
 protected:
  [[nodiscard]] std::string path() const { return dir_ / "names.yaml"; }
  void write(std::size_t count, std::string_view end = "") const {
    std::string text;
    for (std::size_t i = 0; i < count; ++i)
      text += fmt::format("{}: peer {}\n", key(static_cast<std::uint32_t>(i)).base64(), i);
    test::write_file(path(), text + std::string(end));
  }
  static std::size_t count(const NamesReader::State& state) {
    return state.names == nullptr ? 0 : state.names->size();
  }

  test::TempDir dir_;
};

TEST_F(NamesReaderTest, HasSmallFilesAtOnce) {
  write(3);
  NamesReader reader({{path(), NamesFile::Kind::map}});
  const auto state = reader.refresh(10s);
  EXPECT_EQ(count(state), 3U);
  EXPECT_TRUE(state.report.ran && state.report.success);
  EXPECT_THAT(state.messages, IsEmpty());
}

TEST_F(NamesReaderTest, ReadsWithoutThoseWhoHaveNoPatience) {
  write(20'000);
  NamesReader reader({{path(), NamesFile::Kind::map}});
  const auto before = os::boot_now();
  const auto none_yet = reader.refresh(1ms);
  EXPECT_LT(os::boot_now() - before, 1s);
  EXPECT_FALSE(none_yet.report.ran) << "nothing is known of it";
  EXPECT_EQ(none_yet.names, nullptr);
  EXPECT_TRUE(test::wait_until([&] { return count(reader.refresh(0ns)) == 20'000; }, 30s));
}

TEST_F(NamesReaderTest, KeepsTheNamesOfBeforeWhileItReads) {
  write(2);
  NamesReader reader({{path(), NamesFile::Kind::map}});
  EXPECT_EQ(count(reader.refresh(10s)), 2U);
  write(20'000);
  EXPECT_EQ(count(reader.refresh(1ms)), 2U);
  EXPECT_TRUE(test::wait_until([&] { return count(reader.refresh(0ns)) == 20'000; }, 30s));
}

TEST_F(NamesReaderTest, SaysOnceWhatIsWrong) {
  write(2, "nonsense: x\n");
  NamesReader reader({{path(), NamesFile::Kind::map}});
  const auto state = reader.refresh(10s);
  EXPECT_FALSE(state.report.success);
  EXPECT_THAT(state.messages, ElementsAre(HasSubstr("line 3: the key is")));
  EXPECT_THAT(reader.refresh(10s).messages, IsEmpty());
}

TEST_F(NamesReaderTest, OfNoFilesHasNothing) {
  NamesReader reader({});
  EXPECT_EQ(reader.refresh(10s).names, nullptr);
  EXPECT_FALSE(reader.refresh(10s).report.ran);
}

}  // namespace
}  // namespace wgscope::exporter
