#include "peer_marks.hpp"

#include <algorithm>
#include <cstddef>
#include <string_view>

#include "wgscope/base/text.hpp"

#include "wg_quick_lines.hpp"

namespace wgscope::config {
namespace {

/// Takes `word` and the blanks behind it off the front.
bool take_word(std::string_view& text, std::string_view word) {
  if (text.size() <= word.size() || !iequals(text.substr(0, word.size()), word)) return false;
  const char next = text[word.size()];
  if (next != ' ' && next != '\t') return false;
  text = trim_blanks(text.substr(word.size()));
  return true;
}

/// "NAME (ID)" without the ID of wg-easy: a UUID, or a number. A name may end with brackets of its
/// own.
std::string_view without_id(std::string_view text) {
  const std::size_t open = text.rfind('(');
  if (!text.ends_with(')') || open == std::string_view::npos || open == 0) return text;
  const std::string_view id = text.substr(open + 1, text.size() - open - 2);
  const auto is_of_id = [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || c == '-';
  };
  if (id.empty() || !std::ranges::all_of(id, is_of_id)) return text;
  return trim_blanks(text.substr(0, open));
}

PeerMark mark(PeerMark::Kind kind, NameRank rank, std::string_view name) {
  if (name.empty()) return {};
  return {kind, rank, name};
}

/// "KEY = NAME" or "KEY: NAME", whichever of the two characters comes first.
PeerMark mark_of_assignment(std::string_view text) {
  const std::size_t at = text.find_first_of("=:");
  if (at == std::string_view::npos) return {};
  const std::string_view key = trim_blanks(text.substr(0, at));
  const std::string_view name = trim_blanks(text.substr(at + 1));
  if (iequals(key, "friendly_name")) return mark(PeerMark::Kind::name, NameRank::friendly, name);
  if (iequals(key, "Name")) return mark(PeerMark::Kind::name, NameRank::plain, name);
  if (iequals(key, "Client") && text[at] == ':')
    return mark(PeerMark::Kind::heading, NameRank::generated, without_id(name));
  return {};
}

}  // namespace

PeerMark peer_mark(std::string_view comment) {
  const char sign = comment.starts_with(';') ? ';' : '#';
  const std::size_t hashes = std::min(comment.find_first_not_of(sign), comment.size());
  std::string_view text = trim_blanks(comment.substr(hashes));
  constexpr std::string_view kDisabled = "[disabled]";  // how PiVPN comments a peer out
  if (text.starts_with(kDisabled)) text = trim_blanks(text.substr(kDisabled.size()));
  const std::string_view header = without_comment(text);
  if (is_header(header, "Peer") || is_header(header, "WireGuardPeer"))
    return {.kind = PeerMark::Kind::gone};
  if (hashes == 3 && take_word(text, "begin")) {
    if (!text.ends_with("###")) return {};
    text.remove_suffix(3);
    return mark(PeerMark::Kind::heading, NameRank::generated, trim_blanks(text));
  }
  if (hashes == 3 && take_word(text, "Client"))
    return mark(PeerMark::Kind::heading, NameRank::generated, text);
  // More than one: a comment that is commented out.
  if (hashes != 1) return {};
  if (take_word(text, "BEGIN_PEER"))
    return mark(PeerMark::Kind::heading, NameRank::generated, text);
  return mark_of_assignment(text);
}

}  // namespace wgscope::config
