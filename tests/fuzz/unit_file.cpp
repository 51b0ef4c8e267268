// A .netdev and a .network file, alone and as drop-ins. Whatever could be read is written as it
// was, and no message repeats a key.

#include "wgscope/config/unit_file.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "wgscope/base/result.hpp"
#include "wgscope/config/names.hpp"
#include "wgscope/config/networkd.hpp"
#include "wgscope/config/tunnel_file.hpp"
#include "wgscope/config/wg_quick.hpp"

#include "fuzz.hpp"

namespace {

using namespace wgscope;

void check_error(const Error& error, std::string_view text) {
  WGSCOPE_PROMISE(error.code == Errc::bad_value || error.code == Errc::too_large ||
                  error.code == Errc::no_device);
  WGSCOPE_PROMISE(!fuzz::repeats_a_key(error.context, text));
}

void check_warnings(const std::vector<config::UnitWarning>& warnings, std::string_view text) {
  for (const config::UnitWarning& warning : warnings) {
    WGSCOPE_PROMISE(warning.at.line > 0 && warning.at.column > 0);
    WGSCOPE_PROMISE(!fuzz::repeats_a_key(warning.text, text));
  }
}

void check_file(std::string_view text) {
  auto file = config::parse_unit_file(text);
  if (!file) return check_error(file.error(), text);
  WGSCOPE_PROMISE(config::write_unit_file(*file).view() == text);
  for (std::size_t i = 0; i < file->lines().size(); ++i)
    if (file->lines()[i].kind == config::UnitLine::Kind::assignment) file->set_value(i, "new");
  const auto again = config::parse_unit_file(config::write_unit_file(*file).view());
  WGSCOPE_PROMISE(again.has_value());
  WGSCOPE_PROMISE(again->lines().size() == file->lines().size());
}

void check_tunnel(std::string_view text) {
  const std::vector<config::UnitText> netdev{{"a", text}, {"b", text}};
  const std::vector<config::UnitText> network{{"c", text}};
  const config::TunnelFileRead read = config::read_networkd_files(netdev, network);
  const auto check_spot = [&](const config::Spot& at) { WGSCOPE_PROMISE(at.file < 3); };
  WGSCOPE_PROMISE(read.errors.size() <= read.error_count);
  for (const config::TunnelError& error : read.errors) {
    check_spot(error.at);
    WGSCOPE_PROMISE(!fuzz::repeats_a_key(error.text, text));
  }
  for (const config::TunnelWarning& warning : read.warnings) {
    check_spot(warning.at);
    WGSCOPE_PROMISE(!fuzz::repeats_a_key(warning.text, text));
  }
  for (const config::TunnelPeer& peer : read.tunnel.peers) {
    check_spot(peer.at);
    for (const config::LocatedPrefix& prefix : peer.allowed_ips) check_spot(prefix.at);
  }
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = fuzz::as_text(data, size);
  check_file(text);
  check_tunnel(text);
  const std::vector<config::UnitText> files{{"a", text}, {"b", text}};
  if (const auto names = config::parse_netdev_names(text); !names) check_error(names.error(), text);
  auto network = config::parse_network(files);
  if (!network)
    check_error(network.error(), text);
  else
    check_warnings(network->warnings, text);
  auto netdev = config::parse_netdev(files);
  if (!netdev) {
    check_error(netdev.error(), text);
    return 0;
  }
  check_warnings(netdev->warnings, text);
  std::optional<config::NetworkFiles> with;
  if (network) with = config::NetworkFiles{std::move(*network), files};
  const auto config = config::to_wg_quick({std::move(*netdev), files}, std::move(with));
  for (const config::Warning& warning : config.warnings)
    WGSCOPE_PROMISE(!fuzz::repeats_a_key(warning.text, text));
  return 0;
}
