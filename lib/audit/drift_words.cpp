#include "drift_words.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "wgscope/audit/drift.hpp"
#include "wgscope/audit/drift_report.hpp"
#include "wgscope/base/time.hpp"
#include "wgscope/config/inventory.hpp"
#include "wgscope/config/wg_quick.hpp"
#include "wgscope/diagnosis/check_kinds.hpp"
#include "wgscope/diagnosis/finding.hpp"
#include "wgscope/diagnosis/report.hpp"
#include "wgscope/diagnosis/text.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/model/device.hpp"
#include "wgscope/model/public_key.hpp"

namespace wgscope::audit {

using diagnosis::Check;
using diagnosis::CheckKind;
using diagnosis::Finding;
using diagnosis::Name;
using diagnosis::Severity;
using diagnosis::Status;
using diagnosis::Text;
using diagnosis::text;

namespace {

/// So many prefixes are listed for people.
constexpr std::size_t kMostPrefixes = 8;

bool is_plain(char c) {
  constexpr std::string_view kPlain = "_-.:/@%+=,";
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
         kPlain.find(c) != std::string_view::npos;
}

Status status_of(Severity severity) {
  switch (severity) {
    case Severity::info: return Status::ok;
    case Severity::warning: return Status::warning;
    case Severity::critical: return Status::critical;
  }
  return Status::critical;
}

}  // namespace

Text shell_word(std::string_view word) {
  if (!word.empty() && std::ranges::all_of(word, is_plain))
    return text("{}", Name{std::string(word)});
  std::string inside;
  for (const char c : word) {
    if (c == '\'')
      inside += R"('"'"')";  // a backslash would be shown as \x5c
    else
      inside += c;
  }
  return text("'{}'", Name{inside});
}

Text endpoint_word(const config::EndpointName& endpoint) {
  const auto address = endpoint.address();
  if (!address) return text("{}:{}", shell_word(endpoint.host), endpoint.port);
  if (address->address.family == Family::v4) return text("{}", *address);
  return text("'{}'", *address);
}

Text joined(std::span<const Prefix> prefixes) {
  if (prefixes.empty()) return "''";
  Text made;
  for (const Prefix& prefix : prefixes) {
    if (!made.empty()) made.add(",");
    made.add(prefix);
  }
  return made;
}

Text listed(std::span<const Prefix> prefixes) {
  if (prefixes.empty()) return "none";
  Text made;
  for (const Prefix& prefix : prefixes.first(std::min(prefixes.size(), kMostPrefixes))) {
    if (!made.empty()) made.add(", ");
    made.add(prefix);
  }
  if (prefixes.size() > kMostPrefixes)
    made.add(" and ").add(prefixes.size() - kMostPrefixes).add(" more");
  return made;
}

Text counted(std::size_t count, diagnosis::Words one, diagnosis::Words many) {
  return text("{} {}", count, Text(diagnosis::either(count == 1, one, many)));
}

Text Scene::name() const {
  if (device().netns.empty()) return text("{}", Name{device().name});
  return text("{} in the network namespace {}", Name{device().name}, Name{device().netns});
}

Text Scene::prefix() const {
  const std::string& netns = device().netns;
  if (netns.empty()) return {};
  if (netns.find('/') != std::string::npos) return text("nsenter --net={} ", shell_word(netns));
  return text("ip netns exec {} ", shell_word(netns));
}

Text Scene::set_peer(const PublicKey& key) const {
  return text("{}wg set {} peer {}", prefix(), word(), key);
}

Text Scene::target(std::uint32_t declared_peer) const {
  return text("{} {}", Name{device().name}, Name{declared(declared_peer).name});
}

Text Scene::target(const PeerDrift& drift, const Peer& peer) const {
  if (drift.declared != kNotDeclared) return target(drift.declared);
  return text("{} {}", Name{device().name}, peer.public_key);
}

Text Scene::at(const config::Position& position) const {
  if (position.line == 0 || position.file >= facts_->files.size()) return "the inventory";
  Text made = text("{}:{}", diagnosis::Path{facts_->files[position.file]}, position.line);
  if (position.column != 0) made.add(":").add(position.column);
  return made;
}

Text Scene::last_handshake(const Peer& peer) const {
  if (!peer.last_handshake) return "never";
  const Nanoseconds age = facts_->snapshot->taken.wall - *peer.last_handshake;
  if (age < Nanoseconds{0}) return "in the future of this host's clock";
  return text("{} ago", Nanoseconds{age});
}

void Findings::list(const Text& target, Finding finding) {
  const Status status = status_of(kind_of(finding.id).severity);
  if (status == Status::critical || worst_ == Status::ok) worst_ = status;
  Check check = diagnosis::make_check(kind_, status, std::move(finding));
  check.target = target;
  into_->push_back(std::move(check));
}

void Findings::finish(const Text& rest) {
  const Text target = text("{}", Name{scene_->device().name});
  if (differing_ > kMostListed) {
    Check check = diagnosis::make_check(
        kind_, worst_, text("{} more differ, and are not listed", differing_ - kMostListed));
    check.target = target;
    into_->push_back(std::move(check));
  }
  if (rest.empty()) return;
  Check check = diagnosis::make_check(kind_, Status::ok, rest);
  check.target = target;
  into_->push_back(std::move(check));
}

}  // namespace wgscope::audit
