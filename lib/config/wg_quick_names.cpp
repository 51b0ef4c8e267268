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

#include "wg_quick_lines.hpp"

namespace wgscope::config {
namespace {

class Reader {
 public:
  Result<PeerNames> read(std::string_view text) {
    WgQuickLines lines(text);
    while (const auto text_of_line = lines.next()) {
      line_ = lines.number();
      if (auto done = line(*text_of_line); !done) return tl::unexpected(done.error());
    }
    if (auto done = finish_peer(); !done) return tl::unexpected(done.error());
    if (!any_section_)
      return fail(Errc::bad_value,
                  "there is no [Interface] or [Peer] section: this is not a wg-quick file, or it "
                  "is cut short");
    return std::move(names_);
  }

 private:
  Result<> line(std::string_view text) {
    if (const auto name = peer_name(text); name && in_peer_) name_ = *name;
    text = without_comment(text);
    if (text.empty()) return {};
    if (text[0] == '[') return section(text);
    if (!in_peer_) return {};
    const auto assignment = split_assignment(text);
    if (!assignment || !iequals(assignment->key, "PublicKey")) return {};
    const auto key = PublicKey::from_base64(assignment->value);
    if (!key) return bad(key.error().context);
    key_ = *key;
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
                  fmt::format("line {}: this [Peer] has a name but no PublicKey", section_line_));
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
