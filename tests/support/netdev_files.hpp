#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "random.hpp"
#include "wireguard_go.hpp"

namespace wgscope::test {

/// .netdev files as people write them, and as they mistype them: the same for the same seed, but for
/// their keys.
class NetdevFiles {
 public:
  explicit NetdevFiles(std::uint64_t seed);

  /// @param number  of the file, whose interface is named after it: "w7".
  std::string next(std::size_t number);

 private:
  using Pool = std::vector<std::string>;

  const std::string& of(const Pool& pool) { return pool[random_.below(pool.size())]; }
  const std::string& public_key() { return keys_[1 + random_.below(keys_.size() - 1)].public_key; }
  std::string line(const std::map<std::string, Pool>& settings);
  void damage(std::string& text);

  static const std::map<std::string, Pool> kInterfaceSettings;
  static const std::map<std::string, Pool> kPeerSettings;

  SeededRandom random_;
  std::vector<KeyPair> keys_;
};

}  // namespace wgscope::test
