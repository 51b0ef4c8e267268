#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/core.h>

#include "wgscope/base/result.hpp"
#include "wgscope/config/names.hpp"
#include "wgscope/config/wg_quick.hpp"
#include "wgscope/model/public_key.hpp"

#include "names_found.hpp"
#include "peer_namer.hpp"
#include "wg_quick_lines.hpp"

namespace wgscope::config {
namespace {

class Reader {
 public:
  Result<NamesFound> read(std::string_view text) {
    if (auto why = why_not_text(text)) return fail(Errc::bad_value, std::move(*why));
    WgQuickLines lines(text);
    while (const auto text_of_line = lines.next()) {
      line_ = lines.number();
      line(*text_of_line);
    }
    if (!any_section_)
      return fail(Errc::bad_value,
                  "there is no [Interface] or [Peer] section: this is not a wg-quick file, or it "
                  "is cut short");
    return finish();
  }

 private:
  struct Peer {
    std::optional<PublicKey> key;
    std::size_t line = 0;
    bool has_bad_key = false;
  };

  void line(std::string_view text) {
    if (text.empty()) namer_.blank();
    if (text.starts_with('#')) namer_.comment(line_, text);
    text = without_comment(text);
    if (text.empty()) return;
    if (text[0] == '[') return section(text);
    namer_.assignment();
    if (!in_peer_) return;
    const auto assignment = split_assignment(text);
    if (assignment && equals_but_blanks(assignment->key, "PublicKey")) public_key(*assignment);
  }

  void section(std::string_view text) {
    in_peer_ = is_header(text, "Peer");
    any_section_ |= in_peer_ || is_header(text, "Interface");
    if (!in_peer_) return namer_.section();
    namer_.peer();
    peers_.push_back({.key = {}, .line = line_});
  }

  void public_key(const Assignment& assignment) {
    Peer& peer = peers_.back();
    const auto key = PublicKey::from_base64(without_blanks(assignment.value).view());
    if (!key) {
      peer.has_bad_key = true;
      warn(line_, fmt::format("PublicKey is {}", key.error().context));
      return;
    }
    if (peer.key && *peer.key != *key) {
      namer_.second_key();
      warn(line_,
           "this section has another PublicKey already, so neither has a name: most likely a "
           "[Peer] is missing above",
           WarningKind::header_missing);
    }
    peer.key = *key;
  }

  Result<NamesFound> finish() {
    const PeerNamer::Result named = namer_.finish();
    for (std::size_t i = 0; i < peers_.size(); ++i)
      if (!named.names[i].empty()) name(peers_[i], named.names[i]);
    for (Warning& warning : named.warnings()) found_.warnings.push_back(std::move(warning));
    return unless_all_bad(std::move(found_));
  }

  void name(const Peer& peer, std::string_view name) {
    if (peer.has_bad_key) return;
    if (!peer.key) return warn(peer.line, "this [Peer] has a name but no PublicKey");
    found_.add(*peer.key, std::string(name), peer.line);
  }

  void warn(std::size_t line, std::string text, WarningKind kind = WarningKind::refused) {
    found_.warnings.push_back({line, std::move(text), kind});
  }

  NamesFound found_;
  PeerNamer namer_;
  std::vector<Peer> peers_;
  std::size_t line_ = 0;
  bool in_peer_ = false;
  bool any_section_ = false;
};

}  // namespace

Result<NamesFound> parse_wg_quick_names(std::string_view text) { return Reader().read(text); }

}  // namespace wgscope::config
