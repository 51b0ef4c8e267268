#include "wgscope/base/result.hpp"

#include <cerrno>
#include <set>
#include <string>
#include <utility>

#include <gtest/gtest.h>

namespace wgscope {
namespace {

TEST(Errno, HasItsOwnCodeWhereCodeDecidesByIt) {
  EXPECT_EQ(errc_from_errno(EPERM), Errc::not_permitted);
  EXPECT_EQ(errc_from_errno(EACCES), Errc::access_denied);
  EXPECT_EQ(errc_from_errno(ENODEV), Errc::no_device);
  EXPECT_EQ(errc_from_errno(ENXIO), Errc::no_device);
  EXPECT_EQ(errc_from_errno(ETIMEDOUT), Errc::timeout);
  EXPECT_EQ(errc_from_errno(ECONNREFUSED), Errc::refused);
  EXPECT_EQ(errc_from_errno(ECONNRESET), Errc::refused);
  EXPECT_EQ(errc_from_errno(EPIPE), Errc::refused);
}

TEST(Errno, IsIoWhereItHasNone) {
  for (const int error : {0, ENOENT, EBADF, ENOMEM, EIO, -1, 100'000})
    EXPECT_EQ(errc_from_errno(error), Errc::io) << error;
}

TEST(FailErrno, SaysWhatWasTriedAndWhatHappened) {
  const Error error = fail_errno("dump wg0", EPERM).value();
  EXPECT_EQ(error.code, Errc::not_permitted);
  EXPECT_EQ(error.sys_errno, EPERM);
  EXPECT_EQ(error.context, "dump wg0: Operation not permitted");
}

TEST(Errc, HasANameOfItsOwnForEachCode) {
  std::set<std::string_view> names;
  for (int code = 0; code <= static_cast<int>(Errc::io); ++code) {
    const std::string_view name = to_string(static_cast<Errc>(code));
    EXPECT_NE(name, "unknown") << code;
    EXPECT_TRUE(names.insert(name).second) << name;
  }
  EXPECT_EQ(to_string(static_cast<Errc>(static_cast<int>(Errc::io) + 1)), "unknown");
}

TEST(Result, HoldsAValueOrAnError) {
  const Result<int> value = 3;
  const Result<int> error = fail(Errc::timeout, "waited", 7);
  ASSERT_TRUE(value.has_value());
  EXPECT_EQ(*value, 3);
  ASSERT_FALSE(error.has_value());
  EXPECT_EQ(error.error().code, Errc::timeout);
  EXPECT_EQ(error.error().context, "waited");
  EXPECT_EQ(error.error().sys_errno, 7);
  EXPECT_TRUE(Result<>().has_value());
}

}  // namespace
}  // namespace wgscope
