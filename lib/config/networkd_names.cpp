#include <string_view>

#include "wgscope/base/result.hpp"
#include "wgscope/config/names.hpp"
#include "wgscope/config/networkd.hpp"
#include "wgscope/config/unit_file.hpp"

#include "named_peers.hpp"
#include "networkd_reader.hpp"

namespace wgscope::config {

Result<NamesFound> parse_netdev_names(std::string_view text) {
  // The texts of comments are in it until the names are copied.
  const auto file = parse_unit_file(text);
  if (!file) return tl::unexpected(file.error());
  NamedPeers peers("[WireGuardPeer]");
  bool any_section = false;
  for (const UnitLine& line : file->lines()) {
    switch (line.kind) {
      case UnitLine::Kind::blank: peers.blank(); break;
      case UnitLine::Kind::comment: peers.comment(line.line, comment_text(line)); break;
      case UnitLine::Kind::section:
        any_section |= line.name == "NetDev" || line.name == "WireGuardPeer";
        if (line.name == "WireGuardPeer")
          peers.peer(line.line);
        else
          peers.section();
        break;
      case UnitLine::Kind::assignment:
        peers.assignment();
        if (line.name == "PublicKey" && !line.value.empty())
          peers.public_key(line.line, line.value);
        break;
      case UnitLine::Kind::malformed: break;
    }
  }
  if (!any_section)
    return fail(Errc::bad_value,
                "there is no [NetDev] or [WireGuardPeer] section: this is not a .netdev file, or "
                "it is cut short");
  return peers.finish();
}

}  // namespace wgscope::config
