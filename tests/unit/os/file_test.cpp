#include "wgscope/os/file.hpp"

#include <array>
#include <cerrno>
#include <cstddef>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>

#include <gtest/gtest.h>

#include "wgscope/base/result.hpp"
#include "wgscope/os/unique_fd.hpp"

#include "files.hpp"
#include "temp_dir.hpp"

namespace wgscope::os {
namespace {

class Files : public ::testing::Test {
 protected:
  [[nodiscard]] std::string path(const std::string& name) const { return folder_ / name; }

  test::TempDir folder_;
};

TEST_F(Files, AreReadWholeWhateverTheirSize) {
  // Around the steps the reader takes, and with every byte.
  for (const std::size_t size : {0U, 1U, 16383U, 16384U, 16385U, 32768U, 100'000U}) {
    std::string content(size, '\0');
    for (std::size_t i = 0; i < size; ++i) content[i] = static_cast<char>(i * 7);
    test::write_file(path("file"), content);
    const auto text = read_file(path("file"), 1U << 20U);
    ASSERT_TRUE(text) << text.error().context;
    EXPECT_TRUE(*text == content) << size;
    const auto secret = read_secret_file(path("file"), 1U << 20U);
    ASSERT_TRUE(secret) << secret.error().context;
    EXPECT_TRUE(secret->text() == content) << size;
  }
}

TEST_F(Files, OfProcAreReadThoughTheySayNoSize) {
  const auto text = read_file("/proc/self/status", 1U << 20U);
  ASSERT_TRUE(text);
  EXPECT_NE(text->find("Name:"), std::string::npos);
}

TEST_F(Files, AreRefusedAboveTheirBound) {
  test::write_file(path("file"), std::string(100, 'x'));
  EXPECT_TRUE(read_file(path("file"), 100));
  EXPECT_TRUE(read_secret_file(path("file"), 100));
  EXPECT_EQ(read_file(path("file"), 99).error().code, Errc::too_large);
  EXPECT_EQ(read_secret_file(path("file"), 99).error().code, Errc::too_large);
  EXPECT_EQ(read_file("/dev/zero", 1U << 20U).error().code, Errc::too_large) << "and it ends";
}

TEST_F(Files, ThatAreMissingSayEnoent) {
  EXPECT_EQ(read_file(path("missing"), 10).error().sys_errno, ENOENT);
  EXPECT_EQ(read_secret_file(path("missing"), 10).error().sys_errno, ENOENT);
}

TEST_F(Files, ThatAreNoneAreRefusedWithoutBlocking) {
  ASSERT_EQ(mkfifo(path("pipe").c_str(), 0600), 0);
  EXPECT_FALSE(read_file(folder_.path(), 10)) << "a folder";
  EXPECT_EQ(read_secret_file(folder_.path(), 10).error().code, Errc::bad_value);
  EXPECT_EQ(read_secret_file(path("pipe"), 10).error().code, Errc::bad_value);
  EXPECT_EQ(read_secret_file("/dev/zero", 10).error().code, Errc::bad_value);
}

TEST_F(Files, WithSecretsTellWhoCanReadThem) {
  test::write_file(path("file"), "text");
  ASSERT_EQ(chmod(path("file").c_str(), 0640), 0);
  const auto input = read_secret_input(path("file"), 100);
  ASSERT_TRUE(input) << input.error().context;
  EXPECT_EQ(input->text.view(), "text");
  EXPECT_EQ(input->mode, 0640U);
  EXPECT_EQ(read_secret_input(path("file"), 3).error().code, Errc::too_large);
}

/// What a shell makes of <(command): a pipe under /dev/fd.
TEST_F(Files, WithSecretsMayBePipesThatAreWrittenLater) {
  std::array<int, 2> ends{};
  ASSERT_EQ(pipe2(ends.data(), O_CLOEXEC), 0);
  const UniqueFd reader(ends[0]);
  const std::string content(10'000, 'x');  // more than one piece
  std::jthread writer([&, end = UniqueFd(ends[1])] {
    EXPECT_EQ(write(end.get(), content.data(), content.size()),
              static_cast<ssize_t>(content.size()));
  });
  const auto input = read_secret_input("/dev/fd/" + std::to_string(reader.get()), 1U << 20U);
  ASSERT_TRUE(input) << input.error().context;
  EXPECT_EQ(input->text.view(), content);
  EXPECT_FALSE(input->mode) << "nobody else can open it";
}

TEST_F(Files, WithSecretsAreNoDevicesAndEndAtTheirBound) {
  EXPECT_EQ(read_secret_input("/dev/zero", 100).error().code, Errc::bad_value);
  EXPECT_EQ(read_secret_input(folder_.path(), 100).error().context,
            "this is a directory: give a file");
  EXPECT_EQ(read_secret_input(path("missing"), 100).error().sys_errno, ENOENT);
}

TEST_F(Files, AreReplacedAsAWhole) {
  test::write_file(path("file"), "the old content, which is longer");
  const int reader = open(path("file").c_str(), O_RDONLY | O_CLOEXEC);
  ASSERT_TRUE(replace_file(path("file"), "new", 0640));
  EXPECT_EQ(test::read_file(path("file")), "new");
  std::string old(64, '\0');
  old.resize(static_cast<std::size_t>(read(reader, old.data(), old.size())));
  close(reader);
  EXPECT_EQ(old, "the old content, which is longer") << "whoever reads it goes on with the old one";
  struct stat status{};
  ASSERT_EQ(stat(path("file").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0640U);
}

TEST_F(Files, AreLeftAloneWhereTheyCannotBeReplaced) {
  std::filesystem::create_directory(path("folder"));
  test::write_file(path("folder/inside"), "x");
  const auto replaced =
      replace_file(path("folder"), "new", 0644);  // a file never takes a folder's place
  ASSERT_FALSE(replaced);
  EXPECT_NE(replaced.error().context.find(path("folder")), std::string::npos);
  EXPECT_TRUE(std::filesystem::exists(path("folder/inside")));
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder_.path()),
                          std::filesystem::directory_iterator()),
            1)
      << "no temporary is left behind";
}

TEST_F(Files, SayWhereTheyCouldNotBeWritten) {
  const auto replaced = replace_file(path("missing/file"), "new", 0644);
  ASSERT_FALSE(replaced);
  EXPECT_EQ(replaced.error().sys_errno, ENOENT);
  EXPECT_NE(replaced.error().context.find(path("missing/file")), std::string::npos);
}

TEST_F(Files, CanBeReplacedWhereATemporaryFitsBesideThem) {
  EXPECT_TRUE(check_replaceable(path("new")));
  test::write_file(path("old"), "kept");
  EXPECT_TRUE(check_replaceable(path("old")));
  EXPECT_EQ(test::read_file(path("old")), "kept");
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(path(".")), {}), 1)
      << "the temporary is gone";
  const auto checked = check_replaceable(path("missing/file"));
  ASSERT_FALSE(checked);
  EXPECT_EQ(checked.error().sys_errno, ENOENT);
  EXPECT_NE(checked.error().context.find(path("missing/file")), std::string::npos);
}

TEST_F(Files, AreNotReplacedWhereSomethingElseThanAFileIs) {
  std::filesystem::create_directory(path("folder"));
  std::filesystem::create_symlink(path("target"), path("link"));
  for (const std::string& odd : {path("folder"), path("link"), std::string("/dev/null")}) {
    const auto checked = check_replaceable(odd);
    ASSERT_FALSE(checked) << odd;
    EXPECT_EQ(checked.error().code, Errc::bad_value);
    EXPECT_NE(checked.error().context.find(odd), std::string::npos);
  }
}

}  // namespace
}  // namespace wgscope::os
