#pragma once

#include <array>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "wgscope/audit/lint.hpp"
#include "wgscope/audit/placed.hpp"
#include "wgscope/base/keys.hpp"
#include "wgscope/crypto/x25519.hpp"
#include "wgscope/diagnosis/finding.hpp"
#include "wgscope/model/public_key.hpp"

#include "../config/keys.hpp"

namespace wgscope::audit {

inline std::optional<PublicKey> derive(const PrivateKey& key) {
  const auto derived = crypto::derive_public_key(key.secret);
  if (!derived) return std::nullopt;
  return PublicKey{*derived};
}

/// The public key of the private key with this number.
inline std::string public_of(std::uint32_t number) {
  return derive(*PrivateKey::from_base64(config::key_text(number)))->base64();
}

/// Fills in keys: {own} and {own_public}, {other} and {other_public} are pairs, {a}, {b} and {c} are
/// public keys of nobody, {psk} and {psk2} are preshared keys.
inline std::string filled(std::string_view pattern) {
  static const std::string own_public = public_of(101);
  static const std::string other_public = public_of(102);
  constexpr std::string_view kZero = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
  return fmt::format(fmt::runtime(pattern), fmt::arg("own", config::key_text(101)),
                     fmt::arg("own_public", own_public), fmt::arg("other", config::key_text(102)),
                     fmt::arg("other_public", other_public), fmt::arg("a", config::key_text(1)),
                     fmt::arg("b", config::key_text(2)), fmt::arg("c", config::key_text(3)),
                     fmt::arg("psk", config::key_text(201)),
                     fmt::arg("psk2", config::key_text(202)), fmt::arg("zero", kZero));
}

/// The secrets that filled() may put into a text.
inline std::vector<std::string> secrets() {
  return {config::key_text(101), config::key_text(102), config::key_text(201),
          config::key_text(202)};
}

/// That no finding repeats one of them.
inline void expect_no_secrets(const LintResult& result) {
  for (const PlacedFinding& one : result.findings) {
    std::string all = one.finding.cause.plain();
    for (const auto& line : one.finding.evidence) all += line.plain();
    for (const auto& line : one.finding.fix) all += line.plain();
    for (const std::string& secret : secrets())
      EXPECT_THAT(all, testing::Not(testing::HasSubstr(secret)));
  }
}

/// Lints texts as the files wg0.conf, wg1.conf …
inline LintResult lint_texts(const std::vector<std::string>& texts, LintOptions options = {}) {
  options.derive = derive;
  std::vector<LintFile> files;
  for (std::size_t i = 0; i < texts.size(); ++i)
    files.push_back({.name = fmt::format("wg{}.conf", i), .text = texts[i]});
  return lint(files, options);
}

/// "wg0.conf:3:5 WGS-LNT-008" for each finding.
inline std::vector<std::string> summary(const LintResult& result) {
  std::vector<std::string> lines;
  for (const PlacedFinding& one : result.findings)
    lines.push_back(
        fmt::format("{} {}", to_string(one.place), diagnosis::kind_of(one.finding.id).id));
  return lines;
}

}  // namespace wgscope::audit
