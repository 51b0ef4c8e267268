#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "wgscope/base/result.hpp"
#include "wgscope/config/wg_quick.hpp"
#include "wgscope/model/address.hpp"

#include "keys.hpp"

namespace wgscope::config {

/// Where {0} stands a secret, where {1} and {2} two public keys.
inline std::string text_of(std::string_view pattern) {
  return fmt::format(fmt::runtime(pattern), key_text(100), key_text(1), key_text(2));
}

inline WgQuickConfig parsed(std::string_view pattern) {
  auto config = parse_wg_quick(text_of(pattern));
  EXPECT_TRUE(config) << (config ? "" : config.error().context);
  return config ? std::move(*config) : WgQuickConfig();
}

inline std::string error_of(std::string_view pattern) {
  const auto config = parse_wg_quick(text_of(pattern));
  EXPECT_FALSE(config) << pattern;
  if (config) return "";
  EXPECT_EQ(config.error().code, Errc::bad_value);
  return config.error().context;
}

/// "3: text" for each warning.
inline std::vector<std::string> warnings_of(std::string_view pattern) {
  std::vector<std::string> texts;
  const WgQuickConfig config = parsed(pattern);  // the range does not keep a temporary alive
  for (const Warning& warning : config.warnings)
    texts.push_back(fmt::format("{}: {}", warning.line, warning.text));
  return texts;
}

inline std::vector<std::string> texts_of(const std::vector<Prefix>& prefixes) {
  std::vector<std::string> texts;
  for (const Prefix& prefix : prefixes) texts.push_back(prefix.to_string());
  return texts;
}

inline constexpr std::string_view kWhole = R"([Interface]
PrivateKey = {0}
Address = 10.0.0.2/24, fd00::2/64
ListenPort = 51820
MTU = 1380
FwMark = 0xca6c
DNS = 10.0.0.1, corp.example
Table = off
PostUp = ip rule add from %i

[Peer]
# friendly_name = the gateway
PublicKey = {1}
PresharedKey = {0}
AllowedIPs = 10.0.0.0/24, fd00::/64
AllowedIPs = 192.0.2.0/24
Endpoint = gw.example.net:51820
PersistentKeepalive = 25

[Peer]
PublicKey = {2}
)";

}  // namespace wgscope::config
