#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "wgscope/config/networkd.hpp"

#include "keys.hpp"

namespace wgscope::config {

/// Files of which the first is the main one. Where {0} stands a secret, where {1} to {3} public
/// keys.
class UnitTexts {
 public:
  explicit UnitTexts(const std::vector<std::string>& patterns, std::string_view name) {
    for (const std::string& pattern : patterns)
      texts_.push_back(
          fmt::format(fmt::runtime(pattern), key_text(100), key_text(1), key_text(2), key_text(3)));
    for (std::size_t i = 0; i < texts_.size(); ++i)
      files_.push_back({i == 0 ? std::string(name) : fmt::format("{}0-drop.conf", i), texts_[i]});
  }
  UnitTexts(const UnitTexts&) = delete;
  UnitTexts& operator=(const UnitTexts&) = delete;

  [[nodiscard]] const std::vector<UnitText>& files() const { return files_; }

 private:
  std::vector<std::string> texts_;
  std::vector<UnitText> files_;
};

inline Netdev netdev_of(const std::vector<std::string>& patterns) {
  const UnitTexts texts(patterns, "wg0.netdev");
  auto read = parse_netdev(texts.files());
  EXPECT_TRUE(read) << read.error().context;
  return read ? std::move(*read) : Netdev();
}

/// With [NetDev] and a private key in front, so that lines count from 6.
inline Netdev device_of(const std::string& rest) {
  return netdev_of({"[NetDev]\nName=wg0\nKind=wireguard\n[WireGuard]\nPrivateKey={0}\n" + rest});
}

inline std::string netdev_error(const std::vector<std::string>& patterns) {
  const UnitTexts texts(patterns, "wg0.netdev");
  const auto read = parse_netdev(texts.files());
  EXPECT_FALSE(read);
  return read ? "" : read.error().context;
}

inline Network network_of(const std::vector<std::string>& patterns) {
  const UnitTexts texts(patterns, "wg0.network");
  auto read = parse_network(texts.files());
  EXPECT_TRUE(read) << read.error().context;
  return read ? std::move(*read) : Network();
}

/// "0:3:5 text" for each warning.
inline std::vector<std::string> texts_of(const std::vector<UnitWarning>& warnings) {
  std::vector<std::string> made;
  for (const UnitWarning& one : warnings)
    made.push_back(fmt::format("{}:{}:{} {}", one.at.file, one.at.line, one.at.column, one.text));
  return made;
}

inline std::vector<std::string> prefixes_of(const NetdevPeer& peer) {
  std::vector<std::string> made;
  for (const NetdevPrefix& prefix : peer.allowed_ips) made.push_back(prefix.value.to_string());
  return made;
}

}  // namespace wgscope::config
