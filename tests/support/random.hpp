#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <random>
#include <span>
#include <stdexcept>
#include <utility>
#include <vector>

#include "wgscope/base/random.hpp"

namespace wgscope::test {

/// The same bytes in every run.
class SeededRandom final : public Random {
 public:
  explicit SeededRandom(std::uint64_t seed) : engine_(seed) {}

  void fill(std::span<std::byte> out) override {
    for (std::byte& byte : out) byte = static_cast<std::byte>(engine_());
  }
  /// 0 to `limit` - 1
  std::size_t below(std::size_t limit) { return static_cast<std::size_t>(engine_() % limit); }
  std::vector<std::byte> bytes(std::size_t size) {
    std::vector<std::byte> made(size);
    fill(made);
    return made;
  }

 private:
  std::mt19937_64 engine_;
};

/// Hands out what it was given, in order, each in one piece; throws when asked for anything else.
class ScriptedRandom final : public Random {
 public:
  explicit ScriptedRandom(std::deque<std::vector<std::byte>> script) : script_(std::move(script)) {}

  void fill(std::span<std::byte> out) override {
    if (script_.empty() || script_.front().size() != out.size())
      throw std::logic_error("the test gave no random bytes of this size");
    std::ranges::copy(script_.front(), out.begin());
    script_.pop_front();
  }

 private:
  std::deque<std::vector<std::byte>> script_;
};

}  // namespace wgscope::test
