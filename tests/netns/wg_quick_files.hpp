#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "random.hpp"

namespace wgscope::test {

/// Keys of the files: the first is a private one.
const std::vector<std::string>& file_keys();

/// wg-quick files as people write them, and as they mistype them: the same for the same seed.
class WgQuickFiles {
 public:
  explicit WgQuickFiles(std::uint64_t seed) : random_(seed) {}

  /// @param quick  with what only wg-quick knows.
  std::string next(bool quick);

 private:
  using Choices = std::vector<std::string>;

  bool chance(std::size_t percent) { return random_.below(100) < percent; }
  const std::string& one_of(const Choices& choices) {
    return choices[random_.below(choices.size())];
  }
  /// Mostly one of what is right.
  std::string value(const Choices& right, const Choices& odd);
  std::string blanks();
  std::string spelt(std::string text);
  void line(std::string& file, const std::string& key, const std::string& value);
  void interface(std::string& file, bool quick);
  void quick_lines(std::string& file);
  void peer(std::string& file);
  void peer_settings(std::string& file);
  std::string allowed_ips();
  void damage(std::string& file);

  SeededRandom random_;
};

}  // namespace wgscope::test
