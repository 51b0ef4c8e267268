#pragma once

#include <cstddef>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "wgscope/audit/lint.hpp"

#include "lint_support.hpp"

namespace wgscope::audit {

struct File {
  std::string_view name;
  std::string_view text;
};
using Files = std::vector<File>;

// Beginnings of files: {DEVICE} has 5 lines, {PEER} 7, {ROUTED} 8, {MATCH} 3.
struct Beginning {
  std::string_view name;
  std::string_view text;
};
inline constexpr Beginning kBeginnings[] = {
    {"{PEER}", "{DEVICE}[WireGuardPeer]\nPublicKey={a}\n"},
    {"{ROUTED}", "{DEVICE}RouteTable=main\n[WireGuardPeer]\nPublicKey={a}\n"},
    {"{MATCH}", "[Match]\nName=wg0\n[Network]\n"},
    {"{DEVICE}", "[NetDev]\nName=wg0\nKind=wireguard\n[WireGuard]\nPrivateKey={own}\n"},
};

inline std::string whole(std::string_view pattern) {
  std::string text(pattern);
  for (const Beginning& one : kBeginnings)
    if (const std::size_t at = text.find(one.name); at != std::string::npos)
      text.replace(at, one.name.size(), one.text);
  return filled(text);
}

/// Files as a directory has them: NAME.netdev with NAME.netdev.d/*.conf, NAME.network and
/// NAME.network.d/*.conf, wg-quick files, and files with keys in /keys.
class Directory {
 public:
  explicit Directory(const Files& files) {
    for (const auto& [name, text] : files) {
      names_.emplace_back(name);
      texts_.push_back(whole(text));
    }
    for (std::size_t i = 0; i < names_.size(); ++i) add(i);
  }

  [[nodiscard]] LintResult lint(LintOptions options = {}) const {
    options.derive = derive;
    return audit::lint(files_, options);
  }
  std::vector<LintFile>& files() { return files_; }

 private:
  void add(std::size_t index) {
    const std::string& name = names_[index];
    if (name.ends_with(".netdev")) {
      files_.push_back({.name = name, .text = texts_[index], .networkd = networkd(name)});
    } else if (name.ends_with(".conf") && name.find(".d/") == std::string::npos) {
      files_.push_back({.name = name, .text = texts_[index]});
    }
  }

  [[nodiscard]] LintNetworkd networkd(const std::string& netdev) const {
    const std::string network = netdev.substr(0, netdev.rfind('.')) + ".network";
    LintNetworkd made;
    for (std::size_t i = 0; i < names_.size(); ++i) {
      const std::string& name = names_[i];
      if (name.starts_with(netdev + ".d/")) made.drop_ins.push_back({name, texts_[i]});
      if (name == network || name.starts_with(network + ".d/"))
        made.network.push_back({name, texts_[i]});
      if (name.starts_with("/keys/")) made.keys.push_back({name, texts_[i]});
    }
    return made;
  }

  std::deque<std::string> names_;
  std::deque<std::string> texts_;
  std::vector<LintFile> files_;
};

inline std::vector<std::string> found(const Files& files, const LintOptions& options = {}) {
  return summary(Directory(files).lint(options));
}

inline constexpr std::string_view kEnd =
    "{DEVICE}ListenPort=51820\n[WireGuardPeer]\nPublicKey={other_public}\nAllowedIPs=10.9.0.1/32\n"
    "Endpoint=192.0.2.1:51820\nPersistentKeepalive=25\n";
inline constexpr std::string_view kEndNetwork = "{MATCH}Address=10.9.0.2/24\n";
// The other end, as a wg-quick file.
inline constexpr std::string_view kOther =
    "[Interface]\nPrivateKey = {other}\nAddress = 10.9.0.1/24\nListenPort = 51820\n[Peer]\n"
    "PublicKey = {own_public}\nAllowedIPs = 10.9.0.2/32\n";

inline Files ends(std::string_view other, std::string_view netdev = kEnd) {
  return {{"wg0.netdev", netdev}, {"wg0.network", kEndNetwork}, {"gw.conf", other}};
}

inline Files netdev(std::string_view text) { return {{"wg0.netdev", text}}; }
inline Files with_network(std::string_view device, std::string_view network) {
  return {{"wg0.netdev", device}, {"wg0.network", network}};
}
inline Files with_drop_in(std::string_view device, std::string_view drop_in) {
  return {{"wg0.netdev", device}, {"wg0.netdev.d/10-x.conf", drop_in}};
}

}  // namespace wgscope::audit
