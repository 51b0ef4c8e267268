#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <span>
#include <string_view>

// What every target starts from. A target is one function over bytes; a crash, a sanitizer's
// finding, a broken promise or a run of more than a few seconds is a finding.

/// libFuzzer's entry, which each target defines; in the replaying test it has the target's
/// own name (CMakeLists.txt).
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

/// A promise of the code under test, kept in every build.
#define WGSCOPE_PROMISE(condition)                                                         \
  do {                                                                                     \
    if (!(condition)) {                                                                    \
      std::fprintf(stderr, "%s:%d: broken promise: %s\n", __FILE__, __LINE__, #condition); \
      std::abort();                                                                        \
    }                                                                                      \
  } while (false)

namespace wgscope::fuzz {

inline std::string_view as_text(const std::uint8_t* data, std::size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

inline std::span<const std::byte> as_bytes(const std::uint8_t* data, std::size_t size) {
  return std::as_bytes(std::span(data, size));
}

/// Whether an error message has a word of the input in it that is long enough to be a key.
inline bool repeats_a_key(std::string_view message, std::string_view input) {
  constexpr std::size_t kLong = 32;  // longer than any word of our own, shorter than a key
  while (!message.empty()) {
    const std::size_t end =
        message.find(' ') == std::string_view::npos ? message.size() : message.find(' ');
    if (end >= kLong && input.find(message.substr(0, end)) != std::string_view::npos) return true;
    message.remove_prefix(end == message.size() ? end : end + 1);
  }
  return false;
}

/// Whether a message has something of the input in it that could be a key, even as a part of a word.
inline bool repeats_base64(std::string_view message, std::string_view input) {
  constexpr std::size_t kKey = 43;
  constexpr std::string_view kBase64 =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  for (std::size_t at = 0; at + kKey <= message.size(); ++at) {
    const std::string_view part = message.substr(at, kKey);
    if (part.find_first_not_of(kBase64) == std::string_view::npos &&
        input.find(part) != std::string_view::npos)
      return true;
  }
  return false;
}

}  // namespace wgscope::fuzz
