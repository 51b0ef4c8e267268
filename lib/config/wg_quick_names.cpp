#include <algorithm>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/core.h>

#include "wgscope/base/result.hpp"
#include "wgscope/base/text.hpp"
#include "wgscope/config/names.hpp"
#include "wgscope/model/public_key.hpp"

namespace wgscope::config {
namespace {

struct Assignment {
  std::string_view key;
  std::string_view value;
};

std::optional<Assignment> split(std::string_view line) {
  const std::size_t equals = line.find('=');
  if (equals == std::string_view::npos) return std::nullopt;
  return Assignment{trim(line.substr(0, equals)), trim(line.substr(equals + 1))};
}

class Reader {
 public:
  Result<PeerNames> read(std::string_view text) {
    constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
    if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
    while (!text.empty()) {
      ++line_;
      const std::size_t end = std::min(text.find('\n'), text.size());
      if (auto done = line(trim(text.substr(0, end))); !done) return tl::unexpected(done.error());
      text.remove_prefix(std::min(end + 1, text.size()));
    }
    if (auto done = finish_peer(); !done) return tl::unexpected(done.error());
    if (!any_section_)
      return fail(Errc::bad_value,
                  "no [Interface] or [Peer] section: not a wg-quick file, or cut short");
    return std::move(names_);
  }

 private:
  Result<> line(std::string_view text) {
    if (text.empty()) return {};
    if (text[0] == '#') return comment(text.substr(1));
    text = trim(text.substr(0, text.find('#')));
    if (text[0] == '[') return section(text);
    if (!in_peer_) return {};
    const auto assignment = split(text);
    if (!assignment || !iequals(assignment->key, "PublicKey")) return {};
    const auto key = PublicKey::from_base64(assignment->value);
    if (!key) return bad(key.error().context);
    key_ = *key;
    return {};
  }

  Result<> comment(std::string_view text) {
    const auto assignment = split(text);
    if (!in_peer_ || !assignment || assignment->value.empty()) return {};
    if (iequals(assignment->key, "friendly_name") || iequals(assignment->key, "Name"))
      name_ = assignment->value;
    return {};
  }

  Result<> section(std::string_view text) {
    if (auto done = finish_peer(); !done) return done;
    in_peer_ = iequals(text, "[Peer]");
    any_section_ |= in_peer_ || iequals(text, "[Interface]");
    section_line_ = line_;
    return {};
  }

  Result<> finish_peer() {
    const auto key = std::exchange(key_, std::nullopt);
    std::string name = std::exchange(name_, std::string());
    if (name.empty()) return {};
    if (!key)
      return fail(Errc::bad_value,
                  fmt::format("line {}: a named [Peer] without PublicKey", section_line_));
    names_.insert_or_assign(*key, std::move(name));
    return {};
  }

  Result<> bad(std::string_view what) const {
    return fail(Errc::bad_value, fmt::format("line {}: PublicKey is {}", line_, what));
  }

  PeerNames names_;
  std::optional<PublicKey> key_;
  std::string name_;
  std::size_t line_ = 0;
  std::size_t section_line_ = 0;
  bool in_peer_ = false;
  bool any_section_ = false;
};

}  // namespace

Result<PeerNames> parse_wg_quick_names(std::string_view text) { return Reader().read(text); }

}  // namespace wgscope::config
