// Reads the sources of the tests and fails on sleeps. A test that sleeps is too slow on every
// machine but one, and fails on a busier one: tests wait for what they need to see
// (support/wait.hpp, a descriptor, a condition), with a deadline.

#include <algorithm>
#include <array>
#include <cstddef>
#include <filesystem>
#include <iterator>
#include <regex>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "files.hpp"
#include "paths.hpp"

namespace wgscope::architecture {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

/// A file in which something may sleep, how often the word stands there, and why nothing else does.
struct Exception {
  std::string_view path;
  std::size_t count;
  std::string_view reason;
};
constexpr std::array kExceptions{
    Exception{"tests/support/wait.hpp", 1, "the pause in which wait_until() asks again"},
    Exception{"tests/kernel/netns_test.cpp", 1, "a child that has nothing to do but live"},
    Exception{"tests/unit/tunnel/net.hpp", 1, "a simulation's time, in which no thread waits"},
    Exception{"tests/bench/bench_prometheus.cpp", 1, "asking costs what is being measured"},
    Exception{"tests/bench/measure.cpp", 1, "nothing tells when another process is through"},
    Exception{"tests/bench/probe_bench.cpp", 1, "the pace that gateways demand of a peer"},
    Exception{"tests/bench/rules_bench.cpp", 1,
              "the rhythm in which the bench asks is what it subtracts"},
};

/// This file, which names what it looks for.
constexpr std::string_view kSelf = "tests/unit/sleeps_test.cpp";

/// How often a line sleeps, or makes a shell do it.
std::size_t count_sleeps(const std::string& line) {
  static const std::regex kComment(R"((^|\s)//.*)");
  static const std::regex kSleep(
      R"(\b(sleep_for|sleep_until|usleep|(clock_)?nanosleep)\b)"  // C++ and POSIX
      R"(|(^|[^\w.>])sleep\()"                                    // sleep(3), no member
      R"(|\bp?poll\((nullptr|NULL|0),|\bp?select\(0,)"            // nothing but their timeouts
      R"(|\bsleep("|\s+["$.\d]))");                               // sleep(1)
  const std::string code = std::regex_replace(line, kComment, "");
  return static_cast<std::size_t>(
      std::distance(std::sregex_iterator(code.begin(), code.end(), kSleep), {}));
}

/// What is wrong with a file's sleeps, one sentence each.
std::vector<std::string> check_file(const std::string& path, std::string_view text,
                                    std::size_t allowed) {
  std::vector<std::string> found;
  std::size_t count = 0;
  for (std::size_t number = 1; !text.empty(); ++number) {
    const std::size_t size = std::min(text.find('\n'), text.size());
    if (const std::size_t here = count_sleeps(std::string(text.substr(0, size))); here > 0) {
      count += here;
      found.push_back(
          fmt::format("{}:{}: a test waits for an event, it does not sleep", path, number));
    }
    text.remove_prefix(std::min(size + 1, text.size()));
  }
  if (count == allowed) return {};
  if (count < allowed)
    found.push_back(fmt::format("{}: kExceptions allows more sleeps than it has", path));
  return found;
}

std::size_t allowed_in(std::string_view path) {
  const auto* found = std::ranges::find(kExceptions, path, &Exception::path);
  return found != kExceptions.end() ? found->count : 0;
}

/// Paths of what is written by hand, from the root of the repository.
std::vector<std::string> list_tests(const std::filesystem::path& root) {
  const std::set<std::string> suffixes{".cpp", ".hpp", ".sh", ".py", ""};
  const std::set<std::string> data{"corpus", "fixtures", "golden", "vectors"};
  std::vector<std::string> paths;
  std::filesystem::recursive_directory_iterator entry(root / "tests");
  for (; entry != std::filesystem::recursive_directory_iterator(); ++entry) {
    if (entry->is_directory() && data.contains(entry->path().filename()))
      entry.disable_recursion_pending();
    else if (entry->is_regular_file() && suffixes.contains(entry->path().extension()))
      paths.push_back(entry->path().lexically_relative(root).generic_string());
  }
  return paths;
}

TEST(Sleeps, StandOnlyWhereTheTableSaysWhy) {
  const std::filesystem::path root = test::source_dir();
  const std::vector<std::string> paths = list_tests(root);
  EXPECT_GT(paths.size(), 200U) << "so few that it must be looking in the wrong place";
  for (const std::string& path : paths)
    if (path != kSelf)
      for (const std::string& wrong :
           check_file(path, test::read_file(root / path), allowed_in(path)))
        ADD_FAILURE() << wrong;
  for (const Exception& exception : kExceptions)
    EXPECT_TRUE(std::ranges::count(paths, exception.path) == 1) << exception.path << " is gone";
}

// The checker itself.

TEST(SleepsChecker, CatchesWhateverSleeps) {
  for (const char* line :
       {"  std::this_thread::sleep_for(50ms);", "  sleep_until(start + 1s);", "usleep(100);",
        "::nanosleep(&span, nullptr);", "clock_nanosleep(CLOCK_BOOTTIME, 0, &span, nullptr);",
        "sleep(1);", "  ::sleep(1);", "poll(nullptr, 0, 100);",
        "::ppoll(nullptr, 0, &span, nullptr);", "select(0, nullptr, nullptr, nullptr, &span);",
        R"(run({"sleep", "1"});)", R"(must("ip link add x; sleep 0.2; ip link del x");)",
        R"("sleep $pause")", R"(get("http://x/"); sleep(1);)"})
    EXPECT_EQ(count_sleeps(line), 1U) << line;
  EXPECT_EQ(count_sleeps("sleep(1); usleep(1);"), 2U);
}

TEST(SleepsChecker, LetsPassWhatDoesNot) {
  for (const char* line :
       {"// sleep_for(50ms) was here", "f();  // and no sleep(1)", "net.sleep(8h);",
        "bool asleep(int thread);", R"("the host is asleep ")", "poll(&wait, 1, 100);",
        "stopped_.wait_for(lock, stop, 20ms, no);", R"("they sleep, and wake up late")"})
    EXPECT_EQ(count_sleeps(line), 0U) << line;
}

TEST(SleepsChecker, HoldsAFileToTheNumberInTheTable) {
  const std::string_view two = "a();\nsleep(1);\nb();\nsleep(2);";
  EXPECT_THAT(check_file("x.cpp", two, 0),
              ElementsAre(HasSubstr("x.cpp:2: "), HasSubstr("x.cpp:4: ")));
  EXPECT_THAT(check_file("x.cpp", two, 1), ::testing::SizeIs(2))
      << "which one is new it cannot tell";
  EXPECT_THAT(check_file("x.cpp", two, 2), IsEmpty());
  EXPECT_THAT(check_file("x.cpp", "a();\n", 1), ElementsAre(HasSubstr("allows more sleeps")));
}

}  // namespace
}  // namespace wgscope::architecture
