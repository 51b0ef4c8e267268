#include "wgscope/checks/networkd_files.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_set>
#include <utility>
#include <vector>

#include <fmt/core.h>

#include "wgscope/base/keys.hpp"
#include "wgscope/base/result.hpp"
#include "wgscope/base/text.hpp"
#include "wgscope/checks/networkd_units.hpp"
#include "wgscope/config/networkd.hpp"
#include "wgscope/config/wg_quick.hpp"
#include "wgscope/model/public_key.hpp"
#include "wgscope/os/file.hpp"

namespace wgscope::checks {
namespace {

constexpr std::size_t kMaxKeySize = 4096;

class NetdevReading {
 public:
  explicit NetdevReading(const NetdevQuery& query) : query_(query) {}

  Result<NetdevConfig> read() {
    const auto unit = UnitFiles::read(query_.path, query_.text);
    if (!unit) return tl::unexpected(unit.error());
    auto netdev = config::parse_netdev(unit->texts());
    if (!netdev) return tl::unexpected(netdev.error());
    made_.interface = netdev->name.value;
    read_private_key(*netdev);
    read_preshared_keys(*netdev);
    NetworkFinder finder({query_.networks.begin(), query_.networks.end()});
    const NetworkOf found = finder.find(made_.interface, query_.path);
    for (const NetworkOf::Broken& one : found.broken)
      remarks_.push_back(fmt::format("{}: {}", one.path, one.why));
    if (found.remark) remarks_.push_back(*found.remark);
    std::optional<config::NetworkFiles> network;
    if (found.unit != nullptr) {
      made_.network = found.unit->files.texts().front().name;
      for (const auto& address : found.unit->network.addresses)
        if (!address.value.length_is_known)
          made_.addresses_without_length.push_back(address.value.prefix);
      network = {found.unit->network, found.unit->files.texts()};
    }
    made_.config = config::to_wg_quick({std::move(*netdev), unit->texts()}, std::move(network));
    for (std::string& remark : remarks_)
      made_.config.warnings.push_back({0, std::move(remark), config::WarningKind::remark});
    return std::move(made_);
  }

 private:
  template <class Key>
  Result<Key> read_key(const std::string& path) {
    const auto input = os::read_secret_input(path, kMaxKeySize);
    if (!input)
      return fail(input.error().code, fmt::format("{}: {}", path, input.error().context),
                  input.error().sys_errno);
    auto key = Key::from_base64(trim_line(input->text.view()));
    if (!key) return fail(Errc::bad_value, fmt::format("{}: this is not a key", path));
    return std::move(*key);
  }

  static std::string_view trim_line(std::string_view text) {
    while (text.ends_with('\n') || text.ends_with('\r')) text.remove_suffix(1);
    return trim(text);
  }

  void read_private_key(config::Netdev& netdev) {
    using Kind = config::KeySource::Kind;
    if (!netdev.private_key_source) {
      if (!netdev.private_key)
        made_.why_no_private_key =
            "there is no PrivateKey under [WireGuard]; since systemd 256 it may be in a credential";
      return;
    }
    const config::KeySource& source = netdev.private_key_source->value;
    netdev.private_key.reset();  // networkd ignores it
    if (source.kind == Kind::credential) {
      made_.why_no_private_key = fmt::format(
          "the private key is in the credential '{}' of systemd, which only networkd "
          "can read",
          printable(source.name));
    } else if (auto key = read_key<PrivateKey>(source.name)) {
      netdev.private_key = {std::move(*key), netdev.private_key_source->at};
    } else {
      made_.why_no_private_key =
          fmt::format("the private key cannot be read: {}", key.error().context);
    }
    if (made_.why_no_private_key) remarks_.push_back(*made_.why_no_private_key);
  }

  /// Of two sections with one key, the first decides.
  void read_preshared_keys(config::Netdev& netdev) {
    std::unordered_set<PublicKey, PublicKeyHash> seen;
    for (config::NetdevPeer& peer : netdev.peers) {
      if (!seen.insert(peer.public_key.value).second || !peer.preshared_key_source) continue;
      const config::KeySource& source = peer.preshared_key_source->value;
      peer.preshared_key.reset();
      if (source.kind == config::KeySource::Kind::file) {
        if (auto key = read_key<PresharedKey>(source.name)) {
          if (!key->is_none())
            peer.preshared_key = {std::move(*key), peer.preshared_key_source->at};
          continue;
        } else {
          remarks_.push_back(
              fmt::format("a preshared key cannot be read: {}", key.error().context));
        }
      } else {
        remarks_.push_back(
            fmt::format("a preshared key is in the credential '{}' of systemd, "
                        "which only networkd can read",
                        printable(source.name)));
      }
      made_.preshared_elsewhere.insert(peer.public_key.value);
    }
  }

  const NetdevQuery& query_;
  NetdevConfig made_;
  std::vector<std::string> remarks_;
};

}  // namespace

Result<NetdevConfig> read_netdev(const NetdevQuery& query) { return NetdevReading(query).read(); }

}  // namespace wgscope::checks
