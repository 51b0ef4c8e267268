#include <algorithm>
#include <array>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/core.h>

#include "wgscope/base/keys.hpp"
#include "wgscope/base/secret.hpp"
#include "wgscope/base/secret_string.hpp"
#include "wgscope/base/text.hpp"
#include "wgscope/config/wg_quick.hpp"
#include "wgscope/model/address.hpp"

namespace wgscope::config {
namespace {

class Writer {
 public:
  SecretString write(const WgQuickConfig& config) {
    interface(config);
    for (const WgQuickPeer& one : config.peers) peer(one);
    for (const KeptSection& section : config.sections) {
      header(section.header.view());
      kept(section.lines);
    }
    return std::move(out_);
  }

 private:
  void interface(const WgQuickConfig& config) {
    header("[Interface]");
    if (config.private_key) secret("PrivateKey", config.private_key->secret);
    for (const Prefix& prefix : config.addresses) line("Address", prefix.to_string());
    if (config.listen_port) line("ListenPort", fmt::format("{}", *config.listen_port));
    if (config.mtu) line("MTU", fmt::format("{}", *config.mtu));
    if (config.fwmark) line("FwMark", fmt::format("{:#x}", *config.fwmark));
    for (const std::string& item : config.dns) line("DNS", item);
    if (config.table) line("Table", *config.table);
    kept(config.kept);
  }

  void peer(const WgQuickPeer& peer) {
    header("[Peer]");
    if (!peer.name.empty()) line("# friendly_name", peer.name);
    line("PublicKey", peer.public_key.base64());
    if (peer.preshared_key) secret("PresharedKey", peer.preshared_key->secret);
    for (const Prefix& prefix : peer.allowed_ips) line("AllowedIPs", prefix.to_string());
    if (peer.endpoint) line("Endpoint", peer.endpoint->to_string());
    if (peer.persistent_keepalive)
      line("PersistentKeepalive", fmt::format("{}", peer.persistent_keepalive->count()));
    kept(peer.kept);
  }

  void kept(const std::vector<KeptLine>& lines) {
    for (const KeptLine& one : lines) {
      if (one.key.empty()) {
        text(one.text.view());
        out_.append("\n");
      } else {
        line(one.key.view(), one.text.view());
      }
    }
  }

  void header(std::string_view name) {
    if (!out_.empty()) out_.append("\n");
    text(name);
    out_.append("\n");
  }

  void line(std::string_view key, std::string_view value) {
    text(key);
    out_.append(" = ");
    text(value);
    out_.append("\n");
  }

  void secret(std::string_view key, const Secret<32>& value) {
    std::array<char, kKeyBase64Size> encoded{};
    const WipeGuard guard{std::span<char>(encoded)};
    encode_secret_base64(value, encoded);
    line(key, {encoded.data(), encoded.size()});
  }

  /// A line break would make two lines of one, the second with a meaning of its own.
  void text(std::string_view piece) {
    while (!piece.empty()) {
      const std::size_t end = std::min(piece.find_first_of("\r\n"), piece.size());
      out_.append(piece.substr(0, end));
      if (end == piece.size()) return;
      out_.append(" ");
      piece.remove_prefix(end + 1);
    }
  }

  SecretString out_;
};

}  // namespace

SecretString write_wg_quick(const WgQuickConfig& config) { return Writer().write(config); }

}  // namespace wgscope::config
