#include "exporter/inventory/declarations.hpp"

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "wgscope/base/result.hpp"

#include "files.hpp"
#include "keys.hpp"
#include "temp_dir.hpp"
#include "wait.hpp"
#include "write_later.hpp"

namespace wgscope::exporter {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::string peers(std::string_view name, std::uint32_t count) {
  std::string text = "peers:\n";
  for (std::uint32_t i = 0; i < count; ++i)
    text += fmt::format("  - {{name: {}-{}, public_key: {}}}\n", name, i, key(i).base64());
  return text;
}

class Reload : public ::testing::Test {
 protected:
  [[nodiscard]] Declarations::Settings settings(Nanoseconds interval) const {
    Declarations::Settings made;
    made.paths = {path()};
    made.host = "gw-1";
    made.interval = interval;
    made.lookups.look_up = [](const std::string&) { return fail(Errc::io, "not in this test"); };
    return made;
  }
  [[nodiscard]] std::string path() const { return (dir_ / "a.yaml").string(); }

  [[nodiscard]] Declarations::Warn collect_warnings() {
    return [this](const std::string& message) {
      const std::lock_guard lock(mutex_);
      warnings_.push_back(message);
    };
  }
  std::vector<std::string> warnings() {
    const std::lock_guard lock(mutex_);
    return std::exchange(warnings_, {});
  }

  static std::string first_name(const Declarations& declarations) {
    const auto state = declarations.state();
    return state->inventory ? state->inventory->name_of(0) : "";
  }
  static bool wait(const std::function<bool()>& until) { return test::wait_until(until, 20s); }

  test::TempDir dir_;

 private:
  std::mutex mutex_;
  std::vector<std::string> warnings_;
};

TEST_F(Reload, HappensWhenAFileChanges) {
  test::write_file(path(), peers("old", 1));
  Declarations declarations(settings(1ms), collect_warnings());
  EXPECT_EQ(first_name(declarations), "old-0") << "read at the start";
  const auto held = declarations.state();
  declarations.watch();
  write_later(path(), peers("new", 1));
  EXPECT_TRUE(wait([&] { return first_name(declarations) == "new-0"; }));
  EXPECT_EQ(held->inventory->name_of(0), "old-0") << "whoever holds the old one keeps it";
  EXPECT_THAT(warnings(), IsEmpty());
}

TEST_F(Reload, HappensWhenAskedForWithoutWaiting) {
  test::write_file(path(), peers("old", 1));
  Declarations declarations(settings(1h), collect_warnings());
  declarations.watch();
  write_later(path(), peers("new", 1));
  declarations.reload();
  EXPECT_TRUE(wait([&] { return first_name(declarations) == "new-0"; }));
}

TEST_F(Reload, KeepsTheLastGoodOneAndSaysSo) {
  test::write_file(path(), peers("old", 1));
  Declarations declarations(settings(1ms), collect_warnings());
  const auto reloaded = declarations.state()->reloaded;
  EXPECT_TRUE(reloaded);
  declarations.watch();
  write_later(path(), "peers: broken\n");
  EXPECT_TRUE(wait([&] { return !declarations.state()->success; }));
  EXPECT_EQ(first_name(declarations), "old-0");
  EXPECT_EQ(declarations.state()->reloaded, reloaded);
  EXPECT_THAT(warnings(), ElementsAre(HasSubstr("a.yaml:1:")));
  write_later(path(), peers("new", 1));
  EXPECT_TRUE(wait([&] { return declarations.state()->success; }));
  EXPECT_EQ(first_name(declarations), "new-0");
}

TEST_F(Reload, HappensWhileManyRead) {
  test::write_file(path(), peers("v0", 200));
  Declarations declarations(settings(1ms), collect_warnings());
  declarations.watch();
  std::atomic<bool> done = false;
  std::atomic<std::size_t> torn = 0;
  {
    std::vector<std::jthread> readers;
    for (int i = 0; i < 4; ++i)
      readers.emplace_back([&] {
        while (!done) {
          const auto state = declarations.state();
          const std::string& first = state->inventory->name_of(0);
          const std::string& last = state->inventory->name_of(199);
          if (first.substr(0, first.find('-')) != last.substr(0, last.find('-'))) ++torn;
          static_cast<void>(declarations.names());
        }
      });
    for (int version = 1; version <= 10; ++version) {
      write_later(path(), peers(fmt::format("v{}", version), 200));
      if (version % 2 == 0) declarations.reload();
      EXPECT_TRUE(wait([&] { return first_name(declarations) == fmt::format("v{}-0", version); }));
    }
    done = true;
  }
  EXPECT_EQ(torn, 0U);
}

}  // namespace
}  // namespace wgscope::exporter
