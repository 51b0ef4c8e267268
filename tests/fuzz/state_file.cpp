// The state folder's file: what can be read is written and read back as the same.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "wgscope/base/result.hpp"
#include "wgscope/base/time.hpp"

#include "exporter/history.hpp"
#include "fuzz.hpp"

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace wgscope;
  constexpr std::string_view kBoot = "4cc4b2b5-6f3c-4b7e-9f5b-0123456789ab";
  constexpr WallTime kSaved{std::chrono::seconds(1'800'000'000)};
  exporter::History history(1, true);
  if (const auto restored = history.restore(fuzz::as_text(data, size), kBoot); !restored) {
    WGSCOPE_PROMISE(restored.error().code == Errc::bad_value);
    return 0;
  }
  const std::string written = history.serialize(kBoot, kSaved);
  exporter::History again(2, true);
  WGSCOPE_PROMISE(again.restore(written, kBoot).has_value());
  WGSCOPE_PROMISE(again.serialize(kBoot, kSaved) == written);
  return 0;
}
