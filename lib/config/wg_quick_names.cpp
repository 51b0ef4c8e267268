#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

#include "wgscope/base/result.hpp"
#include "wgscope/config/names.hpp"
#include "wgscope/config/wg_quick.hpp"

#include "named_peers.hpp"
#include "wg_quick_lines.hpp"

namespace wgscope::config {
namespace {

class Reader {
 public:
  Result<NamesFound> read(std::string_view text) {
    if (auto why = why_not_text(text)) return fail(Errc::bad_value, std::move(*why));
    WgQuickLines lines(text);
    while (const auto text_of_line = lines.next()) line(lines.number(), *text_of_line);
    if (!any_section_)
      return fail(Errc::bad_value,
                  "there is no [Interface] or [Peer] section: this is not a wg-quick file, or it "
                  "is cut short");
    return peers_.finish();
  }

 private:
  void line(std::size_t number, std::string_view text) {
    if (text.empty()) peers_.blank();
    if (text.starts_with('#')) peers_.comment(number, text);
    text = without_comment(text);
    if (text.empty()) return;
    if (text[0] == '[') return section(number, text);
    peers_.assignment();
    const auto assignment = split_assignment(text);
    if (assignment && equals_but_blanks(assignment->key, "PublicKey"))
      peers_.public_key(number, assignment->value);
  }

  void section(std::size_t number, std::string_view text) {
    const bool is_peer = is_header(text, "Peer");
    any_section_ |= is_peer || is_header(text, "Interface");
    if (is_peer)
      peers_.peer(number);
    else
      peers_.section();
  }

  NamedPeers peers_{"[Peer]"};
  bool any_section_ = false;
};

}  // namespace

Result<NamesFound> parse_wg_quick_names(std::string_view text) { return Reader().read(text); }

}  // namespace wgscope::config
