// Replays each target's corpus in the ordinary suite. What the fuzzers found once stays found.

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "files.hpp"
#include "paths.hpp"

#define WGSCOPE_FUZZ_TARGET(name) \
  extern "C" int fuzz_one_##name(const std::uint8_t* data, std::size_t size);
#include "fuzz_targets.inc"
#undef WGSCOPE_FUZZ_TARGET

namespace {

struct Target {
  const char* name;
  int (*run)(const std::uint8_t* data, std::size_t size);
};

const Target kTargets[] = {
#define WGSCOPE_FUZZ_TARGET(name) {#name, fuzz_one_##name},
#include "fuzz_targets.inc"
#undef WGSCOPE_FUZZ_TARGET
};

class FuzzCorpus : public testing::TestWithParam<Target> {};

TEST_P(FuzzCorpus, Passes) {
  const std::filesystem::path folder =
      wgscope::test::source_dir() / "tests/fuzz/corpus" / GetParam().name;
  std::size_t inputs = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    SCOPED_TRACE(entry.path().filename());
    // A heap block of the exact size, so that the address sanitizer sees a step beyond it.
    const std::string text = wgscope::test::read_file(entry.path());
    const std::vector<char> bytes(text.begin(), text.end());
    EXPECT_EQ(GetParam().run(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()), 0);
    ++inputs;
  }
  EXPECT_GT(inputs, 0U) << "no corpus in " << folder;
}

INSTANTIATE_TEST_SUITE_P(, FuzzCorpus, testing::ValuesIn(kTargets),
                         [](const testing::TestParamInfo<Target>& tested) {
                           return std::string(tested.param.name);
                         });

}  // namespace
